"""Sends an outbox, for `mail deliver`: this machine's by its database, a server's by asking it to."""

from __future__ import annotations

import os

import typer

from bkendctl.cli.context import Context
from bkendctl.cli.tables import KEEP, Column, View
from bkendctl.client.voice import Voice
from bkendctl.contract import mail

USUAL = 100
DELIVERED = View(
    columns=(
        Column("Id", "id", KEEP),
        Column("To", "to", 8),
        Column("Category", "category", 7),
        Column("Status", "status", KEEP),
        Column("Error", "last_error", 5, "text"),
    ),
    noun="mails",
    empty="nothing was due",
)


TRIED = View(columns=(Column("Tried", "attempted"), Column("Sent", "sent"), Column("Failed", "failed")))
NOT_SENT = 8


def deliver(ctx: Context, *, limit: int | None, retry_failed: bool) -> None:
    """Send what is due and show what became of it. Failures: cli/usage, the database's, a server's."""
    if ctx.profile.kind == "embedded":
        _deliver_here(ctx, limit=limit or USUAL, retry_failed=retry_failed)
    elif limit is not None:
        ctx.refuse("--limit is for this machine's outbox; a server takes 100 at once.")
    else:
        _ask_server(ctx)


def _ask_server(ctx: Context) -> None:
    done = ctx.call(mail.DELIVER, voice=Voice.ADMIN)
    ctx.show(done, TRIED)
    if done.failed:
        ctx.say.warn("why it failed: bkendctl mail list")
        raise typer.Exit(NOT_SENT)


def _deliver_here(ctx: Context, *, limit: int, retry_failed: bool) -> None:
    import msgspec

    from bkendctl.client.embedded import open_core
    from bkendctl.core import delivery
    from bkendctl.core.smtp import EXAMPLE, relay_at

    url = os.environ.get("BKENDCTL_SMTP_URL")
    if not url:
        ctx.refuse("No mail server is named: BKENDCTL_SMTP_URL is not set.", EXAMPLE)
    relay = relay_at(url)
    core = open_core(ctx.profile.database, ctx.paths)
    ctx.call_on_close(core.database.close)
    core.database.require()
    with core.database.read() as transaction:
        core.unlock(transaction)
    if retry_failed:
        ctx.say.note(f"{delivery.retry_failed(core)} failed mails are tried again")
    done = list(delivery.Delivery(core, relay).each(limit))
    ctx.output.show(msgspec.to_builtins(done), DELIVERED)
    if any(each.status in ("pending", "failed") for each in done):
        raise typer.Exit(NOT_SENT)
