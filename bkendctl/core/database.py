"""The engine, its pragmas and the two kinds of transactions: reading, and writing with the lock first."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any
from weakref import WeakSet

import sqlalchemy
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bkendctl.contract.errors import Failure
from bkendctl.core.folding import folded
from bkendctl.core.memory import Memory
from bkendctl.core.transaction import Transaction

SCHEMA = "0008"
"""The newest migration this program knows."""

BUSY_TIMEOUT_MS = 10_000
POOLED_CONNECTIONS = 16
"""How many stay open for the next one; more are opened where more threads ask at once."""
SAFE_SQLITE = (3, 51, 3)
"""The first release without the WAL-reset race that can corrupt a database (sqlite.org/wal.html)."""


def sqlite_module() -> ModuleType:
    """The bundled SQLite where there is one, else the standard library's."""
    try:
        import pysqlite3
    except ImportError:
        import sqlite3

        return sqlite3
    return pysqlite3  # type: ignore[no-any-return]


def sqlite_is_safe() -> bool:
    """Whether the SQLite in use is free of the WAL-reset race."""
    version = sqlite_module().sqlite_version.split(".")
    return tuple(int(part) for part in version) >= SAFE_SQLITE


class Database:
    """Where everything is kept. Connections never cross a fork: a child makes its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine: Engine | None = None
        self._process = 0
        self._inherited: object = None
        self._threads = threading.local()
        self._kept: WeakSet[Connection] = WeakSet()
        self._writing = threading.Lock()

    @cached_property
    def file(self) -> Path | None:
        """The SQLite file, None for a server."""
        prefix = "sqlite:///"
        return Path(self.url.removeprefix(prefix)) if self.url.startswith(prefix) else None

    @property
    def engine(self) -> Engine:
        """The engine of this process."""
        if self._engine is None or self._process != os.getpid():
            # Kept: even closing a parent's connection in a child is unsafe (sqlite.org/howtocorrupt.html).
            self._inherited = self._engine, tuple(self._kept)
            self._writing = threading.Lock()  # a parent's may be held
            self._engine = _sqlite_engine(self.file) if self.file else self._postgresql_engine()
            self._process = os.getpid()
        return self._engine

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """One consistent view; nothing may be written in it.

        Of a file it begins with the first statement: what is remembered needs none, and is as it was at the
        entrance.
        """
        with self._translated(), self._connected() as (connection, memory):
            if memory is not None:
                memory.renew()
            try:
                yield Transaction(connection, memory)
            finally:
                if connection.in_transaction():
                    connection.rollback()

    @contextmanager
    def write(self, *within: str) -> Iterator[Transaction]:
        """A transaction that takes the write lock first (a deferred one that upgrades fails at once).

        within: the id of the environment all of it belongs to, and then perhaps a name within that: on
        PostgreSQL others go on writing elsewhere. A rule that is checked and kept holds within the lock only.
        """
        engine = self.engine
        with self._translated(), self._turn(), engine.connect() as pooled:
            connection = pooled.execution_options(writes=True, within=within)
            with connection.begin():
                yield Transaction(connection)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait for the other writers of this process to a file, in order: SQLite only looks now and then.

        What it waits for is writers of other processes. A server has locks of its own (postgresql.py).
        """
        if self.file is None:
            yield
            return
        turn = self._writing
        if not turn.acquire(timeout=BUSY_TIMEOUT_MS / 1000):
            raise Failure("common/unavailable", retry_after=1)
        try:
            yield
        finally:
            turn.release()

    @contextmanager
    def _connected(self) -> Iterator[tuple[Connection, Memory | None]]:
        """A connection to read with. To a file each thread keeps its own and what it has read of late.

        A server's come from the pool each time: it sees to those that a restart of the server has cut.
        """
        engine = self.engine
        if self.file is None:
            with engine.connect() as connection:
                yield connection, None
            return
        kept: Connection | None = getattr(self._threads, "connection", None)
        if kept is None or kept.engine is not engine or kept.closed:
            kept = self._threads.connection = engine.connect()
            self._threads.memory = Memory(kept)
            self._kept.add(kept)
        if kept.in_transaction():  # a read within a read
            with engine.connect() as connection:
                yield connection, None
        else:
            yield kept, self._threads.memory

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except PoolTimeout as error:
            raise Failure("common/unavailable", retry_after=1) from error
        except DBAPIError as error:
            failure = _sqlite_failure(error, self.file) if self.file else self._postgresql_failure(error)
            if failure is None:
                raise
            raise failure from error

    def _postgresql_engine(self) -> Engine:
        from bkendctl.core.postgresql import engine_of

        return engine_of(self.url, pool_size=POOLED_CONNECTIONS, json_serializer=_json_text)

    def _postgresql_failure(self, error: DBAPIError) -> Failure | None:
        from bkendctl.core.postgresql import failure_of, is_missing_table

        return _NoTable("cli/database-missing") if is_missing_table(error) else failure_of(error)

    def require(self) -> None:
        """Refuse a database that is missing, damaged, older or newer, leaving it untouched.

        Failures: cli/database-missing, -damaged, -older, -newer.
        """
        if self.file is not None:
            if not self.file.exists():
                raise Failure("cli/database-missing", f"There is no database at {self.file}.")
            if self.file.stat().st_size == 0:
                raise Failure("cli/database-missing", f"The database {self.file} is empty.")
        found = self.schema_version()
        if found is None:
            raise Failure("cli/database-missing", "The database has none of bkendctl's tables.")
        if found > SCHEMA:
            raise Failure(
                "cli/database-newer",
                f"The database has schema {found}, this program knows {SCHEMA}; it was left as it is.",
            )
        if found < SCHEMA:
            raise Failure(
                "cli/database-older", f"The database has schema {found}, this program needs {SCHEMA}."
            )

    def schema_version(self) -> str | None:
        """The migration the database is at; None when it holds no tables of ours.

        Failures of a server: cli/database-unreachable, cli/not-offered.
        """
        self.server_version()
        try:
            with self.read() as transaction:
                found = transaction.value(sqlalchemy.text("SELECT version_num FROM alembic_version"))
        except _NoTable:
            return None
        return None if found is None else str(found)

    def server_version(self) -> str | None:
        """Connect to a server that can be used, and give its version; None for SQLite.

        Failures: cli/database-unreachable, cli/not-offered.
        """
        if self.file is not None:
            return None
        from bkendctl.core.postgresql import version_of

        return version_of(self.engine)

    def size(self) -> int:
        """Bytes on the disk, without logs."""
        if self.file is not None:
            return self.file.stat().st_size
        with self.read() as transaction:
            return int(transaction.value(sqlalchemy.text("SELECT pg_database_size(current_database())")))

    def release(self) -> None:
        """Close every connection of this process; the next ones are opened anew."""
        for connection in tuple(self._kept):
            connection.close()
        self.engine.dispose()

    def close(self) -> None:
        """Give all connections back."""
        if self._engine is not None and self._process == os.getpid():
            self.release()
            self._engine = None


