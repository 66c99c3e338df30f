"""Servers share a database; whoever replaces it has it alone."""

from __future__ import annotations

import stat
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from bkendctl.contract.errors import Failure
from bkendctl.core.database import Database
from bkendctl.core.occupancy import alone, serving
from tests.core.processes import start


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(f"sqlite:///{tmp_path}/bkendctl.db")


def serve(connection: Connection, url: str) -> None:
    """Be a server until told to end."""
    with serving(Database(url)):
        connection.send("serving")
        connection.recv()


def test_servers_share_and_keep_others_out(database: Database) -> None:
    """Any number of servers at once; alone is refused until the last has ended."""
    with serving(database):
        with serving(database), pytest.raises(Failure, match="cli/database-in-use"), alone(database):
            pass
        with pytest.raises(Failure, match="cli/database-in-use"), alone(database):
            pass
    with alone(database):
        pass


def test_nobody_serves_what_is_being_replaced(database: Database) -> None:
    """A server that starts meanwhile is refused, and so is a second restore."""
    with alone(database):
        for wanted in (serving, alone):
            with pytest.raises(Failure, match="cli/database-in-use"), wanted(database):
                pass


def test_a_killed_server_holds_nothing(database: Database) -> None:
    """Another process counts, and the kernel frees what it held."""
    process, connection = start(serve, database.url)
    assert connection.recv() == "serving"
    with pytest.raises(Failure, match="cli/database-in-use"), alone(database):
        pass
    process.kill()
    process.join()
    with alone(database):
        pass


def test_the_lock_file_is_private_and_no_link(database: Database, tmp_path: Path) -> None:
    """0600; a link put there is refused and its target untouched."""
    lock = tmp_path / "bkendctl.db.lock"
    with serving(database):
        assert stat.S_IMODE(lock.stat().st_mode) == 0o600
    lock.unlink()
    lock.symlink_to(tmp_path / "target")
    with pytest.raises(Failure, match="cli/unsafe-file"), serving(database):
        pass
    assert not (tmp_path / "target").exists()


def test_a_database_server_needs_no_lock() -> None:
    """PostgreSQL has no file that could be replaced."""
    with alone(Database("postgresql://db.example.com/bkend")) as nothing:
        assert nothing is None
