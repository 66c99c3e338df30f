"""One look of the world for every test of the terminal."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import completing
import pytest
from machine import Machine
from shell import ALICE, PASSWORD, PROGRAM, Shell, clean
from streams import Screen

from bkendctl.client.embedded import core_at
from bkendctl.local.paths import Paths, paths
from tests.http_server import HttpServer


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


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Homes that real commands left, after init and after Alice signed up: tests begin with a copy."""
    found = {}
    for name, command in (("ready", ["init"]), ("alice", ["signup", ALICE, "--name", "alice"])):
        home = tmp_path_factory.mktemp("homes") / name
        if found:
            begin_at(home, found["ready"])
        environment = {"BKENDCTL_HOME": str(home), "BKENDCTL_STORE": "file", "BKENDCTL_PASSWORD": PASSWORD}
        subprocess.run([*PROGRAM, *command], env=clean(environment), check=True, capture_output=True)
        found[name] = home
    return found


def begin_at(home: Path, other: Path) -> None:
    """Make a home as another one is; its profile leads to its own database."""
    shutil.copytree(other, home)
    config = home / "config.toml"
    config.write_text(config.read_text().replace(str(other), str(home)))


@pytest.fixture
def ready(shell: Shell, homes: dict[str, Path]) -> Shell:
    """A command line after init."""
    begin_at(shell.home, homes["ready"])
    return shell


@pytest.fixture
def alice(shell: Shell, homes: dict[str, Path]) -> Shell:
    """A command line where Alice has signed up with PASSWORD and is signed in."""
    begin_at(shell.home, homes["alice"])
    return shell


@pytest.fixture
def machine(alice: Shell) -> Machine:
    """The files of Alice's machine, and commands that may be killed there."""
    return Machine(alice)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, with bkendctl in the PATH and no variable of the developer's."""
    return completing.make_home(tmp_path, monkeypatch)


@pytest.fixture
def known(home: Path) -> Paths:
    """Two profiles, and lists that were shown on both."""
    return completing.fill()


@pytest.fixture
def monday(machine: Machine, tmp_path: Path) -> Path:
    """A backup of when there was Alice alone; Bob came later."""
    machine.run("db", "backup", str(tmp_path / "monday.db"))
    machine.run("users", "create", "bob@example.com", "--name", "Bob")
    return tmp_path / "monday.db"


@pytest.fixture
def archive(machine: Machine, tmp_path: Path) -> Path:
    """The same with its files."""
    machine.run("db", "backup", str(tmp_path / "monday.tar"), "--with-files")
    machine.run("users", "create", "bob@example.com", "--name", "Bob")
    return tmp_path / "monday.tar"


@pytest.fixture
def served(alice: Shell, http_server: HttpServer) -> Iterator[HttpServer]:
    """A server over the core that Alice's profile has embedded."""
    core = core_at(f"sqlite:///{alice.database}", paths())
    http_server.use(core)
    yield http_server
    core.database.close()
