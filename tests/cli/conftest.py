"""One look of the world for every test of the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from shell import Shell
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


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """A command line in a home where nothing was done yet."""
    return Shell(tmp_path / "home", monkeypatch, capsys)


@pytest.fixture
def ready(shell: Shell) -> Shell:
    """A command line after init."""
    shell.ok("init")
    return shell


@pytest.fixture
def alice(ready: Shell) -> Shell:
    """A command line where Alice has signed up and is signed in."""
    ready.sign_up()
    return ready
