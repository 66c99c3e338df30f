"""The verb list of `bkendctl users`: a page, or everybody page by page."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any

import msgspec
import typer
from msgspec import UNSET, UnsetType

from bkendctl.cli import views
from bkendctl.cli.context import Context
from bkendctl.cli.options import one_of
from bkendctl.cli.tables import Column
from bkendctl.client.voice import Voice
from bkendctl.contract import users
from bkendctl.contract.fields import AccountProvider, Role

PAGE, LIMIT = 1, 20
LARGEST = 100
"""Users of a page, as many as the contract allows."""
Time = Annotated[str | None, typer.Option(help="Instant, or how long ago (30d).", metavar="TIME")]


def list_users(
    ctx: Context,
    search: Annotated[str | None, typer.Option(help="Part of name, nickname or e-mail.")] = None,
    search_type: Annotated[
        str | None, typer.Option(help="Search only there.", metavar=one_of(users.SearchField))
    ] = None,
    role: Annotated[str | None, typer.Option(help="Only with this role.", metavar=one_of(Role))] = None,
    status: Annotated[
        str | None,
        typer.Option(
            help="Only in this state; not deleted when left out.", metavar=one_of(users.StatusFilter)
        ),
    ] = None,
    provider: Annotated[
        str | None, typer.Option(help="Only with this way to sign in.", metavar=one_of(AccountProvider))
    ] = None,
    mfa: Annotated[bool | None, typer.Option("--mfa/--no-mfa", help="Only with MFA on, or off.")] = None,
    last_sign_in_before: Time = None,
    last_sign_in_after: Time = None,
    created_before: Time = None,
    created_after: Time = None,
    include_accounts: Annotated[
        bool, typer.Option("--include-accounts", help="With linked accounts.")
    ] = False,
    sort: Annotated[str, typer.Option(help="Order.", metavar=one_of(users.SortField))] = "createdAt",
    desc: Annotated[bool, typer.Option("--desc/--asc", help="Newest or last first.")] = True,
    page: Annotated[int, typer.Option(help="Page, from 1.")] = PAGE,
    limit: Annotated[int, typer.Option(help="Users per page, 1 to 100.")] = LIMIT,
    every: Annotated[bool, typer.Option("--all", help="All pages, as they come; --jq sees each.")] = False,
) -> None:
    """List users.

    Example: bkendctl users list --role admin -o json
    """
    if every and (page, limit) != (PAGE, LIMIT):
        ctx.refuse("--all goes without --page and --limit.")
    instants = {
        "last_sign_in_before": last_sign_in_before,
        "last_sign_in_after": last_sign_in_after,
        "created_before": created_before,
        "created_after": created_after,
    }
    wanted: dict[str, Any] = {"search": search, "search_type": search_type, "role": role, "status": status}
    wanted |= {"provider": provider, "mfa": mfa}
    wanted |= {
        name: ctx.local_instant(text, past=True) for name, text in instants.items() if text is not None
    }
    given = {name: value for name, value in wanted.items() if value is not None}
    way: Any = "desc" if desc else "asc"
    order: Any = sort  # passed on as typed: the core says what would be right
    request = users.ListUsers(
        limit=limit, sort_by=order, sort_direction=way, include_accounts=include_accounts, **given
    )
    view = views.USERS
    if include_accounts:
        column = Column("Accounts", lambda user: [each["provider"] for each in user["accounts"]], 6)
        view = view._replace(columns=(*view.columns, column))
    if every:
        ctx.output.show_pages(_pages(ctx, msgspec.structs.replace(request, limit=LARGEST)), view, now=ctx.now)
        return
    request.page = page
    ctx.show(ctx.call(users.LIST, request, voice=Voice.ADMIN), view)


def _pages(ctx: Context, request: users.ListUsers) -> Iterator[dict[str, Any]]:
    """Every page by its cursor, which stays true while users come and go; waits where the server says so."""
    from bkendctl.cli.bulk import patiently

    cursor: str | UnsetType | None = UNSET
    while cursor is not None:
        asked = msgspec.structs.replace(request, cursor=cursor)
        found = patiently(partial(ctx.call, users.LIST, asked, voice=Voice.ADMIN))
        yield msgspec.to_builtins(found)
        cursor = found.next_cursor
