"""signup, login, logout, whoami, password, email and account, as a person types them."""

from __future__ import annotations

import re

import pytest
from shell import ALICE, PASSWORD, Shell

FRESH = "An0ther-horse!"


def test_signup_signs_in(ready: Shell) -> None:
    """JSON is {user, expiresIn, profile}; the session is kept, and no token is shown."""
    said = ready.ok("signup", ALICE, "--name", "Alice", "--password-stdin", "-o", "json", stdin=PASSWORD)
    assert set(said.json) == {"user", "expiresIn", "profile"}
    assert said.json["user"]["email"] == ALICE
    assert said.json["expiresIn"] == 3600
    assert said.json["profile"] == "default"
    assert ready.credentials["access_token"] not in said.out
    assert ready.json("whoami") == said.json["user"]


@pytest.mark.parametrize("verb", [["signup", "--name", "Bob"], ["login"]])
def test_tokens_are_shown_on_demand(verb: list[str], ready: Shell) -> None:
    """--show-tokens adds the token pair as the API gave it; they are the ones that are kept."""
    if verb[0] == "login":
        ready.sign_up("bob@example.com")
    told = ready.json(*verb, "bob@example.com", "--password-stdin", "--show-tokens", stdin=PASSWORD)["tokens"]
    assert set(told) == {"accessToken", "refreshToken", "tokenType", "expiresIn"}
    assert ready.credentials["access_token"] == told["accessToken"]
    assert ready.credentials["refresh_token"] == told["refreshToken"]


def test_the_password_comes_from_the_environment(ready: Shell) -> None:
    """BKENDCTL_PASSWORD answers where a terminal would ask."""
    ready.set(PASSWORD=PASSWORD)
    ready.ok("signup", ALICE, "--name", "Alice", "--no-input")
    assert ready.ok("login", ALICE, "-q").out.strip() == ready.json("whoami")["id"]


@pytest.mark.parametrize(
    ("email", "password", "code"),
    [
        ("not-an-address", PASSWORD, "auth/invalid-email"),
        ("a@b.example, c@d.example", PASSWORD, "auth/invalid-email"),
        ("bob@example.com", "P@ssw0rd", "auth/weak-password"),
        ("bob@example.com", "short", "auth/invalid-password-format"),
    ],
)
def test_a_signup_that_breaks_a_rule(email: str, password: str, code: str, ready: Shell) -> None:
    """Exit 10 with the code of the contract, no user, nobody signed in."""
    ready.refused(10, code, "signup", email, "--name", "Bob", "--password-stdin", stdin=password)
    assert ready.sql("SELECT count(*) FROM users") == [(0,)]
    assert "access_token" not in ready.credentials


def test_an_address_signs_up_once(alice: Shell) -> None:
    """The second time is a conflict, and the session of the first stays."""
    before = alice.credentials
    alice.refused(6, "auth/email-already-exists", "signup", ALICE, "--name", "A", "--password-stdin",
                  stdin=PASSWORD)  # fmt: skip
    assert alice.credentials == before


@pytest.mark.parametrize(("email", "password"), [(ALICE, "wrong"), ("nobody@example.com", PASSWORD)])
def test_wrong_credentials(email: str, password: str, alice: Shell) -> None:
    """Exit 3 and the same words for a wrong password and an unknown address; the session stays."""
    before = alice.credentials
    error = alice.refused(3, "auth/invalid-credentials", "login", email, "--password-stdin", stdin=password)
    assert error["message"] == "Wrong e-mail or password."
    assert alice.credentials == before


def test_guessing_locks(alice: Shell) -> None:
    """After five wrong passwords exit 7 tells how long to wait."""
    for _ in range(5):
        assert alice("login", ALICE, "--password-stdin", stdin="wrong").status == 3
    error = alice.refused(7, "auth/account-locked", "login", ALICE, "--password-stdin", stdin=PASSWORD)
    assert error["retryAfter"] > 60


def test_a_banned_user_is_told_after_the_right_password(alice: Shell) -> None:
    """Exit 3, as for every refused sign-in."""
    alice.ok("users", "ban", ALICE, "--reason", "spam", "--yes")
    alice.refused(3, "auth/account-banned", "login", ALICE, "--password-stdin", stdin=PASSWORD)


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["signup"], "EMAIL"),
        (["signup", ALICE], "--name"),
        (["signup", ALICE, "--name", "A"], "--password-stdin"),
        (["login"], "EMAIL"),
        (["login", ALICE], "--password-stdin"),
        (["keys", "create", "--type", "secret"], "--name"),
        (["keys", "create", "--name", "ci"], "--type"),
        (["users", "delete", ALICE], "--yes"),
        (["mfa", "enroll"], "--password-stdin"),
    ],
)
def test_what_is_missing_is_named(arguments: list[str], option: str, alice: Shell) -> None:
    """Without a terminal nothing is asked: exit 2 and the option that is missing."""
    for more in ([], ["--no-input"]):
        error = alice.refused(2, "cli/usage", *arguments, *more)
        assert option in error["message"]
        assert option in error["hint"]


def test_logout_ends_the_session_and_forgets_it(alice: Shell) -> None:
    """The tokens are gone here and dead at the server; the keys stay."""
    token = alice.ok("token", "print").out.strip()
    assert alice.json("logout") == {"message": "Signed out."}
    assert not {"access_token", "refresh_token", "user_id", "email"} & set(alice.credentials)
    assert "secret_key" in alice.credentials
    alice.refused(3, "cli/not-signed-in", "whoami")
    alice.refused(3, "cli/not-signed-in", "logout")
    alice.set(ACCESS_TOKEN=token)
    alice.refused(3, "auth/invalid-token", "whoami")


