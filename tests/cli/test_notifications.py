"""bkendctl notifications: show and set."""

from __future__ import annotations

from shell import ALICE, Shell


def test_switches_are_set_one_by_one(alice: Shell) -> None:
    """Named ones change, the others stay; --user asks as an admin."""
    before = alice.json("notifications", "show")
    alice.ok("notifications", "set", "--marketing", "--no-push")
    alice.ok("notifications", "set", "--night-time", "--user", ALICE)
    assert alice.json("notifications", "show") == before | {
        "marketing": True,
        "push": False,
        "nightTime": True,
    }
