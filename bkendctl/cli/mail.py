"""bkendctl mail: the outbox of a dev environment."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, get_args
from urllib.parse import parse_qs, urlsplit

import typer

from bkendctl.cli.context import Context
from bkendctl.cli.editing import opened_in_browser
from bkendctl.cli.options import Noun, one_of
from bkendctl.cli.tables import KEEP, Column, View
from bkendctl.cli.text import format_duration, parse_duration, parse_instant, visible
from bkendctl.cli.waiting import until
from bkendctl.client.voice import Voice
from bkendctl.contract import mail
from bkendctl.contract.errors import Failure

noun = Noun("Mails of the dev environment.")

MANY = View(
    columns=(
        Column("Id", "id", KEEP),
        Column("To", "to", 8),
        Column("Category", "category", 7),
        Column("Subject", "subject", 5),
        Column("Status", "status", 6),
        Column("Made", "createdAt", 4, "time"),
        Column("Error", "lastError", 3, "text"),
    ),
    noun="mails",
    offer=lambda mail: (mail["id"], mail["category"]),
)


To = Annotated[str | None, typer.Option(help="Only to this address.", metavar="EMAIL")]
Category = Annotated[
    str | None, typer.Option(metavar="CATEGORY", help="Only of this kind, such as invitation.")
]
Part = Literal["link", "token", "subject", "body"]


@noun.verb("list")
def list_mail(
    ctx: Context,
    to: To = None,
    category: Category = None,
    page: Annotated[int, typer.Option(help="Page, from 1.")] = 1,
    limit: Annotated[int, typer.Option(help="Mails per page, 1 to 100.")] = 20,
) -> None:
    """List mails, newest first.

    Example: bkendctl mail list --to alice@example.com
    """
    request = _wanted(to, category, page=page, limit=limit)
    ctx.show(ctx.call(mail.LIST, request, voice=Voice.ADMIN), MANY)


@noun.verb("show")
def show(
    ctx: Context,
    mail_id: Annotated[str, typer.Argument(help="Id, or its first 8 characters.", metavar="MAIL")],
    html: Annotated[bool, typer.Option("--html", help="Print the HTML part.")] = False,
    open_: Annotated[bool, typer.Option("--open", help="Show the HTML part in your browser.")] = False,
) -> None:
    """Show one mail: its text, with the links in it.

    Example: bkendctl mail show 3f2a9c1e
    """
    full = ctx.full_id(mail_id, mail.LIST, "dev/mail-not-found", voice=Voice.ADMIN)
    found = ctx.call(mail.GET, mail.MailId(mail_id=full), voice=Voice.ADMIN)
    if open_:
        opened_in_browser(ctx, found.html)
    _show(ctx, found, html=html)


@noun.verb("wait")
def wait(
    ctx: Context,
    to: To = None,
    category: Category = None,
    since: Annotated[
        str | None,
        typer.Option(help="Take one younger than this instant, or so long ago (5m).", metavar="TIME"),
    ] = None,
    timeout: Annotated[str, typer.Option(help="How long to wait.", metavar="DURATION")] = "30s",
    part: Annotated[
        str | None, typer.Option("--print", help="Print this of it alone.", metavar=one_of(Part))
    ] = None,
) -> None:
    """Wait for a mail and show it.

    Exit status 8 when none comes in time. Without --since only one that comes after the start counts.

    Example: bkendctl mail wait --to alice@example.com --category magic_link --since 1m --print token
    """
    if part is not None and part not in get_args(Part):
        ctx.refuse(f"--print is {', '.join(get_args(Part))}, not {part}.")
    seconds = parse_duration(timeout)
    request = _wanted(to, category, limit=100)
    known: set[str] = set()
    if since is not None:
        here = datetime.now(UTC) + timedelta(seconds=ctx.clock_offset())
        request.after = parse_instant(since, here, past=True).isoformat()
    else:
        # By what is there and not by time: this machine's clock need not be the server's.
        known = {each.id for each in ctx.call(mail.LIST, request, voice=Voice.ADMIN).items}

    ctx.say.note(f"waiting up to {format_duration(seconds)} for a mail")

    def newest() -> mail.Mail | None:
        found = ctx.call(mail.LIST, request, voice=Voice.ADMIN).items
        fitting = (each for each in found if each.id not in known and (part is None or _part(each, part)))
        return next(fitting, None)

    found = until(newest, seconds)
    if found is None:
        raise Failure("cli/no-mail", f"No such mail came within {format_duration(seconds)}.")
    if part is None:
        _show(ctx, found)
    else:
        ctx.show_plain(_part(found, part), {part: _part(found, part)}, View(quiet=part))


@noun.verb("clear")
def clear(ctx: Context) -> None:
    """Forget all mails of the environment.

    Those that were not sent too.

    Example: bkendctl mail clear --yes
    """
    ctx.confirm("Forget all mails of this environment?")
    ctx.show(ctx.call(mail.CLEAR, voice=Voice.ADMIN))


def _wanted(to: str | None, category: Any, **paging: Any) -> mail.ListMail:
    request = mail.ListMail(**paging)
    if to is not None:
        request.to = to
    if category is not None:
        request.category = category
    return request


def _part(found: mail.Mail, part: str) -> str:
    """A part of a mail as bare text; empty where it has none, as a notice has no link."""
    link, token = _action(found)
    return {"link": link, "token": token, "subject": found.subject, "body": found.text}[part]


def _action(found: mail.Mail) -> tuple[str, str]:
    """The link that a mail is about, and its token: the one whose token stands in the text by itself too.

    An own text may have links before it, also such with a token in their query.
    """
    words = found.text.split()
    tokens = {link: parse_qs(urlsplit(link).query).get("token", [""])[-1] for link in found.links}
    carrying = [(link, token) for link, token in tokens.items() if token]
    bare = [pair for pair in carrying if pair[1] in words]
    return next(iter(bare or carrying), ("", ""))


def _show(ctx: Context, found: mail.Mail, *, html: bool = False) -> None:
    if ctx.output.format != "table" or ctx.output.quiet or ctx.output.jq:
        ctx.show(found, View(quiet="links"))
        return
    head = f"To: {found.to}\nFrom: {found.from_}\nSubject: {found.subject}\nStatus: {found.status}\n"
    head += f"Error: {found.last_error}\n\n" if found.last_error else "\n"
    sys.stdout.write(visible(head + (found.html if html else found.text), keep="\n"))
    if html:
        sys.stdout.write("\n")


@noun.verb("deliver")
def deliver(
    ctx: Context,
    limit: Annotated[
        int | None, typer.Option(help="Mails at most, 1 to 1000; 100 if not given.", min=1, max=1000)
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try those that failed for good once more.")
    ] = False,
) -> None:
    """Send what is due in the outbox.

    This machine's goes over the mail server of BKENDCTL_SMTP_URL. A server sends what is due by itself; asked
    so, it tries at once what else waits or failed in your dev environment. Exit status 8 when a mail could
    not be handed over; it is tried again later.

    Example: bkendctl mail deliver
    """
    from bkendctl.cli.delivering import deliver as run

    run(ctx, limit=limit, retry_failed=retry_failed)
