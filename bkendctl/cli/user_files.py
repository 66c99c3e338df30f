"""Users from files and into files: the verbs export and import of `bkendctl users`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bkendctl.cli import exports
from bkendctl.cli.context import Context
from bkendctl.cli.options import one_of
from bkendctl.contract import users
from bkendctl.contract.fields import Role
from bkendctl.contract.user_import import OnConflict


def export(
    ctx: Context,
    to: Annotated[str, typer.Option(help="Format.", metavar="|".join(exports.FORMATS))],
    file: Annotated[
        Path | None, typer.Option("--file", help="Where to, only for you; stdout when left out.")
    ] = None,
    role: Annotated[str | None, typer.Option(help="Only with this role.", metavar=one_of(Role))] = None,
    status: Annotated[
        str | None,
        typer.Option(
            help="Only in this state; not deleted when left out.", metavar=one_of(users.StatusFilter)
        ),
    ] = None,
    include_accounts: Annotated[
        bool, typer.Option("--include-accounts", help="With linked accounts.")
    ] = False,
    include_hashes: Annotated[
        bool, typer.Option("--include-hashes", help="With password hashes, from this machine's database.")
    ] = False,
) -> None:
    """Write all users, oldest first.

    CSV is neutralised: a spreadsheet takes no cell for a formula.

    Example: bkendctl users export --to csv --file users.csv
    """
    from bkendctl.cli.user_export import Export

    if to not in exports.FORMATS:
        ctx.refuse(f"--to is {' or '.join(exports.FORMATS)}, not {to}.")
    if include_hashes and file is None:
        ctx.refuse("--include-hashes needs --file: hashes are for a file that only you may read.")
    request = users.ExportUsers(include_accounts=include_accounts)
    for name, value in (("role", role), ("status", status)):
        if value is not None:
            setattr(request, name, value)
    Export(ctx, request, to, file, include_hashes=include_hashes).run()


def import_users(
    ctx: Context,
    file: Annotated[Path, typer.Argument(help="The file; - for stdin.", metavar="FILE")],
    source: Annotated[
        str, typer.Option("--from", help="Who wrote it.", metavar="csv|jsonl|firebase|supabase|auth0")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check only, write nothing.")] = False,
    on_conflict: Annotated[
        str, typer.Option(help="Where the address is taken.", metavar=one_of(OnConflict))
    ] = "skip",
    allow_roles: Annotated[bool, typer.Option("--allow-roles", help="Take roles over.")] = False,
    without_hashes: Annotated[
        bool, typer.Option("--without-hashes", help="Leave passwords behind; users reset them.")
    ] = False,
    firebase_config: Annotated[
        Path | None, typer.Option(help="File with Firebase's hash_config; - for stdin.")
    ] = None,
    skip_first: Annotated[int, typer.Option(help="Leave out so many users, done before.")] = 0,
    report: Annotated[
        Path | None, typer.Option(help="Write what became of each: .csv, else JSON lines.")
    ] = None,
) -> None:
    """Bring in users with their password hashes.

    Run again it goes on: who is in already is skipped. Status 10 when a user failed.

    Example: bkendctl users import users.json --from firebase --firebase-config hash_config.txt
    """
    from bkendctl.cli.import_services import SERVICES, config_of
    from bkendctl.cli.user_import import Import

    if source not in SERVICES:
        ctx.refuse(f"--from is {', '.join(SERVICES)}, not {source}.")
    settings = None if firebase_config is None else config_of(firebase_config)
    Import(
        ctx, file, source, on_conflict, dry_run, allow_roles, without_hashes, skip_first, report, settings
    ).run()
