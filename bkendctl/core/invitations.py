"""Invitations to organizations and projects: made, mailed or handed over, answered once."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET
from msgspec.structs import asdict
from sqlalchemy import ColumnElement, Row, and_, exists, false, func, or_, select, update

from bkendctl.contract import invitations as contract
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Empty, Message
from bkendctl.contract.paging import Page, Pagination
from bkendctl.core import callbacks, mailbox, members, outbox, rate_limits, resources, schema
from bkendctl.core.call import Call, environment_by_id
from bkendctl.core.clock import DAY, wire
from bkendctl.core.crypto import fingerprint
from bkendctl.core.dispatch import handles
from bkendctl.core.mail_texts import Values
from bkendctl.core.randomness import new_token

LIFE_MS = 7 * DAY
PAGE = "/invitations/answer"
"""The server's own page for people without an app behind the link."""

_table = schema.invitations


@handles(contract.CREATE)
def create(call: Call, request: contract.Create) -> contract.InvitationCreated:
    """Invite an address; mails the link, or answers it with send false."""
    resource = resources.resource(call, request.resource_type, request.resource_id)
    resources.require_manager(call, resource.organization_id)
    resources.require_grantable(call, resource, request.resource_role)
    callbacks.require_allowed(call, request.callback_url)
    _require_new(call, request)
    token = new_token(call.core.randomness)
    invitation_id = call.new_id()
    inviter = call.user.name if call.user is not None and not call.has_secret_key else None
    values = {
        "id": invitation_id,
        "environment_id": call.environment_id,
        "resource_type": resource.type,
        "resource_id": resource.id,
        "resource_name": _given(request.resource_name) or resource.name,
        "resource_role": request.resource_role,
        "email": request.email,
        "name": _given(request.name),
        "inviter_name": _given(request.inviter_name) or inviter,
        "invited_by": call.user.id if call.user is not None and not call.has_secret_key else None,
        "callback_url": _given(request.callback_url),
        "token_hash": fingerprint(token),
        "token_mailed": request.send,
        "status": "pending",
        "membership_pending": False,
        "created_at": call.now,
        "expires_at": call.now + LIFE_MS,
    }
    call.tx.insert(_table, values)
    row = _find(call, invitation_id)
    call.about("invitation", row.id, email=row.email, role=row.resource_role)
    answer = contract.InvitationCreated(**asdict(_shown(call, row)))
    if request.send:
        _mail(call, row, token)
    else:
        answer.link = outbox.shown(_link(call, row, token))
    return answer


@handles(contract.LIST)
def list_invitations(call: Call, request: contract.ListInvitations) -> Page[contract.Invitation]:
    """Those the caller may see, newest first."""
    wanted = [_table.c.environment_id == call.environment_id, _visible(call)]
    if request.resource_type is not UNSET:
        wanted.append(_table.c.resource_type == request.resource_type)
    if request.resource_id is not UNSET:
        wanted.append(_table.c.resource_id == request.resource_id)
    if request.status is not UNSET:
        wanted.append(_has_status(call, str(request.status)))
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
def get(call: Call, request: contract.InvitationId) -> contract.Invitation:
    """One invitation."""
    return _shown(call, _find(call, request.invitation_id))


@handles(contract.REVOKE)
def revoke(call: Call, request: contract.InvitationId) -> Message:
    """Take an open invitation back."""
    row = _find(call, request.invitation_id)
    call.about("invitation", row.id, email=row.email)
    _require_manager(call, row, or_inviter=True)
    _require_open(call, row)
    _respond(call, row, "revoked")
    return Message(message="The invitation was taken back.")


@handles(contract.ACCEPT)
def accept(call: Call, request: contract.Accept) -> contract.Invitation:
    """Accept with the token; a mailed one also proves the address (x-proof-of-mailbox)."""
    row = _by_token(call, request.token, request.email)
    user = mailbox.owner(call, row.email)
    if user is not None and row.token_mailed:
        mailbox.take_over(call, user)
    proven = user is not None and (row.token_mailed or user.email_verified_at is not None)
    if user is not None and proven:
        mailbox.join(call, row, user.id)
    _respond(call, row, "accepted", membership_pending=not proven)
    return _shown(call, _reread(call, row))


@handles(contract.REJECT)
def reject(call: Call, request: contract.Reject) -> Empty:
    """Decline with the token."""
    _respond(call, _by_token(call, request.token, request.email), "rejected")
    return Empty()


@handles(contract.RESEND)
def resend(call: Call, request: contract.InvitationId) -> contract.Invitation:
    """Mail a new token for seven new days; the old one stops, an expired invitation is open again."""
    row = _find(call, request.invitation_id)
    call.about("invitation", row.id, email=row.email)
    _require_manager(call, row)
    if row.status == "accepted":
        raise Failure("auth/invitation-already-accepted")
    if row.status != "pending":
        raise Failure("auth/invitation-not-found")
    rate_limits.count_mail(call, row.email)
    token = new_token(call.core.randomness)
    fresh = {"token_hash": fingerprint(token), "token_mailed": True, "expires_at": call.now + LIFE_MS}
    call.tx.run(update(_table).where(_table.c.id == row.id).values(fresh))
    row = _reread(call, row)
    _mail(call, row, token)
    return _shown(call, row)


def _given(value: Any) -> str | None:
    return None if value is UNSET else str(value)


