"""Builds what travels of a mail: one recipient, two alternatives, and headers that nobody can add to."""

from __future__ import annotations

import re
from email import policy
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, unquote
from typing import Any

from msgspec import Struct
from sqlalchemy import Row

from bkendctl.contract.fields import NO_REPLY
from bkendctl.core.clock import datetime_of
from bkendctl.core.outbox import MailBody

# Line breaks of all kinds, controls, and what turns the direction of writing: EmailMessage raises on some.
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029\ud800-\udfff,;:<>()\[\]\\\"]")

_UNQUOTED = str.maketrans({'"': "'", "\\": "/"})


class Unsendable(Exception):
    """A mail of which no message can be made."""


class Envelope(Struct, frozen=True):
    """A message, and the bare addresses it goes from and to."""

    message: EmailMessage
    sender: str
    recipient: str


def envelope_of(row: Row[Any], body: MailBody, now: int, sender: str) -> Envelope:
    """Build the message of an outbox row. sender: the address where the row has the built-in one. Unsendable.

    Message-ID is of the mail, not of the attempt: who gets it twice (killed between sending and noting)
    may see that it is the same.
    """
    name, address = _parted(_one_line(row.sender))
    if sender and address == NO_REPLY:
        called, address = _parted(_one_line(sender))
        name = called or name
    author, recipient = _address(address, name), _address(row.recipient)
    message = EmailMessage(policy=policy.SMTP)
    try:
        message["From"] = author
        message["To"] = recipient
        message["Subject"] = _one_line(row.subject)
        message["Date"] = format_datetime(datetime_of(now))
        message["Message-ID"] = f"<{row.id}@{_ascii_domain(author.domain)}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: absence notes do not answer it
        # In 7 bits: not every server takes 8 (RFC 6152), and one that converts breaks signatures.
        message.set_content(body.text, cte="quoted-printable")
        message.add_alternative(body.html, subtype="html", cte="quoted-printable")
    except (ValueError, LookupError, MessageError) as error:
        raise Unsendable(f"no message can be made of it ({type(error).__name__})") from None
    return Envelope(message, address, row.recipient)


def _parted(sender: str) -> tuple[str, str]:
    """Name and address of a sender; parseaddr takes some quoted names for addresses."""
    name, opened, address = sender.rpartition("<")
    if not opened:
        return "", sender
    # The email package folds a long quoted name without its escapes: then it would end at the first quote.
    return unquote(name.strip()).translate(_UNQUOTED), address.removesuffix(">")


def _one_line(text: str) -> str:
    return _BREAKS.sub(" ", text).strip()


def _address(address: str, name: str = "") -> Address:
    """One address, whoever wrote it: what would be read as two, or as a route, is refused. Unsendable."""
    local, at, domain = address.rpartition("@")
    if not (local and at and domain) or "@" in local or _FORBIDDEN.search(address):
        raise Unsendable("an address cannot be used")
    try:
        return Address(name, username=local, domain=domain)
    except (ValueError, LookupError, MessageError):
        raise Unsendable("an address cannot be used") from None


def _ascii_domain(domain: str) -> str:
    try:
        return domain.encode("idna").decode()
    except UnicodeError:
        return "bkendctl.invalid"
