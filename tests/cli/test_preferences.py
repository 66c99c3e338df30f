"""bkendctl preferences: show and set."""

from __future__ import annotations

from shell import ALICE, Shell


def test_preferences_are_set_and_cleared(alice: Shell) -> None:
    """What is named changes, null clears; an admin does it for others."""
    nothing = {"locale": None, "timezone": None, "theme": None}
    assert alice.json("preferences", "show") == nothing
    alice.ok("preferences", "set", "--locale", "ko", "--timezone", "Asia/Seoul", "--theme", "dark")
    assert alice.json("preferences", "set", "--theme", "null")["theme"] is None
    alice.ok("preferences", "set", "--timezone", "null", "--user", ALICE, "--as", "key")
    assert alice.json("preferences", "show") == nothing | {"locale": "ko"}
    alice.refused(10, "common/invalid-parameters", "preferences", "set", "--theme", "red")
