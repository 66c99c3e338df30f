"""Memory: what is remembered of a file is what a statement would give at the same moment."""

from __future__ import annotations

from threading import Thread
from typing import Any

import pytest
from sqlalchemy import Connection, bindparam, event, select

from bkendctl.core import memory, schema
from bkendctl.core.database import Database
from tests.conftest import World

_BY_ID = select(schema.projects).where(schema.projects.c.id == bindparam("id"))
both = pytest.mark.parametrize("world", ["embedded", "http-postgresql"], indirect=True)


def name_of(database: Database, project: str) -> str:
    """The project's name, as a request reads what it always asks for."""
    with database.read() as transaction:
        row = transaction.recall(_BY_ID, id=project)
        assert row is not None
        return str(row.name)


def rename(database: Database, project: str, name: str) -> None:
    """Commit another name."""
    with database.write() as transaction:
        transaction.update(schema.projects, {"name": name}, id=project)


def rename_and_fail(database: Database, project: str) -> None:
    """Change the name in a transaction that does not end well."""
    with database.write() as transaction:
        transaction.update(schema.projects, {"name": "Taken back"}, id=project)
        raise ZeroDivisionError


@both
def test_what_was_committed_is_seen_by_the_next_who_reads(world: World) -> None:
    """By this process, another connection, another thread; what is taken back is not."""
    database, project = world.core.database, world.installed.project_id
    other = Database(database.url)
    assert name_of(database, project) == "Demo"
    rename(database, project, "Here")
    assert name_of(database, project) == name_of(other, project) == "Here"
    rename(other, project, "There")
    assert name_of(database, project) == "There"
    thread = Thread(target=rename, args=(database, project, "Beside"))
    thread.start()
    thread.join()
    assert name_of(database, project) == name_of(other, project) == "Beside"
    with pytest.raises(ZeroDivisionError):
        rename_and_fail(database, project)
    assert name_of(database, project) == name_of(other, project) == "Beside"
    other.close()


@both
def test_one_transaction_sees_one_state(world: World) -> None:
    """A row asked for again while others write is the row of before; the next transaction sees theirs."""
    database, project = world.core.database, world.installed.project_id
    with database.read() as transaction:
        rows = [transaction.recall(_BY_ID, id=project)]
        rename(database, project, "Changed")
        rows += [transaction.recall(_BY_ID, id=project), transaction.first(_BY_ID, id=project)]
    assert [row.name for row in rows if row is not None] == ["Demo"] * 3
    assert name_of(database, project) == "Changed"


def test_nothing_is_asked_twice_of_an_unchanged_file(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is anything forgotten but by a change, or when there is too much of it."""
    database, project = world.core.database, world.installed.project_id
    asked: list[str] = []

    def listen(_connection: Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("SELECT"):
            asked.append(statement)

    event.listen(database.engine, "before_cursor_execute", listen)
    try:
        rename(database, project, "New")
        assert [name_of(database, project) for _ in range(3)] == ["New"] * 3
        assert len(asked) == 1
        with database.read() as transaction:
            assert (
                transaction.recall(_BY_ID, id="nowhere") is transaction.recall(_BY_ID, id="nowhere") is None
            )
        assert len(asked) == 2
        monkeypatch.setattr(memory, "ROWS", 1)
        with database.read() as transaction:
            transaction.recall(_BY_ID, id="elsewhere")
        name_of(database, project)
        assert len(asked) == 4
    finally:
        event.remove(database.engine, "before_cursor_execute", listen)
