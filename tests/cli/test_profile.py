"""bkendctl profile: show and set, the own one and others'."""

from __future__ import annotations

import pytest
from shell import ALICE, Shell

BOB = "bob@example.com"


def test_a_profile_is_changed_value_by_value(alice: Shell) -> None:
    """What is named changes, null clears, and links go one by one."""
    alice.ok("profile", "set", "--nickname", "Al", "--mobile", "+821012345678", "--bio", "Hi")
    set_ = alice.json(
        "profile", "set", "--social", "github=https://github.com/a", "--social", "twitter=https://x.com/a"
    )
    assert (set_["nickname"], set_["mobile"], set_["bio"]) == ("Al", "+821012345678", "Hi")
    set_ = alice.json("profile", "set", "--mobile", "null", "--social", "twitter=null", "--gender", "none")
    assert set_["socialLinks"] == {"github": "https://github.com/a", "twitter": None, "linkedin": None}
    assert (set_["nickname"], set_["mobile"], set_["gender"]) == ("Al", None, "none")
    assert alice.json("profile", "set", "--social", "null")["socialLinks"] is None
    assert alice.json("profile", "show")["nickname"] == "Al"


def test_a_name_may_be_any_word(alice: Shell) -> None:
    """A name cannot be cleared, so null is a name like others."""
    assert alice.json("profile", "set", "--name", "null")["name"] == "null"


def test_an_admin_changes_others(alice: Shell) -> None:
    """--user names another by address or id, in the voice of administration."""
    bob = alice.json("users", "create", BOB)["id"]
    assert alice.json("profile", "set", "--bio", "Hi", "--user", BOB)["id"] == bob
    assert alice.json("profile", "show", "--user", bob)["bio"] == "Hi"
    assert alice.json("profile", "show")["email"] == ALICE
    alice.refused(5, "user/not-found", "profile", "show", "--user", "nobody@example.com")


def test_others_are_seen_as_far_as_they_are_public(alice: Shell) -> None:
    """A signed-in user is refused a private profile and shown the public part of another."""
    bob = alice.json("users", "create", BOB)["id"]
    asking = ("profile", "show", "--user", bob, "--as", "user")
    alice.refused(4, "user/forbidden", *asking)
    alice.refused(4, "user/forbidden", "profile", "set", "--bio", "x", "--user", bob, "--as", "user")
    alice.ok("public-settings", "set", "--public", "--slug", "bob", "--user", bob)
    seen = alice.json(*asking)
    assert seen["slug"] == "bob"
    assert "email" not in seen


@pytest.mark.parametrize(
    ("typed", "status", "code"),
    [
        ((), 2, "cli/usage"),
        (("--social", "mastodon=https://x.example"), 2, "cli/usage"),
        (("--social", "https://github.com/a"), 2, "cli/usage"),
        (("--social", "github=javascript:alert(1)"), 10, "common/invalid-parameters"),
        (("--gender", "x"), 10, "common/invalid-parameters"),
        (("--nickname", ""), 10, "user/invalid-nickname"),
    ],
)
def test_faulty_values_are_refused(typed: tuple[str, ...], status: int, code: str, alice: Shell) -> None:
    """Wrong usage exits 2, a value that breaks a limit 10."""
    alice.refused(status, code, "profile", "set", *typed)


@pytest.mark.parametrize("noun", ["profile", "preferences", "notifications", "onboarding", "public-settings"])
def test_nobody_is_signed_in(noun: str, ready: Shell) -> None:
    """What is the user's own needs one: exit 3."""
    ready.refused(3, "cli/not-signed-in", noun, "show")


@pytest.mark.parametrize("noun", ["preferences", "notifications", "onboarding", "public-settings"])
def test_a_change_names_something(noun: str, alice: Shell) -> None:
    """Nothing to change is a usage error that leads to the help."""
    assert alice.refused(2, "cli/usage", noun, "set")["hint"] == f"bkendctl {noun} set --help"


def test_the_help_tells_it_from_profiles(shell: Shell) -> None:
    """Who looks for connections is sent on."""
    told = shell.ok("profile", "--help").out
    assert "The user's public profile; connections are `profiles`." in told
