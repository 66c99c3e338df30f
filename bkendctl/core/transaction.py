"""Statements inside one transaction; those that all tables need are built once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    Insert,
    Row,
    Select,
    Table,
    Update,
    bindparam,
    select,
    update,
)

from bkendctl.core.memory import Memory

MOST_PARAMETERS = 32_766
"""Of one statement of SQLite (SQLITE_MAX_VARIABLE_NUMBER)."""

# A statement costs more to build than SQLite needs to run it, so the simple ones are built once.
_INSERTS: dict[Table, Insert] = {}


@cache
def _row_where(table: Table, names: tuple[str, ...]) -> Select[Any]:
    return select(table).where(*_equal(table, names))


@cache
def _change_where(table: Table, names: tuple[str, ...]) -> Update:
    return update(table).where(*_equal(table, names))


def _equal(table: Table, names: tuple[str, ...]) -> list[ColumnElement[bool]]:
    return [table.c[name] == bindparam(f"of_{name}") for name in names]


def _bound(where: dict[str, Any]) -> dict[str, Any]:
    return {f"of_{name}": value for name, value in where.items()}


class Transaction:
    """Statements inside one transaction. values: of the bindparams of a statement that was built once."""

    def __init__(self, connection: Connection, memory: Memory | None = None) -> None:
        self.connection = connection
        self._memory = memory

    def first(self, statement: Executable, **values: Any) -> Row[Any] | None:
        """The first row, or None."""
        return self.connection.execute(statement, values).first()

    def recall(self, statement: Executable, **values: Any) -> Row[Any] | None:
        """As first, for what nearly every request asks by a statement built once: see memory.py."""
        if self._memory is None:
            return self.first(statement, **values)
        return self._memory.first(statement, values)

    def row(self, table: Table, **where: Any) -> Row[Any] | None:
        """The first row whose columns have these values, which are never None; None where there is none."""
        return self.connection.execute(_row_where(table, tuple(where)), _bound(where)).first()

    def update(self, table: Table, values: dict[str, Any], **where: Any) -> int:
        """Change the rows whose columns have these values, which are never None; gives their number."""
        statement = _change_where(table, tuple(where))
        return self.connection.execute(statement, values | _bound(where)).rowcount

    def one(self, statement: Executable) -> Row[Any]:
        """The one row there has to be."""
        return self.connection.execute(statement).one()

    def all(self, statement: Executable, **values: Any) -> Sequence[Row[Any]]:
        """Every row."""
        return self.connection.execute(statement, values).all()

    def value(self, statement: Executable, **values: Any) -> Any:
        """The first column of the first row, or None."""
        return self.connection.execute(statement, values).scalar()

    def run(self, statement: Executable, rows: Sequence[dict[str, Any]] | None = None) -> int:
        """Execute and give the number of rows it touched; rows: parameters of an insert of many."""
        return self.connection.execute(statement, rows).rowcount

    def insert(self, table: Table, values: dict[str, Any]) -> None:
        """Add a row, by a statement that is built once for each table: its values are parameters."""
        statement = _INSERTS.get(table)
        if statement is None:
            statement = _INSERTS[table] = table.insert()
        self.connection.execute(statement, values)

    def fill(self, table: Table, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> None:
        """Add many rows by the driver alone, in a tenth of the time: texts, numbers and bytes only.

        As few statements as can be: SQLite writes the search index out after each one that a trigger adds to.
        """
        if not rows:
            return
        names = ", ".join(columns)
        if self.connection.dialect.name == "postgresql":
            from bkendctl.core.postgresql import copy_into

            copy_into(self.connection, f"{table.name} ({names})", rows)
            return
        self._remember_more()
        marks = f"({', '.join('?' * len(columns))})"
        most = MOST_PARAMETERS // len(columns)
        for start in range(0, len(rows), most):
            some = rows[start : start + most]
            statement = f"INSERT INTO {table.name} ({names}) VALUES {', '.join([marks] * len(some))}"  # noqa: S608 - names of ours
            self.connection.exec_driver_sql(statement, tuple(chain.from_iterable(some)))

    def _remember_more(self) -> None:
        """Give a connection 16 MiB for pages before it writes much: with less it reads them over and over."""
        if "cache" not in self.connection.info:
            self.connection.exec_driver_sql("PRAGMA cache_size = -16384")
            self.connection.info["cache"] = True

    def change(self, statement: Executable, values: dict[str, Any]) -> int:
        """Execute a statement that was built once, with its parameters; gives the number of rows touched."""
        return self.connection.execute(statement, values).rowcount

    def hold(self, *names: str) -> None:
        """Wait until nobody else holds these names, and hold them until the end; always in one order.

        For a rule across environments: who writes is otherwise alone in its own one. Nothing on SQLite, where
        who writes is alone altogether.
        """
        if self.connection.dialect.name == "postgresql":
            from bkendctl.core.postgresql import holding

            for name in sorted(names):
                self.connection.exec_driver_sql(holding(name))
