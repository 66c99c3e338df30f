"""Writes mails in the transaction of what they are about. Sending is another's job; bodies are encrypted."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

import msgspec
from msgspec import Struct
from sqlalchemy import delete

from bkendctl.core import schema
from bkendctl.core.call import Call
from bkendctl.core.mail_texts import Values, compose

SENDER = "bkendctl <no-reply@bkendctl.invalid>"


class MailBody(Struct):
    """What is encrypted of a mail."""

    text: str
    html: str
    links: list[str]


def link_to(call: Call, target: str, **query: str) -> str:
    """A link with a query: below the configured public URL for a path, else to an allowed callback URL.

    Never below a request's Host; empty for a path where no public URL is configured.
    """
    if target.startswith("/"):
        base = call.public_url
        return f"{base}{target}?{urlencode(query)}" if base else ""
    parts = urlsplit(target)
    return parts._replace(query="&".join(filter(None, (parts.query, urlencode(query))))).geturl()


def send(call: Call, category: str, recipient: str, values: Values, *, kept: bool = True) -> None:
    """Queue a mail to one recipient; held outside dev while no public URL is known.

    kept False: do the same and take it back, so that both take as long.
    """
    subject, text, html = compose(category, values)
    mail_id = call.new_id()
    body = MailBody(text, html, [values.link] if values.link else [])
    call.tx.insert(
        schema.outbox,
        {
            "id": mail_id,
            "environment_id": call.environment_id,
            "category": category,
            "recipient": recipient,
            "sender": SENDER,
            "subject": subject,
            "body": call.core.vault.seal(msgspec.json.encode(body), f"outbox/{mail_id}"),
            "status": "pending" if call.public_url else "held",
            "attempts": 0,
            "next_attempt_at": call.core.clock.now(),
            "created_at": call.now,
        },
    )
    call.tx.run(delete(schema.outbox).where(schema.outbox.c.id == ("" if kept else mail_id)))


def open_body(call: Call, mail_id: str, sealed: bytes) -> MailBody:
    """Decrypt the body of a mail."""
    return msgspec.json.decode(call.core.vault.open(sealed, f"outbox/{mail_id}"), type=MailBody)
