"""bkendctl token: print, show, refresh."""

from __future__ import annotations

import json
import time
from datetime import timedelta

import pytest
from shell import ALICE, Shell


def age(alice: Shell, **left: float) -> None:
    """Let the stored token seem to end in that time on this machine's clock."""
    file = alice.home / "credentials.json"
    content = json.loads(file.read_text())
    credentials = content["profiles"]["default"]
    credentials["expires_at"] = time.time() + timedelta(**left).total_seconds()
    file.write_text(json.dumps(content))


def test_print_gives_the_bare_token(alice: Shell) -> None:
    """One line for $(…); as JSON it is an object."""
    token = alice.credentials["access_token"]
    assert alice.ok("token", "print").out == token + "\n"
    assert alice.ok("token", "print", "-q").out == token + "\n"
    assert alice.json("token", "print") == {"accessToken": token}


def test_print_renews_what_has_expired(alice: Shell) -> None:
    """An expired token is renewed first, unless --no-refresh asks for it as it is."""
    before = alice.credentials["access_token"]
    age(alice, minutes=5)
    assert alice.ok("token", "print").out.strip() == before
    age(alice, minutes=-60)
    assert alice.ok("token", "print", "--no-refresh").out.strip() == before
    after = alice.ok("token", "print").out.strip()
    assert after != before
    assert alice.credentials["access_token"] == after


def test_show_reads_the_token_offline(alice: Shell) -> None:
    """Header, claims and time left, also when the core is gone."""
    alice.database.unlink()
    shown = alice.json("token", "show")
    assert shown["header"]["typ"] == "at+jwt"
    assert shown["claims"]["sub"] == alice.credentials["user_id"]
    assert 0 < shown["secondsLeft"] <= 3600


def test_refresh_renews_now(alice: Shell) -> None:
    """Both tokens change; the session stays the same."""
    before, session = alice.credentials, alice.json("token", "show")["claims"]["sid"]
    assert alice.json("token", "refresh")["expiresIn"] >= 3599
    assert alice.credentials["access_token"] != before["access_token"]
    assert alice.credentials["refresh_token"] != before["refresh_token"]
    assert alice.json("token", "show")["claims"]["sid"] == session


def test_a_token_that_was_handed_in_is_not_renewed(alice: Shell) -> None:
    """BKENDCTL_ACCESS_TOKEN is printed as it is; refresh says why it cannot."""
    alice.set(ACCESS_TOKEN="not.a-jwt")
    assert alice.ok("token", "print").out == "not.a-jwt\n"
    alice.refused(3, "auth/invalid-token", "token", "show")
    alice.refused(2, "cli/usage", "token", "refresh")


@pytest.mark.parametrize("verb", ["print", "show", "refresh"])
def test_without_a_session_it_says_so(verb: str, ready: Shell) -> None:
    """Exit 3, and what to type next."""
    assert ready.refused(3, "cli/not-signed-in", "token", verb)["hint"] == "bkendctl login"


def test_a_refresh_token_that_was_used_elsewhere_ends_the_session(alice: Shell) -> None:
    """A copy of the credentials that is used after a renewal is refused, and what it holds is dropped."""
    copy = (alice.home / "credentials.json").read_bytes()
    alice.ok("token", "refresh")
    (alice.home / "credentials.json").write_bytes(copy)
    said = alice("token", "refresh")
    assert (said.status, said.code) == (3, "auth/invalid-refresh-token")
    alice.refused(3, "cli/not-signed-in", "whoami")
    assert alice.login(ALICE).status == 0
