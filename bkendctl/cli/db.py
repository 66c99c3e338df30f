"""bkendctl db: the database of this machine. What the longer verbs do is in client/."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun
from bkendctl.cli.tables import Column, View
from bkendctl.contract.errors import Failure
from bkendctl.local.addresses import database_url, without_password
from bkendctl.local.profiles import Profile

noun = Noun("The database: check, back up, restore, purge, rekey.")

STATUS = View(
    columns=(
        Column("Database", "database"),
        Column("Schema", "schema"),
        Column("Newest schema", "newestSchema"),
        Column("State", "state"),
        Column("Version", lambda body: body["sqliteVersion"] or body["postgresqlVersion"]),
        Column("SQLite is safe", "sqliteSafe"),
        Column("Size in bytes", "bytes"),
    ),
    quiet="state",
)

DUMP = "pg_dump --format=custom --file=FILE URL"
UNDUMP = "pg_restore --clean --if-exists --dbname=URL FILE"


def _embedded(ctx: Context) -> Profile:
    if ctx.profile.kind != "embedded":
        raise Failure(
            "cli/not-offered", "This profile's database is not on this machine.", hint="--profile NAME"
        )
    return ctx.profile


def _open(ctx: Context) -> Any:
    from bkendctl.client.embedded import open_core

    core = open_core(_embedded(ctx).database, ctx.paths)
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
    is_sqlite = database.file is not None
    body = {
        "database": without_password(database.url),
        "schema": found,
        "newestSchema": SCHEMA,
        "state": state,
        "sqliteVersion": sqlite_module().sqlite_version if is_sqlite else None,
        "sqliteSafe": sqlite_is_safe() if is_sqlite else None,
        "postgresqlVersion": None if is_sqlite else database.server_version(),
        "bytes": database.size(),
    }
    ctx.output.show(body, STATUS)


@noun.verb("migrate")
def migrate(ctx: Context) -> None:
    """Bring the tables to the newest schema, all or nothing.

    Refused while a server has the database in use.

    Example: bkendctl db migrate
    """
    from bkendctl.core.occupancy import alone
    from bkendctl.core.upgrade import upgrade

    database = _open(ctx).database
    with alone(database):
        before, after = upgrade(database)
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
    ctx.say.done("pages, foreign keys and tables are sound")


@noun.verb("backup")
def backup(
    ctx: Context,
    file: Annotated[Path, typer.Argument(help="Where to.", metavar="FILE")],
    with_files: Annotated[
        bool, typer.Option("--with-files", help="One archive (tar) with the master key too.")
    ] = False,
) -> None:
    """Copy the database while it is in use, and check the copy.

    The copy alone opens with this machine's master key only. An archive made with --with-files opens
    anywhere: keep it as you keep a password.

    Example: bkendctl db backup monday.db --yes
    """
    from bkendctl.cli.progress import progress_bar
    from bkendctl.client.backup import write_backup
    from bkendctl.client.embedded import file_of

    found = _open(ctx).database
    database = file_of(found.url, instead=DUMP)
    found.require()
    target = Path(os.path.abspath(file))  # noqa: PTH100 - a link at its end is to be refused, not followed
    if target.is_dir():
        ctx.refuse(f"{file} is a folder; name a file in it.")
    if _is_ours(ctx, target, database):
        ctx.refuse(f"{file} is a file of the core itself.", hint="bkendctl db backup monday.db")
    if os.path.lexists(target):
        ctx.confirm(f"{file} exists. Replace it?", local=True)
    with progress_bar("Copying", silent=ctx.say.silent) as progress:
        checked = write_backup(database, target, ctx.paths, progress, with_files=with_files)
    body = {
        "file": str(target),
        "bytes": target.stat().st_size,
        "schema": checked.schema,
        "masterKeyInside": with_files,
    }
    ctx.output.show(body, View(quiet="file"))
    ctx.say.done("the copy was checked and is whole")


_KEY_QUESTION = {
    "same": "",
    "rewrapped": ", bringing it under this machine's master key",
    "restored": " and take its master key",
}


@noun.verb("restore")
def restore(
    ctx: Context, file: Annotated[Path, typer.Argument(help="A backup, alone or archive.", metavar="FILE")]
) -> None:
    """Put a backup in the place of the database.

    What was there is kept beside it.

    The backup is checked first. Refused while any other process has the
    database open. What was revoked since the backup was made is valid again:
    end sessions and revoke keys anew where it matters.

    Example: bkendctl db restore monday.db
    """
    from bkendctl.cli.progress import progress_bar
    from bkendctl.client.embedded import file_of
    from bkendctl.client.restore import opened_backup

    database = file_of(_embedded(ctx).database, instead=UNDUMP)
    with opened_backup(file.absolute(), database, ctx.paths) as found:
        ctx.confirm(f"Replace the database {database} by this backup{_KEY_QUESTION[found.key]}?", local=True)
        with progress_bar("Restoring", silent=ctx.say.silent) as progress:
            kept = found.replace(progress)
        body = {
            "database": str(database),
            "schema": found.schema,
            "masterKey": found.key,
            "before": None if kept is None else str(kept),
        }
    ctx.output.show(body, View(quiet="database"))
    if kept is not None:
        ctx.say.done(f"restored; the database of before is {kept}")
    ctx.say.note("keys that are stored here and not in the backup are gone: bkendctl init --new-keys")


def _is_ours(ctx: Context, target: Path, database: Path) -> bool:
    """Whether a name stands for the live database, what SQLite keeps beside it, or the master key."""
    own = [f"{database}{beside}" for beside in ("", "-wal", "-shm", "-journal")]
    own += [str(ctx.paths.master_key_file), str(ctx.paths.config_file), str(ctx.paths.credentials_file)]
    return os.path.realpath(target) in map(os.path.realpath, own)


@noun.verb("rekey")
def rekey(
    ctx: Context,
    new_key_stdin: Annotated[
        bool, typer.Option("--new-key-stdin", help="Read the new key from stdin: 32 bytes in base64.")
    ] = False,
) -> None:
    """Replace the master key of this machine.

    Interrupted at any moment, typing it again finishes it.

    Sessions, codes and keys go on working. Backups made before still need the old master key.

    Example: bkendctl db rekey --yes
    """
    from bkendctl.cli.prompt import read_secret_stdin
    from bkendctl.client.rekey import rekey as replace_key
    from bkendctl.local.master_keys import given_key

    wanted = read_secret_stdin("--new-key-stdin").strip() if new_key_stdin else None
    databases = _databases(ctx)
    ctx.confirm("Replace the master key? Backups without their key will need the old one.", local=True)
    fresh = replace_key(ctx.paths, list(databases.values()), wanted)
    kept_in = "BKENDCTL_MASTER_KEY" if given_key() else str(ctx.paths.master_key_file)
    body = {"databases": list(databases), "masterKey": kept_in, "replaced": fresh}
    ctx.output.show(body, View(quiet="masterKey"))
    if given_key():
        ctx.say.done("from now on BKENDCTL_MASTER_KEY has to be the new key")
    elif fresh:
        ctx.say.done("the master key was replaced")
    else:
        ctx.say.done("an interrupted replacement was finished; type it again for another new key")


PURGED = View(
    columns=(
        Column("Dry run", "dryRun"),
        Column("Refresh tokens", "removed.refreshTokens"),
        Column("Sessions", "removed.sessions"),
        Column("Mail tokens", "removed.mailTokens"),
        Column("Codes of pages", "removed.hostedCodes"),
        Column("Spent states", "removed.spentStates"),
        Column("Kept identities", "removed.keptIdentities"),
        Column("Throttles", "removed.throttles"),
        Column("Known sources", "removed.knownSources"),
        Column("Mails", "removed.mails"),
        Column("Uploads", "removed.uploads"),
        Column("Dropped files", "removed.droppedFiles"),
        Column("Users", "removed.users"),
        Column("Audit events", "removed.auditEvents", optional=True),
    ),
    quiet=lambda body: sum(body["removed"].values()),
)


@noun.verb("purge")
def purge(
    ctx: Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would be removed.")] = False,
    audit_older_than: Annotated[
        str | None, typer.Option(help="Audit events of this age go too, such as 365d.", metavar="DURATION")
    ] = None,
) -> None:
    """Remove what has expired, while the database is in use.

    Tokens that are over, sessions that ended 30 days ago, mails delivered
    30 days ago, and users deleted 30 days ago, with all that is theirs. The
    audit stays, unless an age is named: then `audit verify` goes on from
    what was removed.

    Example: bkendctl db purge --audit-older-than 365d --dry-run
    """
    import time

    from bkendctl.cli.text import parse_duration
    from bkendctl.core.purge import purge as remove_expired

    core = _open(ctx)
    core.database.require()
    if not dry_run:
        ctx.confirm("Remove what has expired? This cannot be undone.", local=True)
    audit_ms = None if audit_older_than is None else 1_000 * parse_duration(audit_older_than)
    removed = remove_expired(core, dry_run=dry_run, pause=time.sleep, audit_ms=audit_ms)
    ctx.output.show({"dryRun": dry_run, "removed": removed}, PURGED)


def _databases(ctx: Context) -> dict[str, str]:
    """Every database that opens with this machine's master key, of the profile in use first.

    By what may be shown: one that a profile names too is opened with the password of BKENDCTL_DATABASE_URL.
    """
    from bkendctl.client.embedded import present_url

    present = present_url(_embedded(ctx).database)
    others = [profile.database for profile in ctx.profiles if profile.kind == "embedded"]
    found: dict[str, str] = {}
    for url in (present, *others):
        if url:
            found.setdefault(without_password(database_url(url)), url)
    return found
