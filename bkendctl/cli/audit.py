"""bkendctl audit: what happened, and whether the record is whole."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun
from bkendctl.cli.tables import KEEP, Column, View
from bkendctl.cli.text import parse_instant
from bkendctl.client.voice import Voice
from bkendctl.contract import audit_events

noun = Noun("What happened: list, verify, export.")

FOLLOW_SECONDS = 1.0

MANY = View(
    columns=(
        Column("Seq", "sequence", KEEP, "number"),
        Column("When", "occurredAt", 8, "time"),
        Column("Action", "action", 10),
        Column("Outcome", lambda event: event["errorCode"] or event["outcome"], 9),
        Column("Actor", lambda event: event["actor"]["label"] or event["actor"]["type"], 7),
        Column("About", lambda event: (event["target"] or {}).get("id"), 5),
    ),
    quiet="id",
    noun="events",
    real_time=True,
)

Action = Annotated[
    str | None, typer.Option(help="Exact, such as users.set-role, or users.*", metavar="ACTION")
]
Actor = Annotated[str | None, typer.Option(help="Who: id or e-mail of a user, id of a key.", metavar="USER")]
User = Annotated[str | None, typer.Option("--user", help="About whom: id or e-mail.", metavar="USER")]
Since = Annotated[str | None, typer.Option(help="Instant, or how long ago (24h).", metavar="TIME")]


@noun.verb("list")
def list_events(
    ctx: Context,
    action: Action = None,
    actor: Actor = None,
    user: User = None,
    since: Since = None,
    limit: Annotated[int, typer.Option(help="Events, 1 to 200.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", help="Wait for new ones; Ctrl-C ends.")] = False,
) -> None:
    """List events, newest first.

    With --follow new ones are printed as they come.

    Example: bkendctl audit list --action 'users.*' --since 24h
    """
    request = _request(ctx, action, actor, user, since, limit)
    page = ctx.call(audit_events.LIST, request, voice=Voice.ADMIN)
    if not follow:
        ctx.show(page, MANY)
        return
    newest = page.items[0].sequence if page.items else 0
    _show_rows(ctx, list(reversed(page.items)))
    while True:
        time.sleep(FOLLOW_SECONDS)
        page = ctx.call(audit_events.LIST, request, voice=Voice.ADMIN)
        fresh = [event for event in reversed(page.items) if event.sequence > newest]
        _show_rows(ctx, fresh)
        newest = max([newest, *(event.sequence for event in fresh)])


def _show_rows(ctx: Context, events: list[Any]) -> None:
    """One JSON document a line, or one table line each: what follows has no end."""
    import msgspec

    for event in events:
        body = msgspec.to_builtins(event)
        if ctx.output.format == "json":
            sys.stdout.write(msgspec.json.encode(body).decode() + "\n")
        else:
            actor = body["actor"]["label"] or body["actor"]["type"]
            outcome = body["errorCode"] or body["outcome"]
            sys.stdout.write(f"{body['occurredAt']}  {body['action']}  {outcome}  {actor}\n")
    sys.stdout.flush()


@noun.verb("verify")
def verify(ctx: Context) -> None:
    """Seal what is new and check the hash chain.

    Exit status 1 when it is broken. Note the last hash elsewhere: it shows later that nothing was rewritten.

    Example: bkendctl audit verify
    """
    found = ctx.call(audit_events.VERIFY, voice=Voice.ADMIN)
    ctx.show(found, View(quiet="state"))
    if found.state == "broken":
        raise typer.Exit(1)


@noun.verb("export")
def export(
    ctx: Context,
    file: Annotated[Path | None, typer.Option("--file", help="Where to; stdout when left out.")] = None,
    since: Since = None,
) -> None:
    """Write all events, newest first, one JSON document a line.

    Example: bkendctl audit export --since 30d --file audit.jsonl
    """
    import msgspec

    from bkendctl.local.files import new_private

    events = _every(ctx, _request(ctx, None, None, None, since, 200))
    lines = (msgspec.json.encode(event) + b"\n" for event in events)
    if file is None:
        for line in lines:
            sys.stdout.write(line.decode())
        return
    with new_private(file.absolute()) as path, path.open("wb") as target:
        count = sum(1 for line in lines if target.write(line))
    ctx.say.done(f"{count} events written to {file}")


def _every(ctx: Context, request: audit_events.ListEvents) -> Iterator[audit_events.AuditEvent]:
    """The events of all pages; one page is kept at a time."""
    while True:
        page = ctx.call(audit_events.LIST, request, voice=Voice.ADMIN)
        yield from page.items
        if page.next_cursor is None:
            return
        request.cursor = page.next_cursor


def _request(
    ctx: Context, action: str | None, actor: str | None, user: str | None, since: str | None, limit: int
) -> audit_events.ListEvents:
    request = audit_events.ListEvents(limit=limit)
    if action is not None:
        request.action = action
    if actor is not None:
        request.actor_id = ctx.user_id(actor)
    if user is not None:
        request.target_id = ctx.user_id(user)
    if since is not None:
        request.from_ = parse_instant(since, datetime.now(UTC), past=True).isoformat()
    return request
