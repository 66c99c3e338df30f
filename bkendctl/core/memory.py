"""Memory: rows that nearly every request asks for, given again while nobody has written to the file."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Executable, Row

ROWS = 10_000
"""How many one connection remembers; some 20 MiB."""


class Memory:
    """What one connection to a SQLite file has read of the file as it is.

    PRAGMA data_version differs once any other connection has committed, in whichever process
    (sqlite.org/pragma.html#pragma_data_version); the connection itself only reads. So nothing is given that a
    statement at the same moment would not give.
    """

    def __init__(self, connection: Connection) -> None:
        self._cursor = connection.connection.cursor()
        self._version: int | None = None
        self._rows: dict[tuple[Any, ...], Row[Any] | None] = {}
        self._connection = connection

    def renew(self) -> None:
        """Forget all if the file has changed; to be asked ahead of each view."""
        ((version,),) = self._cursor.execute("PRAGMA data_version").fetchall()
        if version != self._version:
            self._rows.clear()
            self._version = version

    def first(self, statement: Executable, values: dict[str, Any]) -> Row[Any] | None:
        """The first row of a statement that is built once, or None."""
        asked = (statement, *values.values())
        try:
            return self._rows[asked]
        except KeyError:
            row = self._connection.execute(statement, values).first()
        if len(self._rows) >= ROWS:
            self._rows.clear()
        self._rows[asked] = row
        return row
