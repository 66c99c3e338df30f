"""The mails of a dev environment, readable because nobody else's tokens are in them."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET
from sqlalchemy import Row, delete, func, select

from bkendctl.contract import mail as contract
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Message
from bkendctl.contract.paging import Page, Pagination
from bkendctl.core import outbox, schema
from bkendctl.core.call import Call
from bkendctl.core.clock import instant_of, wire
from bkendctl.core.dispatch import handles

_table = schema.outbox


@handles(contract.LIST)
def list_mail(call: Call, request: contract.ListMail) -> Page[contract.Mail]:
    """Mails of the environment, newest first."""
    wanted = [_table.c.environment_id == call.environment_id]
    if request.to is not UNSET:
        wanted.append(_table.c.recipient == request.to)
    if request.category is not UNSET:
        wanted.append(_table.c.category == request.category)
    if request.after is not UNSET:
        wanted.append(_table.c.created_at > instant_of(str(request.after)))
    total = call.tx.value(select(func.count()).select_from(_table).where(*wanted))
    rows = call.tx.all(
        select(_table)
        .where(*wanted)
        .order_by(_table.c.created_at.desc(), _table.c.id)
        .limit(request.limit)
        .offset((request.page - 1) * request.limit)
    )
    pagination = Pagination.of(request.page, request.limit, total)
    return Page(items=[_shown(call, row) for row in rows], pagination=pagination)


@handles(contract.GET)
def get(call: Call, request: contract.MailId) -> contract.Mail:
    """One mail."""
    row = call.tx.first(
        select(_table).where(_table.c.id == request.mail_id, _table.c.environment_id == call.environment_id)
    )
    if row is None:
        raise Failure("dev/mail-not-found")
    return _shown(call, row)


@handles(contract.CLEAR)
def clear(call: Call, _request: Any) -> Message:
    """Forget every mail, sent or not."""
    gone = call.tx.run(delete(_table).where(_table.c.environment_id == call.environment_id))
    call.about("environment", call.environment_id, mails=gone)
    return Message(message=f"{gone} mails were forgotten.")


def _try(call: Call, _request: Any) -> contract.MailDelivery:
    """Deliver ahead of the transaction: no lock waits for a mail server."""
    from bkendctl.core.delivery import deliver_now

    tried = [each.status for each in deliver_now(call.core, call.environment_id)]
    sent = tried.count("sent")
    return contract.MailDelivery(attempted=len(tried), sent=sent, failed=len(tried) - sent)


@handles(contract.DELIVER, before=_try, calls_out=True)
def deliver(call: Call, _request: Any, done: contract.MailDelivery) -> contract.MailDelivery:
    """Say what became of the mails."""
    call.about("environment", call.environment_id, mails=done.attempted, sent=done.sent)
    return done


def _shown(call: Call, row: Row[Any]) -> contract.Mail:
    body = outbox.open_body(call, row.id, row.body) if row.body is not None else outbox.MailBody("", "", [])
    return contract.Mail(
        id=row.id,
        category=row.category,
        to=row.recipient,
        from_=row.sender,
        subject=row.subject,
        html=body.html,
        text=body.text,
        links=body.links,
        status=row.status,
        attempts=row.attempts,
        last_error=row.last_error,
        sent_at=wire(row.sent_at),
        created_at=wire(row.created_at),
    )
