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

Progress = Callable[[int, int], None]
"""Told the bytes that are done and those there are in all."""


class Checked(Struct, frozen=True):
    """What a sound copy says of itself."""

    schema: str
    master_key_check: str


def copy(source: Path, target: Path, progress: Progress) -> None:
    """Copy a database into an empty file, as it is at this moment, in one file that needs none beside it.

    Writers go on meanwhile. Failures: cli/database-damaged (source), cli/file (target).
    """
    with open_raw(source) as live, _opened(target, "rwc") as made, translated(source, target):
        # The backup would start over at each write of another process; in one snapshot it sees none.
        live.execute("BEGIN")
        live.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        made.execute("PRAGMA journal_mode=OFF")
        run_backup(live, made, progress)
        live.execute("COMMIT")
        made.execute("PRAGMA journal_mode=DELETE")


def run_backup(source: Any, target: Any, progress: Progress) -> None:
    """Copy every page from one connection to another."""
    size = source.execute("PRAGMA page_size").fetchone()[0]

    def tell(_status: int, remaining: int, total: int) -> None:
        progress((total - remaining) * size, total * size)

    source.backup(target, pages=PAGES, progress=tell, sleep=0)


def check(file: Path) -> Checked:
    """Check that a copy is sound and of a schema we know.

    Failures: cli/database-damaged, cli/database-newer.
    """
    with open_raw(file) as connection, translated(file, file):
        found = [row[0] for row in connection.execute("PRAGMA integrity_check(1)")]
        if found != ["ok"] or connection.execute("PRAGMA foreign_key_check").fetchone():
            raise _damaged(file, found[0] if found != ["ok"] else "rows refer to others that are not there")
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        if not {"alembic_version", "installation"} <= names:
            raise _damaged(file, "it is no database of bkendctl")
        schema = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        key = connection.execute("SELECT master_key_check FROM installation").fetchone()
    if schema is None or key is None:
        raise _damaged(file, "it was never set up")
    if schema[0] > SCHEMA:
        raise Failure("cli/database-newer", f"{file} has schema {schema[0]}, this program knows {SCHEMA}.")
    return Checked(schema[0], key[0])


def open_raw(file: Path) -> Any:
    """Open an existing database by itself, without the engine's pragmas, which would write to it."""
    return _opened(file, "rw")


@contextmanager
def _opened(file: Path, mode: str) -> Iterator[Any]:
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
def translated(source: Path, target: Path) -> Iterator[None]:
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
