"""The one clock and the wire form of instants. Time is milliseconds since 1970 in UTC."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol, overload

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Real time; an environment's own time is this plus its offset."""

    def now(self) -> int:
        """Milliseconds since 1970 in UTC."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        """Milliseconds since 1970 in UTC."""
        return time.time_ns() // 1_000_000


@overload
def wire(instant: int) -> str: ...
@overload
def wire(instant: int | None) -> str | None: ...
def wire(instant: int | None) -> str | None:
    """Write an instant as the contract does: 2026-01-31T12:00:00.000Z."""
    if instant is None:
        return None
    moment = _EPOCH + timedelta(milliseconds=instant)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{instant % 1000:03d}Z"


def instant_of(text: str) -> int:
    """Read an RFC 3339 instant with any offset, cut to milliseconds; ValueError when it is none."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or len(text) < len("2026-01-31T12:00Z"):
        raise ValueError("an instant needs a time and an offset")
    return (moment - _EPOCH) // timedelta(milliseconds=1)
