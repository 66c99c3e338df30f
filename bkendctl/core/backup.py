"""Whole copies of a SQLite database while it is in use, and their checks.

Law: the live file is read by SQLite alone; opening it otherwise would drop SQLite's locks on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from msgspec import Struct

from bkendctl.contract.errors import Failure
from bkendctl.core.database import BUSY_TIMEOUT_MS, SCHEMA, sqlite_module

PAGES = 256
"""Pages copied at a stretch, a megabyte: after each one Ctrl-C is heard and the progress shown."""

IN_USE_MS = 1_000
"""How long another process may hold the database before it counts as in use."""

Progress = Callable[[int, int], None]
"""Told the bytes that are done and those there are in all."""


class Checked(Struct, frozen=True):
    """What a sound copy says of itself."""

    schema: str
    master_key_check: str
    data_key: bytes


def copy(source: Path, target: Path, progress: Progress, *, read_only: bool = False) -> None:
    """Copy a database into an empty file, as it is at this moment, in one file that needs none beside it.

    Writers go on meanwhile. read_only: for a source that is no live database and may lie on a medium that
    cannot be written. Failures: cli/database-damaged (source), cli/file (target).
    """
    with _opened(source, "ro" if read_only else "rw") as live, _translated(source, target):
        copy_out(live, target, progress)


def copy_out(live: Any, target: Path, progress: Progress) -> None:
    """Copy what a connection sees into an empty file."""
    with _opened(target, "rw") as made:
        # The backup would start over at each write of another process; in one snapshot it sees none.
        live.execute("BEGIN")
        live.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        made.execute("PRAGMA journal_mode=OFF")
        _run(live, made, progress)
        live.execute("COMMIT")
        made.execute("PRAGMA journal_mode=DELETE")


@contextmanager
def held(file: Path) -> Iterator[Any]:
    """Hold a database against every other process, and give the connection that does.

    In WAL mode nobody is locked out by a transaction, but each open connection holds a shared lock on the
    file, which the exclusive locking mode does not bear. Failures: cli/database-in-use, -damaged, cli/file.
    """
    with _opened(file, "rw") as connection, _translated(file, file):
        connection.execute(f"PRAGMA busy_timeout={IN_USE_MS}")
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite_module().OperationalError as error:
            if "locked" in str(error):
                raise Failure("cli/database-in-use", f"Another process has {file} in use.") from None
            raise
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        connection.execute("COMMIT")
        yield connection


def put(live: Any, source: Path, progress: Progress) -> None:
    """Replace all that a connection's database holds by another's content, in one transaction."""
    with _opened(source, "rw") as content:
        _run(content, live, progress)


def _run(source: Any, target: Any, progress: Progress) -> None:
    """Copy every page from one connection to another."""
    size = source.execute("PRAGMA page_size").fetchone()[0]

    def tell(_status: int, remaining: int, total: int) -> None:
        progress((total - remaining) * size, total * size)

    # The callback is also where Ctrl-C is heard; sleep is for busy databases, and these are held.
    source.backup(target, pages=PAGES, progress=tell, sleep=0)


def check(copied: Path, file: Path | None = None) -> Checked:
    """Check that a copy is sound and of a schema we know. file: what failures call it.

    Failures: cli/database-damaged, cli/database-newer.
    """
    file = file or copied
    with _opened(copied, "rw") as connection, _translated(file, file):
        found = [row[0] for row in connection.execute("PRAGMA integrity_check(1)")]
        if found != ["ok"] or connection.execute("PRAGMA foreign_key_check").fetchone():
            raise _damaged(file, found[0] if found != ["ok"] else "rows refer to others that are not there")
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        if not {"alembic_version", "installation"} <= names:
            raise _damaged(file, "it is no database of bkendctl")
        schema = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        key = connection.execute("SELECT master_key_check, data_key FROM installation").fetchone()
    if schema is None or key is None:
        raise _damaged(file, "it was never set up")
    if schema[0] > SCHEMA:
        raise Failure("cli/database-newer", f"{file} has schema {schema[0]}, this program knows {SCHEMA}.")
    return Checked(schema[0], key[0], key[1])


@contextmanager
def _opened(file: Path, mode: str) -> Iterator[Any]:
    """Open an existing database by itself, without the engine's pragmas, which would write to it."""
    sqlite = sqlite_module()
    try:
        connection = sqlite.connect(
            f"file:{quote(str(file))}?mode={mode}",
            uri=True,
            timeout=BUSY_TIMEOUT_MS / 1000,
            isolation_level=None,
        )
    except sqlite.OperationalError as error:
        raise Failure("cli/file", f"{file} cannot be opened: {error}.") from None
    with closing(connection):
        connection.execute("PRAGMA trusted_schema=OFF")
        yield connection


@contextmanager
def _translated(source: Path, target: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours: what cannot be read is the source's fault, all else the target's."""
    sqlite = sqlite_module()
    try:
        yield
    except sqlite.DatabaseError as error:
        said = str(error)
        if "malformed" in said or "not a database" in said:
            raise _damaged(source, said) from None
        if "locked" in said or "busy" in said:
            raise Failure("common/unavailable", f"{source} is busy.", retry_after=1) from None
        raise Failure("cli/file", f"{target} cannot be written: {said}.") from None


def _damaged(file: Path, why: str) -> Failure:
    return Failure("cli/database-damaged", f"{file} is damaged: {why}.", hint="")
