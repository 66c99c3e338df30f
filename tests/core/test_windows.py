"""Windows in memory: bounded, and right when time moves either way."""

from __future__ import annotations

from bkendctl.core.windows import KEPT, Windows

MINUTE = 60_000


def test_a_window_begins_with_its_first_request() -> None:
    """It ends a whole window later, and the next one begins with the next request."""
    windows = Windows()
    assert windows.add(("a",), 1_000, MINUTE) == (1, 61_000)
    assert windows.add(("a",), 60_999, MINUTE) == (2, 61_000)
    assert windows.add(("a",), 61_000, MINUTE) == (1, 121_000)


def test_a_clock_that_goes_back_begins_anew() -> None:
    """A window that would end later than any that begins now was begun in another time."""
    windows = Windows()
    windows.add(("a",), 10 * MINUTE, MINUTE)
    assert windows.add(("a",), MINUTE, MINUTE) == (1, 2 * MINUTE)


def test_many_identities_do_not_grow_it_without_end() -> None:
    """The longest unused go first (T017); one in use stays however many others come."""
    windows = Windows()
    for number in range(KEPT + 1_000):
        windows.add((str(number),), 0, MINUTE)
        if number % 1_000 == 0:
            windows.add(("busy",), 0, MINUTE)
    assert len(windows) == KEPT
    assert windows.add(("busy",), 0, MINUTE)[0] == (KEPT + 1_000) // 1_000 + 1