class _NoTable(Failure):
    """A statement named a table that is not there."""


def _sqlite_failure(error: DBAPIError, file: Path) -> Failure | None:
    """Say what an error of SQLite means for whoever called; None for one that is a fault of ours."""
    said = str(error.orig)
    if "malformed" in said or "not a database" in said:
        return Failure("cli/database-damaged", f"The database is damaged: {file}")
    if "FOREIGN KEY" in said:
        # What the row names was deleted while its lock was waited for; asked again, the operation says so.
        return Failure("common/unavailable", retry_after=1)
    if not isinstance(error, OperationalError):
        return None
    if "no such table" in said:
        return _NoTable("cli/database-missing")
    if "readonly" in said or "unable to open" in said:
        return Failure("cli/database-unwritable", f"The database cannot be written: {file} ({said}).")
    if "full" in said or "disk I/O" in said:
        return Failure("cli/database-unwritable", f"The disk refuses to store more: {file} ({said}).")
    if "no such" in said or "syntax error" in said:
        return Failure("common/internal-error", f"The database does not fit this program: {said}.")
    return Failure("common/unavailable", retry_after=1)


def _sqlite_engine(file: Path) -> Engine:
    if not sqlite_is_safe():
        version = sqlite_module().sqlite_version
        warnings.warn(
            f"SQLite {version} has a known fault that can damage data; install pysqlite3",
            RuntimeWarning,
            stacklevel=2,
        )
    engine = sqlalchemy.create_engine(
        # A file that went away is not made anew: an empty one would pass for a fresh installation.
        f"sqlite:///{file.absolute().as_uri()}?mode=rw&uri=true",
        module=sqlite_module(),
        hide_parameters=True,  # a traceback of --debug shows the statement, never the values
        connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False},
        json_serializer=_json_text,
        # No thread waits for a connection that others hold while they wait for the write lock: what a refresh
        # reads on arrival decides whether it raced or reused. The callers bound their threads.
        pool_size=POOLED_CONNECTIONS,
        max_overflow=-1,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        # The driver's own transaction handling would begin late and deferred; we begin by ourselves.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
        # On PostgreSQL the migrations make this function.
        connection.create_function("folded", 1, folded, deterministic=True)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        if writes and "journal" not in connection.info:
            # Only who writes: it changes the file, and a file that is only looked at may be none of ours.
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            connection.info["journal"] = "wal"
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _json_text(value: Any) -> str:
    import msgspec

    return msgspec.json.encode(value).decode()


def create_private_file(file: Path) -> None:
    """Make an empty file with mode 0600 whatever the umask, so that SQLite's -wal and -shm get it too.

    A link is refused (cli/unsafe-file): what it points to may be another's.
    """
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        descriptor = os.open(file, flags, 0o600)
    except OSError as error:
        raise Failure("cli/unsafe-file", f"{file}: {error.strerror}") from error
    try:
        if hasattr(os, "fchmod"):
            os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)
