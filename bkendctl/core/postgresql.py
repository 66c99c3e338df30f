"""PostgreSQL: how it is opened, how a transaction begins and what its errors mean (docs/adr/0009).

Loaded for postgresql:// alone. What differs from SQLite is here, in database.py and in the migrations.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import sqlalchemy
from sqlalchemy import URL, Connection, Engine, event
from sqlalchemy.exc import DBAPIError

from bkendctl.contract.errors import Failure

LOCK_TIMEOUT_MS = 10_000
CONNECT_TIMEOUT_S = 10
SILENCE_MS = 10_000
"""How long what was sent may stay unacknowledged, and a connection silent before it is tried."""
OLDEST = (14,)
"""The first release that takes the migrations."""

_INSTALLATION = "installation"
_UNWRITABLE = {
    "25006": "it is read-only, so perhaps a replica",
    "42501": "this user lacks the right",
    "53100": "its disk is full",
}
"""SQLSTATEs (postgresql.org/docs/current/errcodes-appendix.html) that waiting does not mend."""


def engine_of(url: str, *, pool_size: int, json_serializer: Any) -> Engine:
    """Make the engine; nothing is connected yet.

    cli/not-offered without psycopg, cli/usage for a URL that is none.
    """
    target = _target(url)
    try:
        engine = sqlalchemy.create_engine(
            target,
            connect_args={name: value for name, value in _GIVEN.items() if name not in target.query},
            hide_parameters=True,  # a traceback of --debug shows the statement, never the values
            json_serializer=json_serializer,
            use_native_hstore=False,  # asked for at every start otherwise
            isolation_level="AUTOCOMMIT",  # the driver's: BEGIN is ours, in one round trip with the lock
            pool_pre_ping=True,  # a server that restarted costs no request, only those under way
            pool_size=pool_size,
            max_overflow=-1,  # as for SQLite: no thread waits for a connection that a waiting one holds
        )
    except ImportError as error:
        raise Failure(
            "cli/not-offered",
            "PostgreSQL needs psycopg, which is not installed.",
            hint="pip install 'bkendctl[postgresql]'",
        ) from error

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        connection.exec_driver_sql(_beginning(options["within"]) if options.get("writes") else _READING)

    return engine


# What the URL says itself counts.
_GIVEN = {
    "connect_timeout": CONNECT_TIMEOUT_S,
    "tcp_user_timeout": SILENCE_MS,  # else a machine that vanished is waited for a quarter of an hour
    "keepalives_idle": SILENCE_MS // 1000,
    "target_session_attrs": "read-write",  # never a replica: who revokes is obeyed at once
    "client_encoding": "utf8",  # else PGCLIENTENCODING, or bytes of a database that has none
}


def _target(url: str) -> URL:
    """Read the URL, which is never quoted: it may hold a password."""
    try:
        target = sqlalchemy.make_url(url)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        raise Failure("cli/usage", _NO_URL, hint="") from None
    if target.get_backend_name() not in ("postgresql", "postgres"):
        raise Failure("cli/usage", _NO_URL, hint="")
    return target.set(drivername="postgresql+psycopg")


_NO_URL = "This is no URL of a SQLite file or of PostgreSQL."
_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


def _beginning(within: tuple[str, ...]) -> str:
    """Begin to write behind the locks: all but the last are shared, so that narrower ones go on beside.

    READ COMMITTED, so each statement sees what was committed by whoever held the lock before.
    """
    names = (_INSTALLATION, *within)
    shared = [f"pg_advisory_xact_lock_shared({lock_number(name)})" for name in names[:-1]]
    taken = ", ".join([*shared, f"pg_advisory_xact_lock({lock_number(names[-1])})"])
    begin = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
    return f"{begin}; SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}; SELECT {taken}"


def holding(name: str) -> str:
    """The statement that takes one more lock, until the end of the transaction."""
    return f"SELECT pg_advisory_xact_lock({lock_number(name)})"


def lock_number(name: str) -> int:
    """The number of an advisory lock: 64 bits, our own prefix keeping clear of other programs'."""
    return int.from_bytes(sha256(f"bkendctl/{name}".encode()).digest()[:8], "big", signed=True)


def is_missing_table(error: DBAPIError) -> bool:
    """Whether a statement named a table that is not there."""
    return getattr(error.orig, "sqlstate", None) == "42P01"


def failure_of(error: DBAPIError) -> Failure | None:
    """What an error means for whoever called; None for one that is a fault of ours."""
    state = getattr(error.orig, "sqlstate", None) or ""
    if state in _UNWRITABLE:
        return Failure("cli/database-unwritable", f"The database cannot be written: {_UNWRITABLE[state]}.")
    if state == "23503":  # a foreign key: what it names was deleted while the lock was waited for
        return Failure("common/unavailable", retry_after=1)
    if error.connection_invalidated or isinstance(error, sqlalchemy.exc.OperationalError):
        # Gone, full of connections, a lock not had in time, a deadlock: the transaction left nothing behind.
        return Failure("common/unavailable", retry_after=1)
    if isinstance(error, sqlalchemy.exc.DataError):
        # Longer than its column, or bytes that are no text. What is decoded was checked; this is the rest.
        return Failure("common/invalid-parameters")
    return None


def version_of(engine: Engine) -> str:
    """Connect, and refuse a server that is too old or a database that cannot hold every letter.

    Whoever opens a database is told why there is no connection; whoever asks for an operation is not, as the
    words name host and user. Failures: cli/database-unreachable, cli/not-offered.
    """
    try:
        with engine.connect() as connection:
            # Told by the server when it greets, so nothing is asked.
            told = connection.connection.driver_connection.info.parameter_status  # type: ignore[union-attr]
            _require_usable(connection, told("server_encoding"))
            return str(told("server_version"))
    except DBAPIError as error:
        raise Failure("cli/database-unreachable", f"PostgreSQL: {_reason_of(error)}.") from None


def _reason_of(error: DBAPIError) -> str:
    """Why there was no connection, in the server's or libpq's words; they hold no password."""
    lines = [line.strip() for line in str(error.orig).splitlines()]
    lines = [line for line in lines if line and not line.startswith("Multiple connection attempts")]
    said = (lines or ["no connection"])[0].removeprefix("connection failed: ")
    return said.removeprefix("connection is bad: ").rstrip(".")


def _require_usable(connection: Connection, encoding: str | None) -> None:
    version = connection.dialect.server_version_info or (0,)
    if version < OLDEST:
        raise Failure("cli/not-offered", f"PostgreSQL {OLDEST[0]} or newer is needed.", hint="")
    if encoding != "UTF8":
        made = "CREATE DATABASE bkendctl ENCODING 'UTF8' TEMPLATE template0"
        raise Failure("cli/not-offered", f"The database's encoding is {encoding}, not UTF8.", hint=made)


def copy_into(connection: Connection, target: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Add many rows by COPY. target: a table and its columns."""
    cursor: Any = connection.connection.cursor()
    with cursor, cursor.copy(f"COPY {target} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
