"""bkendctl audit: what happened, and whether the record is whole."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun
from bkendctl.cli.tables import KEEP, Column, View
from bkendctl.cli.text import parse_instant, visible
from bkendctl.client.voice import Voice
from bkendctl.contract import audit_events

noun = Noun("What happened: list, verify, export.")

FOLLOW_SECONDS = 1.0
LARGEST_PAGE = 200

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
Outcome = Annotated[
    str | None, typer.Option("--outcome", help="Only what was done, or refused.", metavar="success|failure")
]
Since = Annotated[str | None, typer.Option(help="Instant, or how long ago (24h).", metavar="TIME")]


@noun.verb("list")
def list_events(
    ctx: Context,
    action: Action = None,
    actor: Actor = None,
    user: User = None,
    since: Since = None,
    outcome: Outcome = None,
    limit: Annotated[int, typer.Option(help="Events, 1 to 200.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", help="Wait for new ones; Ctrl-C ends.")] = False,
) -> None:
    """List events, newest first.

    With --follow new ones are printed as they come, one a line, oldest first, until Ctrl-C (status 130).

    Example: bkendctl audit list --action 'users.*' --since 24h
    """
    request = _request(ctx, action, actor, user, since, limit)
    if outcome is not None:
        request.outcome = outcome  # type: ignore[assignment]
    page = ctx.call(audit_events.LIST, request, voice=Voice.ADMIN)
    if not follow:
        ctx.show(page, MANY)
        return
    _show_rows(ctx, list(reversed(page.items)))
    newest = page.items[0].sequence if page.items else 0
    while True:
        time.sleep(FOLLOW_SECONDS)
        fresh = _younger(ctx, request, newest)
        _show_rows(ctx, fresh)
        newest = max([newest, *(event.sequence for event in fresh)])


def _younger(ctx: Context, request: audit_events.ListEvents, newest: int) -> list[audit_events.AuditEvent]:
    """What came after an event, oldest first: all pages of it, however much that is."""
    found: list[audit_events.AuditEvent] = []
    asked = replace(request, limit=LARGEST_PAGE)
    while True:
        page = ctx.call(audit_events.LIST, asked, voice=Voice.ADMIN)
        found += [event for event in page.items if event.sequence > newest]
        if page.next_cursor is None or page.items[-1].sequence <= newest:
            return found[::-1]
        asked.cursor = page.next_cursor


def _show_rows(ctx: Context, events: list[audit_events.AuditEvent]) -> None:
    """One JSON document a line, or one table line each: what follows has no end."""
    import msgspec

    from bkendctl.cli.formats import json_text

    for event in events:
        body = msgspec.to_builtins(event)
        if ctx.output.jq or ctx.output.quiet:
            ctx.output.show(body, MANY)
        elif ctx.output.format == "table":
            actor = body["actor"]["label"] or body["actor"]["type"]
            words = (body["occurredAt"], body["action"], body["errorCode"] or body["outcome"], actor)
            sys.stdout.write("  ".join(map(visible, words)) + "\n")
        else:
            sys.stdout.write(json_text(body, indent=None, ascii_only=True) + "\n")
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

    from bkendctl.cli.exports import batched, opened, writer

    count = 0
    with opened(file) as target:
        write = writer("jsonl", target, ())
        for events in batched(_every(ctx, _request(ctx, None, None, None, since, 200)), LARGEST_PAGE):
            write([msgspec.to_builtins(event) for event in events])
            count += len(events)
    if file is not None:
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
