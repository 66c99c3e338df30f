"""What lies on a person's machine, for tests of the commands that handle its files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from shell import ROOT, Said, Shell

from bkendctl.client.embedded import core_at
from bkendctl.core.database import sqlite_module
from bkendctl.core.runtime import Core
from bkendctl.local.paths import Paths, paths

OLD, NEW = ["alice@example.com"], ["alice@example.com", "bob@example.com"]
"""Who was there on Monday, when a backup was made, and who is there now."""


class Machine:
    """The home of a shell, its files and its database."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self.home = shell.home
        self.json = shell.json

    @property
    def paths(self) -> Paths:
        """Where its files are."""
        return paths()

    def run(self, *arguments: str, stdin: bytes = b"", status: int = 0) -> Said:
        """Run a command line that has to end with the status."""
        said = self.shell(*arguments, stdin=stdin)
        assert said.status == status, said
        assert "Traceback" not in said.err
        return said

    def python(self, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Python code with arguments in a process of its own, to its end."""
        environment = {**self.shell.environment, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", code, *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)

    def core(self) -> Core:
        """The core as a command opens it."""
        core = core_at(f"sqlite:///{self.paths.database_file}", self.paths)
        with core.database.read() as transaction:
            core.unlock(transaction)
        return core

    def sql(self, statement: str, *values: Any, file: Path | None = None) -> list[Any]:
        """Run a statement on the database, or another one, past all our code; gives the rows."""
        connection = sqlite_module().connect(file or self.paths.database_file, isolation_level=None)
        try:
            return list(connection.execute(statement, values))
        finally:
            connection.close()

    def files(self) -> set[str]:
        """Names in the home, without locks and what SQLite keeps beside its file."""
        names = {file.name for file in self.home.iterdir()}
        return {name for name in names if not name.endswith((".lock", "-wal", "-shm"))}


def users_of(machine: Machine, file: Path | None = None) -> list[str]:
    """Addresses in the live database or another file."""
    return [row[0] for row in machine.sql("SELECT email FROM users ORDER BY created_at", file=file)]


def assert_works(machine: Machine, users: list[str]) -> None:
    """The database is sound, its secrets open, and it has these users."""
    assert users_of(machine) == users
    assert machine.json("db", "check")["ok"] is True
    assert machine.json("whoami")["email"] == "alice@example.com"
    assert machine.json("audit", "verify")["state"] == "intact"
