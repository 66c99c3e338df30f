"""One look of the world for every test of the terminal."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from streams import Screen


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No variable of the machine decides how things look; local time is UTC+9, so that it shows."""
    import time

    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    with monkeypatch.context() as zone:
        zone.setenv("TZ", "KST-9")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def screen() -> Screen:
    return Screen()