def _require_new(call: Call, request: contract.Create) -> None:
    """One open invitation per address and resource, and none for members (decision 80)."""
    if members.is_member(call, request.resource_type, request.resource_id, request.email):
        raise Failure("auth/already-member")
    same = and_(
        _table.c.environment_id == call.environment_id,
        _table.c.email == request.email,
        _table.c.resource_type == request.resource_type,
        _table.c.resource_id == request.resource_id,
        _has_status(call, "pending"),
    )
    if call.tx.first(select(_table.c.id).where(same)) is not None:
        raise Failure("auth/invitation-already-pending")


def _by_token(call: Call, token: str, email: Any) -> Row[Any]:
    """The open invitation a token belongs to.

    Failures: auth/invalid-token (unknown, or for another address), auth/invitation-not-found (revoked or
    rejected), auth/invitation-already-accepted, auth/invitation-expired.
    """
    row = call.tx.first(
        select(_table).where(
            _table.c.token_hash == fingerprint(token), _table.c.environment_id == call.environment_id
        )
    )
    if row is None or (email is not UNSET and row.email != email):
        raise Failure("auth/invalid-token", "The invitation's token is unknown or for another address.")
    call.about("invitation", row.id, email=row.email)
    _require_open(call, row)
    return row


def by_link(call: Call, token: str, email: str) -> Row[Any]:
    """The open invitation of a link, which names the environment of the call too. Failures: of _by_token."""
    row = call.tx.row(_table, token_hash=fingerprint(token))
    environment = None if row is None else environment_by_id(call.tx, row.environment_id)
    if environment is not None:
        call.enter(environment)
        return _by_token(call, token, email)
    raise Failure("auth/invalid-token", "The invitation's token is unknown or for another address.")


def _require_open(call: Call, row: Row[Any]) -> None:
    if row.status == "accepted":
        raise Failure("auth/invitation-already-accepted")
    if row.status != "pending":
        raise Failure("auth/invitation-not-found")
    if row.expires_at <= call.now:
        raise Failure("auth/invitation-expired")


def _respond(call: Call, row: Row[Any], status: str, *, membership_pending: bool = False) -> None:
    answer = {"status": status, "responded_at": call.now, "membership_pending": membership_pending}
    call.tx.run(update(_table).where(_table.c.id == row.id).values(answer))


def _find(call: Call, invitation_id: str) -> Row[Any]:
    """An invitation that the caller may see; auth/invitation-not-found otherwise."""
    row = call.tx.first(
        select(_table).where(
            _table.c.id == invitation_id, _table.c.environment_id == call.environment_id, _visible(call)
        )
    )
    if row is None:
        raise Failure("auth/invitation-not-found")
    return row


def _reread(call: Call, row: Row[Any]) -> Row[Any]:
    fresh = call.tx.first(select(_table).where(_table.c.id == row.id))
    if fresh is None:
        raise Failure("auth/invitation-not-found")
    return fresh


def _visible(call: Call) -> ColumnElement[bool]:
    """Admins see all; others what they sent, what is for their proven address, what they manage."""
    if call.is_admin:
        return _table.c.environment_id == call.environment_id
    user = call.caller
    mine = _table.c.email == user.email if user.email_verified_at is not None else false()
    return or_(_table.c.invited_by == user.id, mine, exists().where(resources.manages(_table, user.id)))


def _require_manager(call: Call, row: Row[Any], *, or_inviter: bool = False) -> None:
    """Owners and admins of the organization, admins, the inviter where wanted: auth/forbidden for others.

    Whoever sees an invitation as its invitee need not see what it is for.
    """
    if call.is_admin or (or_inviter and row.invited_by == call.caller.id):
        return
    managed = and_(_table.c.id == row.id, exists().where(resources.manages(_table, call.caller.id)))
    if call.tx.first(select(_table.c.id).where(managed)) is None:
        raise Failure("auth/forbidden")


def _has_status(call: Call, status: str) -> ColumnElement[bool]:
    if status == "expired":
        return and_(_table.c.status == "pending", _table.c.expires_at <= call.now)
    if status == "pending":
        return and_(_table.c.status == "pending", _table.c.expires_at > call.now)
    return _table.c.status == status


def _link(call: Call, row: Row[Any], token: str) -> str:
    return outbox.link_to(call, row.callback_url or PAGE, token=token, email=row.email)


def _mail(call: Call, row: Row[Any], token: str) -> None:
    invitee = mailbox.owner(call, row.email)
    values = Values(
        user_name=row.name or row.email,
        project=call.env.project_name,
        link=_link(call, row, token),
        token=token,
        inviter=row.inviter_name or call.env.project_name,
        resource=row.resource_name,
        locale=invitee.locale if invitee is not None else None,
    )
    outbox.send(call, "invitation", row.email, values)


def _shown(call: Call, row: Row[Any]) -> contract.Invitation:
    expired = row.status == "pending" and row.expires_at <= call.now
    return contract.Invitation(
        id=row.id,
        resource_type=row.resource_type,
        resource_id=row.resource_id,
        resource_name=row.resource_name,
        resource_role=row.resource_role,
        email=row.email,
        name=row.name,
        inviter_name=row.inviter_name,
        status="expired" if expired else row.status,
        expires_at=wire(row.expires_at),
        invited_by=row.invited_by,
        created_at=wire(row.created_at),
        responded_at=wire(row.responded_at),
        membership_pending=row.membership_pending,
    )
