"""bkendctl onboarding: show and set."""

from __future__ import annotations

from shell import Shell


def test_progress_is_kept(alice: Shell) -> None:
    """Status, step at hand and all completed steps; null empties the latter two."""
    steps = ("--completed-step", "name", "--completed-step", "team")
    alice.ok("onboarding", "set", "--status", "in_progress", "--step", "invite", *steps)
    assert alice.json("onboarding", "set", "--status", "completed", "--step", "null")["completedAt"]
    assert alice.json("onboarding", "show")["completedSteps"] == ["name", "team"]
    assert alice.json("onboarding", "set", "--completed-step", "null")["completedSteps"] == []
    alice.refused(10, "common/invalid-parameters", "onboarding", "set", "--status", "done")
