"""bkendctl settings sessions: get and set."""

from __future__ import annotations

import pytest
from shell import Shell


def test_what_is_named_changes(alice: Shell) -> None:
    """Seconds or durations, limits by class; null clears."""
    typed = ["--access-token-seconds", "15m", "--refresh-token-seconds", "86400"]
    typed += ["--session-absolute-days", "30d", "--refresh-reuse-grace-seconds", "10"]
    limits = [
        "--rate-limit",
        "login=5/90s",
        "--rate-limit",
        "code=3,9/1h",
        "--rate-limit",
        "login-source=7/2m",
    ]
    changed = alice.json("settings", "sessions", "set", *typed, *limits)
    default = {"limit": 12_000, "windowSeconds": 60}
    assert changed | {"updatedAt": ""} == {
        "accessTokenSeconds": 900,
        "refreshTokenSeconds": 86_400,
        "sessionAbsoluteDays": 30,
        "refreshReuseGraceSeconds": 10,
        "rateLimits": {
            "default": default,
            "login": {"limit": 5, "windowSeconds": 90},
            "loginSource": {"limit": 7, "windowSeconds": 120},
            "code": {"limit": 3, "limitPerSource": 9, "windowSeconds": 3600},
        },
        "updatedAt": "",
    }
    card = " ".join(alice.ok("settings", "sessions", "get").out.split())
    assert "Access token 15m" in card
    assert "Mails 3, 9 per source, in 1h" in card
    alice.ok("settings", "sessions", "set", "--session-absolute-days", "null")
    assert alice.json("settings", "sessions", "get", "--jq", ".sessionAbsoluteDays") is None


@pytest.mark.parametrize(
    "typed",
    [
        [],
        ["--access-token-seconds", "soon"],
        ["--session-absolute-days", "90m"],
        ["--rate-limit", "login=5"],
        ["--rate-limit", "login=5,6/1h"],
        ["--rate-limit", "code=5/1h"],
        ["--rate-limit", "reading=5/1h"],
    ],
)
def test_what_cannot_be_read_is_told(alice: Shell, typed: list[str]) -> None:
    """Nothing is changed, and an example is given."""
    alice.refused(2, "cli/usage", "settings", "sessions", "set", *typed)
