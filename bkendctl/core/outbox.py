"""Writes mails in the transaction of what they are about. Sending is another's job; bodies are encrypted."""

from __future__ import annotations

from html import escape
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec
from msgspec import Struct
from sqlalchemy import delete

from bkendctl.core import schema
from bkendctl.core.call import Call
from bkendctl.core.mail_texts import Values
from bkendctl.core.markup import links_of
from bkendctl.core.runtime import Core

NO_BASE = "https://held.invalid"
"""Stands for the public URL in links of mails that are held for want of one; leads nowhere (RFC 2606)."""


class MailBody(Struct):
    """What is encrypted of a mail."""

    text: str
    html: str
    links: list[str]


def link_to(call: Call, target: str, **query: str) -> str:
    """A link with a query: below the configured public URL for a path, else to an allowed callback URL.

    Never below a request's Host; below NO_BASE for a path where no public URL is configured.
    """
    if target.startswith("/"):
        return f"{call.public_url or NO_BASE}{target}?{urlencode(query)}"
    parts = urlsplit(target)
    return parts._replace(query="&".join(filter(None, (parts.query, urlencode(query))))).geturl()


def shown(link: str) -> str:
    """A link as an answer has it: empty where it leads nowhere yet."""
    return "" if link.startswith(NO_BASE) else link


def with_base(body: MailBody, base: str | None) -> MailBody | None:
    """Let the links of a mail that was held lead somewhere; None while no public URL is known."""
    if NO_BASE not in body.text and NO_BASE not in body.html:
        return body
    if base is None:
        return None
    base = base.rstrip("/")
    links = [link.replace(NO_BASE, base) for link in body.links]
    return MailBody(body.text.replace(NO_BASE, base), body.html.replace(NO_BASE, escape(base)), links)


def with_bare_token(text: str, link: str) -> str:
    """Add the token of a link on a line of its own where the text has it in the link alone.

    Who reads mail where links cannot be followed types it into a command.
    """
    for token in parse_qs(urlsplit(link).query).get("token", ())[-1:]:  # one before it is the app's own
        if token not in text.split():
            return f"{text.rstrip()}\n\nToken:\n{token}\n"
    return text


def send(call: Call, category: str, recipient: str, values: Values, *, kept: bool = True) -> None:
    """Queue a mail to one recipient; held outside dev while no public URL is known.

    kept False: do the same and take it back, so that both take as long.
    """
    from bkendctl.core.templates import compose

    mail, sender = compose(call, category, recipient, values)
    mail_id = call.new_id()
    body = MailBody(with_bare_token(mail.text, values.link), mail.html, links_of(mail.html))
    call.tx.insert(
        schema.outbox,
        {
            "id": mail_id,
            "environment_id": call.environment_id,
            "category": category,
            "recipient": recipient,
            "sender": sender,
            "subject": mail.subject,
            "body": call.core.vault.seal(msgspec.json.encode(body), f"outbox/{mail_id}"),
            "status": "pending" if call.public_url else "held",
            "attempts": 0,
            "next_attempt_at": call.core.clock.now(),
            "created_at": call.now,
        },
    )
    call.tx.run(delete(schema.outbox).where(schema.outbox.c.id == ("" if kept else mail_id)))
    if kept:
        call.afterwards.append(call.core.mail_queued.set)


def open_body(call: Call, mail_id: str, sealed: bytes) -> MailBody:
    """Decrypt the body of a mail."""
    return body_of(call.core, mail_id, sealed)


def body_of(core: Core, mail_id: str, sealed: bytes) -> MailBody:
    """As open_body, where nobody calls. cli/master-key."""
    return msgspec.json.decode(core.vault.open(sealed, f"outbox/{mail_id}"), type=MailBody)