def test_logout_all_ends_every_session(alice: Shell) -> None:
    """--all reaches the sessions of other devices too."""
    alice.ok("login", ALICE, "--password-stdin", stdin=PASSWORD)
    assert alice.json("sessions", "list")["pagination"]["total"] == 2
    alice.ok("logout", "--all")
    assert alice.sql("SELECT count(*) FROM sessions WHERE ended_at IS NULL") == [(0,)]


def test_logout_without_the_server(alice: Shell) -> None:
    """When the core is gone the session is forgotten here and the message says what may live on."""
    alice.database.rename(alice.home / "away.db")
    said = alice.ok("logout")
    assert "may still live" in said.out
    assert "access_token" not in alice.credentials


def test_logout_of_a_session_that_ended_elsewhere(alice: Shell) -> None:
    """Exit 0: what was wanted is so, and the message tells what the server said."""
    alice.ok("users", "revoke-sessions", ALICE, "--yes")
    assert alice.ok("logout").out.startswith("Forgotten here")
    assert "access_token" not in alice.credentials


def test_logout_with_a_token_that_was_handed_in(alice: Shell) -> None:
    """BKENDCTL_ACCESS_TOKEN's session ends; the one that is stored here lives on."""
    token = alice.ok("token", "print").out.strip()
    alice.ok("login", ALICE, "--password-stdin", stdin=PASSWORD)
    alice.set(ACCESS_TOKEN=token)
    alice.ok("logout")
    alice.refused(3, "auth/invalid-token", "whoami")
    alice.unset("ACCESS_TOKEN")
    assert alice.json("whoami")["email"] == ALICE


def test_login_goes_before_a_token_that_was_handed_in(alice: Shell) -> None:
    """Who signs in sees the user who signed in, even with another's token in the environment."""
    alice.set(ACCESS_TOKEN=alice.ok("token", "print").out.strip())
    assert alice.sign_up("bob@example.com")["user"]["email"] == "bob@example.com"
    assert alice.json("whoami")["email"] == ALICE
    alice.unset("ACCESS_TOKEN")
    assert alice.json("whoami")["email"] == "bob@example.com"


def test_an_expired_token_is_renewed_in_passing(alice: Shell) -> None:
    """An hour later the next command renews the tokens by itself; the old ones are replaced."""
    before = alice.credentials["access_token"]
    alice.pass_time(3601)
    assert alice.json("whoami")["email"] == ALICE
    assert alice.credentials["access_token"] != before
    assert alice.sql("SELECT count(*) FROM audit_events WHERE action = 'sessions.refresh'") == [(1,)]


def test_a_session_that_is_over_says_so(alice: Shell) -> None:
    """When the refresh token has expired too, exit 3 leads to login, and the dead tokens are dropped."""
    alice.pass_time(400 * 86_400)
    said = alice("whoami")
    assert said.status == 3
    assert said.err.endswith("→ bkendctl login\n")
    assert "refresh_token" not in alice.credentials


def test_a_changed_password_signs_in_again(alice: Shell) -> None:
    """All sessions end, this terminal stays signed in, and only the new password works."""
    alice.ok("login", ALICE, "--password-stdin", stdin=PASSWORD)
    alice.set(PASSWORD=PASSWORD)
    alice.ok("password", "change", "--new-password-stdin", "--no-input", stdin=FRESH)
    assert alice.json("sessions", "list")["pagination"]["total"] == 1
    assert alice.json("profiles", "show")["email"] == ALICE
    assert alice("login", ALICE).status == 3
    alice.set(PASSWORD=FRESH)
    alice.ok("login", ALICE)


@pytest.mark.parametrize(
    ("present", "fresh", "status", "code"),
    [
        ("wrong", FRESH, 3, "auth/invalid-password"),
        (PASSWORD, PASSWORD, 10, "auth/same-as-previous-password"),
        (PASSWORD, "P@ssw0rd", 10, "auth/weak-password"),
    ],
)
def test_a_password_that_is_not_changed(
    present: str, fresh: str, status: int, code: str, alice: Shell
) -> None:
    """A refusal leaves session and password as they were."""
    alice.set(PASSWORD=present, NEW_PASSWORD=fresh)
    alice.refused(status, code, "password", "change")
    alice.set(PASSWORD=PASSWORD)
    assert alice.json("whoami")["email"] == ALICE
    alice.ok("login", ALICE)


def test_the_own_account_is_deleted(alice: Shell) -> None:
    """Asked before, it is gone after: signed out here, no sign-in any more, restorable by an admin."""
    alice.refused(2, "cli/usage", "account", "delete")
    assert alice.json("whoami")["email"] == ALICE
    alice.ok("account", "delete", "--yes")
    alice.refused(3, "cli/not-signed-in", "whoami")
    assert alice.login().status == 3
    alice.ok("users", "restore", ALICE)
    alice.ok("login", ALICE, "--password-stdin", stdin=PASSWORD)


def test_an_address_is_proven_with_the_mailed_token(alice: Shell) -> None:
    """The token of the confirmation mail works, also a second time, until it expires; no other does."""
    link = alice.ok("mail", "show", alice.ok("mail", "list", "-q").out.strip(), "-q").out.split()[0]
    token = re.search(r"token=([^&]+)", link)
    assert token is not None
    alice.refused(5, "auth/verification-token-not-found", "email", "signup-confirm", ALICE, "--token", "x")
    confirm = ("email", "signup-confirm", ALICE, "--token", "-")
    assert alice.json(*confirm, stdin=token[1] + "\n") == {
        "success": True, "data": {"verified": True, "email": ALICE},
    }  # fmt: skip
    assert alice.json("whoami")["emailVerified"] is not None
    alice.ok(*confirm, stdin=token[1])
    alice.pass_time(86_400)
    alice.refused(3, "auth/verification-token-expired", *confirm, stdin=token[1])
