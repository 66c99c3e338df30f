"""bkendctl doctor: what is wrong with this set-up, and the command that mends it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun
from bkendctl.cli.tables import KEEP, Column, View
from bkendctl.cli.text import format_duration
from bkendctl.client.voice import Voice
from bkendctl.contract import oauth_configs
from bkendctl.contract.errors import Failure
from bkendctl.contract.findings import Finding

if TYPE_CHECKING:
    from bkendctl.core.database import Database
    from bkendctl.core.runtime import Core

noun = Noun("Find what is wrong, and what mends it.")

_NOT_TOLD = (3, 4)
"""Exit statuses of who is not signed in, and of who may not."""
VIEW = View(
    columns=(
        Column("Check", "check", KEEP),
        Column("State", "state", KEEP),
        Column("Found", "message", 2, "text"),
    ),
    noun="checks",
)


@noun.verb("doctor")
def doctor(ctx: Context) -> None:
    """Check profile, credentials, files, database, clock, mail and providers.

    Each finding that is not ok is told with what to type. Exit status 1 when
    any is bad.

    Example: bkendctl doctor
    """
    import msgspec

    found = list(_findings(ctx))
    bad = [finding for finding in found if finding.state == "bad"]
    ctx.output.show(msgspec.to_builtins(found), VIEW)
    for finding in found:
        if finding.mend:
            ctx.say.note(f"{finding.check}: {finding.message} → {finding.mend}")
    if bad:
        hint = bad[0].mend
        raise Failure("cli/unhealthy", f"Bad: {', '.join(finding.check for finding in bad)}.", hint=hint)


def _findings(ctx: Context) -> Iterator[Finding]:
    """One after the other; without a profile nobody knows what else there is to look at."""
    from bkendctl.local.checks import check_disk

    yield _own_files(ctx)  # before anything is read, for reading repairs modes
    yield check_disk(ctx.paths)
    profile = _try("profile", lambda: _profile(ctx))
    yield profile
    yield _try("credentials", lambda: _store(ctx))
    if profile.state == "ok":
        yield from _of_server(ctx) if ctx.profile.kind == "remote" else _of_core(ctx)


def _own_files(ctx: Context) -> Finding:
    from bkendctl.local.checks import check_files

    own = ctx.paths
    files = (own.config_file, own.credentials_file, own.store_file, own.master_key_file)
    return check_files(*files, folders=(own.config_dir, own.data_dir))


def _try(check: str, look: Callable[[], Finding]) -> Finding:
    """A refusal is the finding; its hint mends it."""
    try:
        return look()
    except Failure as failure:
        return Finding(check=check, state="bad", message=failure.message, mend=failure.hint)


def _profile(ctx: Context) -> Finding:
    from bkendctl.client.embedded import present_url
    from bkendctl.local.addresses import database_url, without_password

    profile = ctx.profile
    where = profile.url or without_password(database_url(present_url(profile.database)))
    return Finding(check="profile", state="ok", message=f"{profile.name or 'BKENDCTL_URL'}: {where}")


def _store(ctx: Context) -> Finding:
    """The vault opens, and what it holds for the profile can be read."""
    ctx.store.load(ctx.option("profile") or ctx.profiles.current or "default")
    return Finding(check="credentials", state="ok", message=f"kept in: {ctx.store.name}")


def _of_server(ctx: Context) -> Iterator[Finding]:
    from bkendctl.client.checks import check_server

    server = _try("server", lambda: check_server(ctx.profile.url or ""))
    yield server
    if server.state != "bad":
        yield _try("providers", lambda: _providers_there(ctx))


def _providers_there(ctx: Context) -> Finding:
    """Settings of the server's providers, which admins may see alone."""
    from bkendctl.client.provider_checks import overview

    try:
        found = ctx.call(oauth_configs.LIST, voice=Voice.ADMIN).items
    except Failure as failure:
        if failure.exit_status not in _NOT_TOLD and failure.code != "cli/not-offered":
            raise
        return Finding(check="providers", state="skipped", message=f"not told: {failure.message}")
    return overview(found, ctx.profile.url or "")


def _of_core(ctx: Context) -> Iterator[Finding]:
    """The database from the outside in; what comes after a part that is bad is skipped."""
    from bkendctl.client.checks import check_leaks, check_smtp
    from bkendctl.client.embedded import database_of, open_core
    from bkendctl.core import checks

    profile = ctx.profile
    where = profile.project_id, profile.environment
    database = database_of(profile.database)
    ctx.call_on_close(database.close)

    @cache
    def core() -> Core:
        opened = open_core(profile.database, ctx.paths)
        ctx.call_on_close(opened.database.close)
        return opened

    steps: tuple[tuple[str, Callable[[], Finding]], ...] = (
        *_outside(database),
        ("schema", lambda: checks.check_schema(database)),
        ("integrity", lambda: checks.check_integrity(database)),
        ("master key", lambda: checks.check_master_key(core())),
        ("clock", lambda: _clock(checks.clock_offset(database, *where))),
        ("public url", lambda: checks.check_links(database, *where, os.environ.get("BKENDCTL_PUBLIC_URL"))),
        ("mail", lambda: checks.check_mail(core())),
        ("providers", lambda: _providers_here(database, *where)),
        ("avatars", lambda: _avatars(core())),
    )
    bad = None
    for check, look in steps:
        if bad is not None:
            yield Finding(check=check, state="skipped", message=f"needs: {bad}")
            continue
        finding = _try(check, look)
        yield finding
        bad = check if finding.state == "bad" else None
    yield check_smtp(os.environ.get("BKENDCTL_SMTP_URL"))
    yield _try("leaked passwords", lambda: check_leaks(os.environ.get("BKENDCTL_PWNED_URL")))


def _providers_here(database: Database, project_id: str | None, environment: str | None) -> Finding:
    from bkendctl.client.provider_checks import overview
    from bkendctl.core import checks

    public_url = os.environ.get("BKENDCTL_PUBLIC_URL")
    base, configs = checks.provider_configs(database, project_id, environment, public_url)
    return overview(configs, base)


def _avatars(core: Core) -> Finding:
    from bkendctl.client.checks import check_avatars

    assert core.files is not None
    return check_avatars(core.files, has_server=core.database.file is None)


def _clock(offset: int) -> Finding:
    """Whether the environment has real time. offset: seconds its clock is ahead."""
    if not offset:
        return Finding(check="clock", state="ok", message="the environment has real time")
    way = "ahead of" if offset > 0 else "behind"
    message = f"the environment's clock is {format_duration(abs(offset))} {way} real time"
    return Finding(check="clock", state="warning", message=message, mend="bkendctl clock reset")


def _outside(database: Database) -> Iterator[tuple[str, Callable[[], Finding]]]:
    """What is looked at before anything is read."""
    from bkendctl.core import checks
    from bkendctl.local.checks import check_files

    file = database.file
    if file is None:
        yield "postgresql", lambda: checks.check_postgresql(database)
        return
    yield "sqlite", checks.check_sqlite
    yield "database files", lambda: check_files(file, *_beside(file), check="database files")


def _beside(path: Path) -> list[Path]:
    """What SQLite keeps beside a database, with the same secrets in it."""
    return [path.with_name(path.name + suffix) for suffix in ("-wal", "-shm")]
