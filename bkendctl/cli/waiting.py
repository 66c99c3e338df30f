"""Waiting for what others do: looking again and again until it is there or the time is over."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

EVERY_SECONDS = 0.25


def until(
    look: Callable[[], Found | None],
    seconds: float,
    *,
    pause: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Found | None:
    """Give what look finds, None once so many seconds are over; it looks once more at their end.

    clock: monotonic, so that a change of the machine's time neither ends nor prolongs the wait.
    """
    end = clock() + seconds
    while (found := look()) is None:
        left = end - clock()
        if left <= 0:
            return None
        pause(min(EVERY_SECONDS, left))
    return found
