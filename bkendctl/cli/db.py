"""bkendctl db: the database of this machine."""

from __future__ import annotations

from typing import Any

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun
from bkendctl.cli.tables import Column, View
from bkendctl.contract.errors import Failure

noun = Noun("The database: status, migrate, check.")

STATUS = View(
    columns=(
        Column("Database", "database"),
        Column("Schema", "schema"),
        Column("Newest schema", "newestSchema"),
        Column("State", "state"),
        Column("SQLite", "sqliteVersion"),
        Column("SQLite is safe", "sqliteSafe"),
        Column("Size in bytes", "bytes"),
    ),
    quiet="state",
)


def _open(ctx: Context) -> Any:
    from bkendctl.client.embedded import open_core

    if ctx.profile.kind != "embedded":
        raise Failure(
            "cli/not-offered", "This profile's database is not on this machine.", hint="--profile NAME"
        )
    core = open_core(ctx.profile.database, ctx.paths)
    ctx.call_on_close(core.database.close)
    if core.database.file is not None and not core.database.file.exists():
        raise Failure("cli/database-missing", f"There is no database at {core.database.file}.")
    return core


@noun.verb("status")
def status(ctx: Context) -> None:
    """Show which schema the database has, and which this program needs.

    Example: bkendctl db status
    """
    from bkendctl.core.database import SCHEMA, sqlite_is_safe, sqlite_module

    database = _open(ctx).database
    found = database.schema_version()
    state = "ready"
    if found != SCHEMA:
        state = (
            "empty" if found is None else "newer than this program" if found > SCHEMA else "needs db migrate"
        )
    file = database.file
    body = {
        "database": database.url if file is not None else "PostgreSQL",
        "schema": found,
        "newestSchema": SCHEMA,
        "state": state,
        "sqliteVersion": sqlite_module().sqlite_version if file is not None else None,
        "sqliteSafe": sqlite_is_safe() if file is not None else None,
        "bytes": file.stat().st_size if file is not None else None,
    }
    ctx.output.show(body, STATUS)


@noun.verb("migrate")
def migrate(ctx: Context) -> None:
    """Bring the tables to the newest schema, all or nothing.

    Example: bkendctl db migrate
    """
    from bkendctl.core.upgrade import upgrade

    before, after = upgrade(_open(ctx).database)
    message = "Nothing to do." if before == after else f"Migrated from {before or 'nothing'} to {after}."
    ctx.output.show({"from": before, "to": after, "message": message}, View(quiet="to"))


@noun.verb("check")
def check(ctx: Context) -> None:
    """Check integrity, foreign keys and tables.

    Exit status 1 when anything is wrong.

    Example: bkendctl db check
    """
    from bkendctl.core.upgrade import drift, integrity

    database = _open(ctx).database
    database.require()
    findings = integrity(database) or drift(database)
    ctx.output.show({"ok": not findings, "findings": findings})
    if findings:
        raise Failure("cli/database-damaged", f"{len(findings)} findings in the database.")
