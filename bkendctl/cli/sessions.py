"""bkendctl sessions: see them, end them."""

from __future__ import annotations

from typing import Annotated

import typer

from bkendctl.cli import views
from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun
from bkendctl.cli.tables import View
from bkendctl.client.voice import Voice
from bkendctl.contract import sessions
from bkendctl.contract.paging import PageRequest

noun = Noun("See and end sessions.")


@noun.verb("list")
def list_sessions(
    ctx: Context,
    page: Annotated[int, typer.Option(help="Page, from 1.")] = 1,
    limit: Annotated[int, typer.Option(help="Sessions per page, 1 to 100.")] = 20,
) -> None:
    """List your live sessions; the current one is marked.

    Example: bkendctl sessions list -o json
    """
    ctx.show(ctx.call(sessions.LIST, PageRequest(page=page, limit=limit)), views.SESSIONS)


@noun.verb("revoke")
def revoke(
    ctx: Context,
    session: Annotated[str, typer.Argument(help="Id, or its first 8 characters.", metavar="SESSION")],
) -> None:
    """End one session; ending the current one signs you out here.

    Example: bkendctl sessions revoke 3f2a9c1e
    """
    session_id = ctx.full_id(session, sessions.LIST, "auth/session-not-found", voice=Voice.USER)
    mine = _is_current(ctx, session_id)
    answer = ctx.call(sessions.REVOKE, sessions.EndSession(session_id=session_id))
    if mine:
        ctx.speaker.forget()
        ctx.say.note("it was the current one: you are signed out here")
    ctx.show(answer)


@noun.verb("revoke-all")
def revoke_all(
    ctx: Context,
    include_current: Annotated[bool, typer.Option("--include-current", help="This session too.")] = False,
) -> None:
    """End all your other sessions.

    Example: bkendctl sessions revoke-all --yes
    """
    ctx.confirm("End all your sessions?" if include_current else "End all your other sessions?")
    answer = ctx.call(sessions.REVOKE_ALL)
    if include_current:
        ctx.call(sessions.SIGN_OUT)
        ctx.speaker.forget()
        answer.ended_count += 1
        answer.message = f"{answer.ended_count} sessions have ended, this one among them."
    ctx.show(answer, View(quiet="endedCount"))


def _is_current(ctx: Context, session_id: str) -> bool:
    page = ctx.call(sessions.LIST, PageRequest(limit=100))
    return any(session.id == session_id and session.is_current for session in page.items)
