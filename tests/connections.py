"""What the connections of tests do besides."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection


def watch_reads(connection: Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
    """Let a statement that writes in a transaction for reading fail: under load it would, and only there."""
    if not connection.get_execution_options().get("writes"):
        assert not statement.startswith(("INSERT", "UPDATE", "DELETE")), statement


class Lent:
    """How often a worker's file was brought back."""

    times = 0


def notice_schema(connection: Connection) -> None:
    """Let a connection notice that its file was brought back, and so the schema written anew.

    SQLite (3.53) knows no table where the first statement to notice fires a trigger on a virtual table.
    """
    if connection.info.get("lent") != Lent.times:
        driven = connection.connection.driver_connection
        assert driven is not None
        driven.execute("SELECT 1 FROM installation")
        connection.info["lent"] = Lent.times
