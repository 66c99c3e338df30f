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
Search = Annotated[str | None, typer.Option(help="Part of name, nickname or e-mail.")]
SearchType = Annotated[str | None, typer.Option(help="Search only there.", metavar=one_of(users.SearchField))]
OfRole = Annotated[str | None, typer.Option(help="Only with this role.", metavar=one_of(Role))]
Status = Annotated[
    str | None,
    typer.Option(help="Only in this state; not deleted when left out.", metavar=one_of(users.StatusFilter)),
]
Provider = Annotated[
    str | None, typer.Option(help="Only with this way to sign in.", metavar=one_of(AccountProvider))
]
Mfa = Annotated[bool | None, typer.Option("--mfa/--no-mfa", help="Only with MFA on, or off.")]
Time = Annotated[str | None, typer.Option(help="Instant, or how long ago (30d).", metavar="TIME")]
WithAccounts = Annotated[bool, typer.Option("--include-accounts", help="With linked accounts.")]
Sort = Annotated[str, typer.Option(help="Order.", metavar=one_of(users.SortField))]
Every = Annotated[bool, typer.Option("--all", help="All pages, as they come; --jq sees each.")]


def list_users(
    ctx: Context,
    search: Search = None,
    search_type: SearchType = None,
    role: OfRole = None,
    status: Status = None,
    provider: Provider = None,
    mfa: Mfa = None,
    last_sign_in_before: Time = None,
    last_sign_in_after: Time = None,
    created_before: Time = None,
    created_after: Time = None,
    include_accounts: WithAccounts = False,
    sort: Sort = "createdAt",
    desc: Annotated[bool, typer.Option("--desc/--asc", help="Newest or last first.")] = True,
    page: Annotated[int, typer.Option(help="Page, from 1.")] = PAGE,
    limit: Annotated[int, typer.Option(help="Users per page, 1 to 100.")] = LIMIT,
    every: Every = False,
) -> None:
    """List users.

    Example: bkendctl users list --role admin -o json
    """
    if every and (page, limit) != (PAGE, LIMIT):
        ctx.refuse("--all goes without --page and --limit.")
    given = {
        "search": search, "search_type": search_type, "role": role, "status": status, "provider": provider,
        "mfa": mfa,
        "last_sign_in_before": _ago(ctx, last_sign_in_before),
        "last_sign_in_after": _ago(ctx, last_sign_in_after),
        "created_before": _ago(ctx, created_before),
        "created_after": _ago(ctx, created_after),
    }  # fmt: skip
    wanted: Any = {name: value for name, value in given.items() if value is not None}
    wanted |= {"sort_by": sort, "sort_direction": "desc" if desc else "asc"}
    _show(ctx, users.ListUsers(include_accounts=include_accounts, **wanted), None if every else (page, limit))


def _ago(ctx: Context, text: str | None) -> str | None:
    return None if text is None else ctx.local_instant(text, past=True)


def _show(ctx: Context, request: users.ListUsers, place: tuple[int, int] | None) -> None:
    """Show one page of a size; all where none is named."""
    view = views.USERS
    if request.include_accounts:
        column = Column("Accounts", lambda user: [each["provider"] for each in user["accounts"]], 6)
        view = view._replace(columns=(*view.columns, column))
    if place is None:
        request.limit = LARGEST
        ctx.output.show_pages(_pages(ctx, request), view, now=ctx.now)
        return
    request.page, request.limit = place
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
