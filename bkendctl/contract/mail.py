"""Mails caught in a dev environment."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType, field

from bkendctl.contract.fields import Email, Instant, Limit, MailCategory, Timestamp
from bkendctl.contract.operation import Access, Body, Empty, Message, Operation
from bkendctl.contract.paging import Page, PageRequest


class Mail(Body, kw_only=True):
    """One mail of the outbox. links: every link in the body, in order; held: no public URL is known."""

    id: str
    category: MailCategory
    to: str
    from_: str = field(name="from")
    subject: str
    html: str
    text: str
    links: list[str]
    status: Literal["pending", "sent", "failed", "held"]
    attempts: int
    last_error: str | None
    sent_at: Timestamp | None
    created_at: Timestamp


class ListMail(PageRequest, kw_only=True):
    """Filters; after: made after this instant."""

    to: Email | UnsetType = UNSET
    category: MailCategory | UnsetType = UNSET
    after: Instant | UnsetType = UNSET
    limit: Limit = 20


class MailId(Body, kw_only=True):
    """Which mail."""

    mail_id: str


class MailDelivery(Body, kw_only=True):
    """How many were tried; failed: could not be handed over, and are tried again or have failed for good."""

    attempted: int
    sent: int
    failed: int


LIST = Operation(
    name="mail.list",
    operation_id="list_dev_mail",
    method="GET",
    path="/v1/dev/mail",
    summary="Mails caught in this environment, newest first",
    access=Access.ADMIN,
    dev_only=True,
    request=ListMail,
    response=Page[Mail],
    extension=True,
)

GET = Operation(
    name="mail.get",
    operation_id="get_dev_mail",
    method="GET",
    path="/v1/dev/mail/{mailId}",
    summary="One caught mail",
    access=Access.ADMIN,
    dev_only=True,
    request=MailId,
    response=Mail,
    extension=True,
    errors=("dev/mail-not-found",),
)

CLEAR = Operation(
    name="mail.clear",
    operation_id="clear_dev_mail",
    method="DELETE",
    path="/v1/dev/mail",
    summary="Forget all caught mails",
    access=Access.ADMIN,
    dev_only=True,
    request=Empty,
    response=Message,
    extension=True,
)

DELIVER = Operation(
    name="mail.deliver",
    operation_id="deliver_dev_mail",
    method="POST",
    path="/v1/dev/mail/deliver",
    summary="Try to send what is pending or failed, now",
    access=Access.ADMIN,
    dev_only=True,
    request=Empty,
    response=MailDelivery,
    extension=True,
)
