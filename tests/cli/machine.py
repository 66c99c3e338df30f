"""A person's machine: a home with a core in it, and the program to run there."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from bkendctl.__main__ import main
from bkendctl.client.embedded import open_core
from bkendctl.core.runtime import Core
from bkendctl.local.paths import Paths, paths

ROOT = Path(__file__).parents[2]


class Ran(NamedTuple):
    """What a command did."""

    status: int
    out: str
    err: str

    @property
    def body(self) -> Any:
        """The JSON it printed."""
        return msgspec.json.decode(self.out)


class Machine:
    """One home; commands run in this process, or in one of their own where the test kills them."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = home
        self.monkeypatch = monkeypatch
        monkeypatch.setenv("BKENDCTL_HOME", str(home))
        monkeypatch.setenv("BKENDCTL_STORE", "file")

    @property
    def paths(self) -> Paths:
        """Where its files are."""
        return paths()

    def run(self, *arguments: str, stdin: bytes = b"", status: int = 0) -> Ran:
        """Run a command line that has to end with the status."""
        out, err = io.StringIO(), io.StringIO()
        self.monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with redirect_stdout(out), redirect_stderr(err):
            ended = main(list(arguments))
        ran = Ran(ended, out.getvalue(), err.getvalue())
        assert ran.status == status, ran
        return ran

    def json(self, *arguments: str, stdin: bytes = b"") -> Any:
        """Run a command and give the JSON it printed."""
        return self.run(*arguments, "-o", "json", stdin=stdin).body

    def start(self, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Python code with arguments in a process of its own, to its end."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", code, *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)

    def core(self) -> Core:
        """The core as a command opens it."""
        core = open_core(None, self.paths)
        with core.database.read() as transaction:
            core.unlock(transaction)
        return core

    def files(self) -> set[str]:
        """Names in the home, without locks and what SQLite keeps beside its file."""
        names = {file.name for file in self.home.iterdir()}
        return {name for name in names if not name.endswith((".lock", "-wal", "-shm"))}


def copy_of(template: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine like the template's."""
    shutil.copytree(template, home)
    config = home / "config.toml"
    config.write_text(config.read_text().replace(str(template), str(home)))
    return Machine(home, monkeypatch)
