"""Brings a database's tables to the newest migration. Loads Alembic: only for init, db and serve."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from bkendctl.core.database import SCHEMA, Database


def upgrade(database: Database) -> tuple[str | None, str]:
    """Run what is missing in one transaction; gives the versions before and after.

    An interrupted run leaves the database as it was. cli/database-newer when it knows more than we do.
    """
    from alembic import command
    from alembic.config import Config

    before = database.schema_version()
    if before is not None and before > SCHEMA:
        database.require()
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    with database.write() as transaction:
        config.attributes["connection"] = transaction.connection
        command.upgrade(config, "head")
    return before, SCHEMA


def drift(database: Database) -> list[str]:
    """How the live tables differ from the declared ones; empty when they agree."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from sqlmodel import SQLModel

    from bkendctl.core import tables  # noqa: F401 - declares them

    with database.read() as transaction:
        context = MigrationContext.configure(
            transaction.connection, opts={"include_object": lambda *found: not _is_search(found[1])}
        )
        return [str(difference) for difference in compare_metadata(context, SQLModel.metadata)]


def _is_search(name: str | None) -> bool:
    """Whether this is part of the search index, which each database has in its own way (user_triggers.py)."""
    return name is not None and (name.startswith("user_search") or name == "ix_users_grams")


def integrity(database: Database) -> list[str]:
    """What SQLite's own checks find wrong; empty when all is well. Other databases check themselves.

    Asked on connections of its own: FTS5 looks with the structure of its index that a connection remembers,
    and calls an index damaged that others have written since.
    """
    from sqlalchemy import text

    if database.file is None:
        return []
    with closing(Database(database.url)) as fresh, fresh.read() as transaction:
        found = [str(row[0]) for row in transaction.all(text("PRAGMA integrity_check"))]
        found += [f"foreign key: {tuple(row)}" for row in transaction.all(text("PRAGMA foreign_key_check"))]
    return [finding for finding in found if finding != "ok"]
