"""A database of the first release, full of rows, is brought to the newest schema and works."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import MetaData, Table, select

from bkendctl.core import migrations
from bkendctl.core.database import SCHEMA, Database, create_private_file
from bkendctl.core.runtime import Core
from bkendctl.core.upgrade import drift, upgrade
from tests.conftest import MASTER_KEY, World

FIRST = "0001"


@contextmanager
def empty(request: pytest.FixtureRequest, kind: str, folder: Path) -> Iterator[Database]:
    """An empty database."""
    if kind == "sqlite":
        file = folder / "old.db"
        create_private_file(file)
        yield (database := Database(f"sqlite:///{file}"))
        database.close()
        return
    with request.getfixturevalue("postgresql_server").copy("template0") as url:
        yield (database := Database(url))
        database.close()


def make_first(database: Database) -> None:
    """Make the tables as the first release did."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with database.write() as transaction:
        config.attributes["connection"] = transaction.connection
        command.upgrade(config, FIRST)


def copy_rows(source: Database, target: Database) -> dict[str, list[Any]]:
    """Fill an old database with what a new one holds, as far as it has a place for it; gives the rows."""
    old = MetaData()
    with source.read() as reading, target.write() as writing:
        old.reflect(writing.connection)
        copied = {}
        for table in old.sorted_tables:
            if table.name == "alembic_version":
                continue
            new = Table(table.name, MetaData(), autoload_with=reading.connection)
            # What the database counts by itself it goes on counting.
            columns = [new.c[column.name] for column in table.c if column.name != "sequence"]
            rows = [row._asdict() for row in reading.connection.execute(select(*columns))]
            if rows:
                writing.connection.execute(table.insert(), rows)
            copied[table.name] = rows
    return copied


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_database_of_the_first_release_is_brought_over(
    request: pytest.FixtureRequest, world: World, tmp_path: Path, kind: str
) -> None:
    """The tables are as declared, every row is still there, and who signed up before signs in."""
    world.enrol(world.sign_up())
    bob = world.sign_up("bob@example.com")
    with empty(request, kind, tmp_path) as database:
        make_first(database)
        copied = copy_rows(world.core.database, database)
        assert len(copied["users"]) == 2
        assert upgrade(database) == (FIRST, SCHEMA)
        assert drift(database) == []
        tables = MetaData()
        with database.read() as transaction:
            tables.reflect(transaction.connection)
            for name, rows in copied.items():
                held = transaction.connection.execute(select(tables.tables[name])).all()
                assert len(held) == len(rows), name
        core = Core(database, MASTER_KEY, clock=world.clock)
        moved = World(core, world.clock, world.installed)
        assert moved.refusal(moved.sign_in) == "auth/mfa-required"
        assert moved.me(moved.refresh(bob)).email == "bob@example.com"
