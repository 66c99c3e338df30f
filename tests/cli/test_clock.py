"""bkendctl clock as a person sees it: distances and durations count on the environment's clock."""

from __future__ import annotations

import pytest
from shell import ALICE, Shell


@pytest.fixture
def ahead(alice: Shell) -> Shell:
    """Alice's environment, ten days on; she has signed in there."""
    alice.ok("clock", "advance", "10d")
    alice.login()
    return alice


def test_what_was_done_now_is_not_told_as_of_the_future(ahead: Shell) -> None:
    """Lists and cards tell how long ago it was there, where it was ten days after now."""
    ahead.ok("users", "create", "bob@example.com", "--name", "Bob")
    for said in (ahead.ok("sessions", "list"), ahead.ok("users", "get", "bob@example.com")):
        assert "now" in said.out.split()[-1] or " s ago" in said.out
        assert "in 9 d" not in said.out
        assert "in 10 d" not in said.out


def test_a_duration_counts_from_there(ahead: Shell) -> None:
    """A ban of seven days is not over before it begins."""
    ahead.ok("users", "create", "bob@example.com", "--name", "Bob")
    ahead.ok("users", "ban", "bob@example.com", "--until", "7d", "--yes")
    assert [user["email"] for user in ahead.json("users", "list", "--status", "banned")["items"]] == [
        "bob@example.com"
    ]
    made = ahead.ok("keys", "create", "--type", "secret", "--name", "ci", "--expires", "5h")
    assert "in 4 h" in made.out or "in 5 h" in made.out


def test_how_long_ago_counts_back_from_there(ahead: Shell) -> None:
    """Who signed in a moment ago did not do so before an hour ago."""
    assert ahead.json("users", "list", "--last-sign-in-before", "1h")["items"] == []
    assert [
        user["email"] for user in ahead.json("users", "list", "--last-sign-in-before", "0s")["items"]
    ] == [ALICE]


def test_the_audit_keeps_to_real_time(ahead: Shell) -> None:
    """When something was really done is not moved with the clock."""
    assert " d ago" not in ahead.ok("audit", "list").out
    assert ahead.json("audit", "list", "--since", "1h")["items"]
