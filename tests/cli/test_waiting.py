"""Waiting: how often it looks, how long, and on which clock."""

from __future__ import annotations

import pytest

from bkendctl.cli.waiting import EVERY_SECONDS, until


class Stopwatch:
    """Time that passes only while somebody pauses."""

    def __init__(self) -> None:
        self.now = 100.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        """Let time pass."""
        self.pauses.append(seconds)
        self.now += seconds


@pytest.mark.parametrize("tries", [1, 2, 5])
def test_what_is_there_is_given_at_once(tries: int) -> None:
    """It looks before it pauses, and not again once it has found."""
    watch, looks = Stopwatch(), []

    def look() -> str | None:
        looks.append(watch.now)
        return "mail" if len(looks) == tries else None

    assert until(look, 30, pause=watch.pause, clock=watch) == "mail"
    assert watch.pauses == [EVERY_SECONDS] * (tries - 1)


@pytest.mark.parametrize("seconds", [0, 0.1, 1.1, 30])
def test_it_ends_on_time_after_a_last_look(seconds: float) -> None:
    """Neither earlier nor later, and what came in the last moment is seen."""
    watch, looks = Stopwatch(), []
    assert until(lambda: looks.append(watch.now), seconds, pause=watch.pause, clock=watch) is None
    assert looks[-1] == pytest.approx(100 + seconds)
    assert sum(watch.pauses) == pytest.approx(seconds)
