"""bkendctl profiles: where commands go."""

from __future__ import annotations

import json

import pytest
from shell import ALICE, Shell

URL = "https://auth.example.com"
KEY = "sk_" + "a" * 64


def test_profiles_are_listed(alice: Shell) -> None:
    """The current one is marked; JSON is a list of objects."""
    alice.ok("profiles", "add", "prod", "--url", URL + "/")
    found = {profile["name"]: profile for profile in alice.json("profiles", "list")}
    assert found["prod"]["url"] == URL
    assert (found["prod"]["current"], found["default"]["current"]) == (True, False)
    assert (found["prod"]["kind"], found["default"]["kind"]) == ("remote", "embedded")


def test_a_profile_shows_where_its_credentials_are(alice: Shell) -> None:
    """Which store, what it holds, who is signed in; never a secret."""
    said = alice.ok("profiles", "show", "-o", "json")
    assert said.json["store"] == f"file ({alice.home / 'credentials.json'})"
    assert said.json["holds"] == ["publishable key", "secret key", "session"]
    assert said.json["email"] == ALICE
    assert not [
        value
        for name, value in alice.credentials.items()
        if name.endswith(("key", "token")) and value in said.out
    ]


def test_another_profile_becomes_current(alice: Shell) -> None:
    """use changes where commands go."""
    alice.ok("profiles", "add", "prod", "--url", URL)
    alice.refused(3, "cli/not-signed-in", "whoami")
    alice.ok("profiles", "use", "default")
    assert alice.json("whoami")["email"] == ALICE


def test_a_key_comes_from_stdin(ready: Shell) -> None:
    """It is kept with the credentials, not in the configuration."""
    ready.ok("profiles", "add", "prod", "--url", URL, "--api-key-stdin", stdin=KEY + "\n")
    assert ready.json("profiles", "show", "prod")["holds"] == ["secret key"]
    assert KEY not in (ready.home / "config.toml").read_text()


def test_a_profile_is_removed_with_its_credentials(alice: Shell) -> None:
    """Asked before; the database stays, and is named."""
    alice.refused(2, "cli/usage", "profiles", "remove", "default")
    said = alice.ok("profiles", "remove", "default", "--yes")
    assert str(alice.database) in said.err
    assert alice.database.exists()
    assert json.loads((alice.home / "credentials.json").read_text())["profiles"] == {}
    alice.refused(3, "cli/no-profile", "whoami")


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (["show", "nope"], 5, "cli/profile-not-found"),
        (["use", "nope"], 5, "cli/profile-not-found"),
        (["remove", "nope", "--yes"], 5, "cli/profile-not-found"),
        (["add", "default", "--url", URL], 6, "cli/profile-exists"),
        (["add", "prod"], 2, "cli/usage"),
        (["add", "no/name", "--url", URL], 2, "cli/usage"),
        (["add", "prod", "--url", "http://auth.example.com"], 2, "cli/usage"),
        (["add", "prod", "--url", "https://user:pw@auth.example.com"], 2, "cli/usage"),
        (["add", "prod", "--url", URL, "--api-key-stdin"], 2, "cli/usage"),
    ],
)
def test_what_is_refused(arguments: list[str], status: int, code: str, alice: Shell) -> None:
    """Each with its code; configuration and credentials stay as they were."""
    before = {file: file.read_bytes() for file in alice.home.glob("c*.*") if file.suffix != ".lock"}
    alice.refused(status, code, "profiles", *arguments, stdin="no key" if arguments[0] == "add" else "")
    assert {file: file.read_bytes() for file in alice.home.glob("c*.*") if file.suffix != ".lock"} == before


def test_a_name_that_looks_like_one_is_suggested(alice: Shell) -> None:
    """A slip of the finger leads on."""
    assert alice.refused(5, "cli/profile-not-found", "whoami", "-p", "defualt")["hint"] == (
        "did you mean default?"
    )
    alice.set(PROFILE="missing")
    alice.refused(5, "cli/profile-not-found", "whoami")


def test_credentials_of_a_lost_profile_go_nowhere(ready: Shell) -> None:
    """What is still stored under a name is dropped before that name leads to a server."""
    ready.ok("profiles", "add", "prod", "--url", URL, "--api-key-stdin", stdin=KEY)
    ready.ok("profiles", "use", "default")
    config = ready.home / "config.toml"
    config.write_text(config.read_text().partition("[profiles.prod]")[0])
    ready.ok("profiles", "add", "prod", "--url", "https://other.example.com")
    assert ready.json("profiles", "show", "prod")["holds"] == []


def test_a_damaged_store_is_noticed_before_a_profile_is_added(ready: Shell) -> None:
    """A key that cannot be kept adds no profile without one."""
    (ready.home / "credentials.json").write_text("{")
    ready.refused(
        1, "cli/store-damaged", "profiles", "add", "prod", "--url", URL, "--api-key-stdin", stdin=KEY
    )
    assert "prod" not in (ready.home / "config.toml").read_text()
