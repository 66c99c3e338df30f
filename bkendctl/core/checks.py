"""Looks at the core's own parts: SQLite, schema, integrity, master key, clock, links in mails, providers."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from bkendctl.contract.errors import Failure
from bkendctl.contract.findings import Finding
from bkendctl.contract.oauth_configs import OAuthConfig
from bkendctl.core import schema
from bkendctl.core.call import environment_row
from bkendctl.core.clock import SECOND
from bkendctl.core.database import SCHEMA, Database, sqlite_is_safe, sqlite_module
from bkendctl.core.delivery import waiting
from bkendctl.core.oauth_configs import configs_of
from bkendctl.core.runtime import DEV_PUBLIC_URL, Core
from bkendctl.core.upgrade import drift, integrity


def check_sqlite() -> Finding:
    """Whether this SQLite is free of the WAL-reset race (promises, sqlite.org/wal.html)."""
    version = f"SQLite {sqlite_module().sqlite_version}"
    if sqlite_is_safe():
        return Finding(check="sqlite", state="ok", message=version)
    return Finding(
        check="sqlite",
        state="warning",
        message=f"{version} can damage a database that several processes write",
        mend="pip install 'pysqlite3>=0.6.1'",
    )


def check_postgresql(database: Database) -> Finding:
    """Whether the server lets us write and is new enough. cli/database-unreachable, cli/not-offered."""
    return Finding(check="postgresql", state="ok", message=f"PostgreSQL {database.server_version()}")


def check_schema(database: Database) -> Finding:
    """Whether the tables are of this program's version. cli/database-missing, -damaged, -older, -newer."""
    database.require()
    return Finding(check="schema", state="ok", message=f"{SCHEMA}, the newest")


def check_integrity(database: Database) -> Finding:
    """SQLite's own checks, foreign keys, and that the tables are the declared ones."""
    found = integrity(database) or drift(database)
    if not found:
        sound = "the tables are" if database.file is None else "pages, foreign keys and tables are"
        return Finding(check="integrity", state="ok", message=f"{sound} sound")
    mend = "pg_restore a dump" if database.file is None else "bkendctl db restore BACKUP"
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return Finding(check="integrity", state="bad", message=f"{found[0]}{more}", mend=mend)


def check_master_key(core: Core) -> Finding:
    """Whether what is sealed in the database opens. cli/master-key."""
    with core.database.read() as transaction:
        key, row = core.unlock(transaction)
    key.unwrap(row)
    if key is not core.master_keys[0]:
        message = "a change of the master key was interrupted"
        return Finding(check="master key", state="warning", message=message, mend="bkendctl db rekey")
    return Finding(check="master key", state="ok", message="opens what is sealed in the database")


def clock_offset(database: Database, project_id: str | None, environment: str | None) -> int:
    """Seconds the environment's clock is ahead of real time. data/environment-not-found."""
    return int(_environment(database, project_id, environment).clock_offset_ms // SECOND)


def check_links(
    database: Database, project_id: str | None, environment: str | None, configured: str | None
) -> Finding:
    """Whether links in mails lead anywhere. configured: BKENDCTL_PUBLIC_URL."""
    row = _environment(database, project_id, environment)
    found = row.public_url or configured
    if found is not None and not found.startswith(("http://", "https://")):
        message = f"{found} is no http or https URL"
        return Finding(check="public url", state="bad", message=message, mend="set BKENDCTL_PUBLIC_URL")
    if found is None and row.type != "dev":
        message = "links have no base, so mails are held"
        return Finding(check="public url", state="warning", message=message, mend="set BKENDCTL_PUBLIC_URL")
    return Finding(check="public url", state="ok", message=found or DEV_PUBLIC_URL)


def provider_configs(
    database: Database, project_id: str | None, environment: str | None, configured: str | None
) -> tuple[str, list[OAuthConfig]]:
    """Base of the server's own redirect URIs, and the providers that are set up. configured: as above."""
    row = _environment(database, project_id, environment)
    with database.read() as transaction:
        return row.public_url or configured or DEV_PUBLIC_URL, configs_of(transaction, row.id)


def check_mail(core: Core) -> Finding:
    """Whether mails leave: none that failed for good, none held for want of a public URL."""
    found = waiting(core)
    counts = ", ".join(f"{number} {status}" for status, number in found.counts.items() if number)
    if found.counts["failed"]:
        mend = "bkendctl mail deliver --retry-failed"
        return Finding(check="mail", state="warning", message=counts, mend=mend)
    if found.counts["held"]:
        return Finding(check="mail", state="warning", message=counts, mend="set BKENDCTL_PUBLIC_URL")
    return Finding(check="mail", state="ok", message=counts or "the outbox is empty")


def _environment(database: Database, project_id: str | None, name: str | None) -> Row[Any]:
    table = schema.environments
    with database.read() as transaction:
        row = environment_row(transaction, table.c.project_id == project_id, table.c.name == name)
    if row is None:
        raise Failure("data/environment-not-found", hint="bkendctl init --profile NAME")
    return row
