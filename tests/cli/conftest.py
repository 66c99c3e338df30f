"""One look of the world for every test of the terminal."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from machine import Machine, copy_of
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


@pytest.fixture(scope="session")
def _template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home after init and one sign-up, made once: set-up and hashing cost more than most tests."""
    home = tmp_path_factory.mktemp("template") / "home"
    with pytest.MonkeyPatch.context() as monkeypatch:
        _without_own_variables(monkeypatch)
        machine = Machine(home, monkeypatch)
        monkeypatch.setenv("BKENDCTL_PASSWORD", "Corr3ct-horse!")
        machine.run("init", "--name", "Acme")
        machine.run("signup", "alice@example.com", "--name", "Alice")
        machine.run("users", "set-role", "alice@example.com", "admin")
    return home


@pytest.fixture
def machine(tmp_path: Path, _template: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine on which Alice signed up."""
    _without_own_variables(monkeypatch)
    return copy_of(_template, tmp_path / "home", monkeypatch)


def _without_own_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("BKENDCTL_"):
            monkeypatch.delenv(name)
