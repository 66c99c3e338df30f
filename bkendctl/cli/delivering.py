"""Sends this machine's outbox, for `mail deliver`: the part of mail that needs the database itself."""

from __future__ import annotations

import os

import typer

from bkendctl.cli.context import Context
from bkendctl.cli.tables import KEEP, Column, View
from bkendctl.contract.errors import Failure

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


def deliver(ctx: Context, *, limit: int, retry_failed: bool) -> None:
    """Send what is due and show what became of it. Failures: cli/usage, cli/not-offered, the database's."""
    import msgspec

    from bkendctl.client.embedded import open_core
    from bkendctl.core import delivery
    from bkendctl.core.smtp import EXAMPLE, relay_at

    url = os.environ.get("BKENDCTL_SMTP_URL")
    if not url:
        ctx.refuse("No mail server is named: BKENDCTL_SMTP_URL is not set.", EXAMPLE)
    relay = relay_at(url)
    if ctx.profile.kind != "embedded":
        raise Failure("cli/not-offered", "A server delivers its mail by itself.", hint="bkendctl mail list")
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
        raise typer.Exit(8)
