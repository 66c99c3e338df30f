"""The one clock and the wire form of instants. Time is milliseconds since 1970 in UTC."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Protocol, overload

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# fromisoformat takes far more: week dates, any separator, offsets with seconds. Seconds may be left out here.
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


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
    days, within = divmod(instant, DAY)
    seconds, milliseconds = divmod(within, SECOND)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{_date(days)}T{hour:02}:{minute:02}:{second:02}.{milliseconds:03}Z"


@lru_cache(maxsize=1024)
def _date(days: int) -> str:
    """The date so many days after 1970; an export writes the same ones over and over."""
    return datetime_of(days * DAY).date().isoformat()


def instant_of(text: str) -> int:
    """Read an RFC 3339 instant with any offset, cut to milliseconds; ValueError when it is none."""
    if not _INSTANT.fullmatch(text):
        raise ValueError("an instant needs a date, a time and an offset")
    moment = datetime.fromisoformat(text.upper())
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def datetime_of(instant: int) -> datetime:
    """An instant in UTC, with its zone."""
    return _EPOCH + timedelta(milliseconds=instant)
