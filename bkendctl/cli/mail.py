"""bkendctl mail: the outbox of a dev environment."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun
from bkendctl.cli.tables import KEEP, Column, View
from bkendctl.cli.text import visible
from bkendctl.client.voice import Voice
from bkendctl.contract import mail

noun = Noun("Mails of the dev environment.")

MANY = View(
    columns=(
        Column("Id", "id", KEEP),
        Column("To", "to", 8),
        Column("Category", "category", 7),
        Column("Subject", "subject", 5),
        Column("Status", "status", 6),
        Column("Made", "createdAt", 4, "time"),
    ),
    noun="mails",
    offer=lambda mail: (mail["id"], mail["category"]),
)


@noun.verb("list")
def list_mail(
    ctx: Context,
    to: Annotated[str | None, typer.Option(help="Only to this address.", metavar="EMAIL")] = None,
    category: Annotated[
        str | None, typer.Option(metavar="CATEGORY", help="Only of this kind, such as invitation.")
    ] = None,
    page: Annotated[int, typer.Option(help="Page, from 1.")] = 1,
    limit: Annotated[int, typer.Option(help="Mails per page, 1 to 100.")] = 20,
) -> None:
    """List mails, newest first.

    Example: bkendctl mail list --to alice@example.com
    """
    request = mail.ListMail(page=page, limit=limit)
    if to is not None:
        request.to = to
    if category is not None:
        chosen: Any = category
        request.category = chosen
    ctx.show(ctx.call(mail.LIST, request, voice=Voice.ADMIN), MANY)


@noun.verb("show")
def show(
    ctx: Context,
    mail_id: Annotated[str, typer.Argument(help="Id, or its first 8 characters.", metavar="MAIL")],
    html: Annotated[bool, typer.Option("--html", help="Print the HTML part.")] = False,
) -> None:
    """Show one mail: its text, with the links in it.

    Example: bkendctl mail show 3f2a9c1e
    """
    full = ctx.full_id(mail_id, mail.LIST, "dev/mail-not-found", voice=Voice.ADMIN)
    found = ctx.call(mail.GET, mail.MailId(mail_id=full), voice=Voice.ADMIN)
    if ctx.output.format != "table" or ctx.output.quiet or ctx.output.jq:
        ctx.show(found, View(quiet="links"))
        return
    head = f"To: {found.to}\nFrom: {found.from_}\nSubject: {found.subject}\nStatus: {found.status}\n\n"
    sys.stdout.write(visible(head + (found.html if html else found.text), keep="\n"))
    if html:
        sys.stdout.write("\n")
