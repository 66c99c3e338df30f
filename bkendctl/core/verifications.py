"""Proving an address by mail, and taking a new one in place of the old."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select, update

from bkendctl.contract import verifications as contract
from bkendctl.contract.accounts import MessageEmail
from bkendctl.contract.errors import Failure
from bkendctl.core import callbacks, mail_tokens, mailbox, outbox, schema
from bkendctl.core.call import Call
from bkendctl.core.dispatch import handles
from bkendctl.core.mailbox import Letter

_users = schema.users


@handles(contract.SEND)
def send(call: Call, request: contract.Send) -> MessageEmail:
    """Mail a token for the caller's own address or a new one; a guest's only to where a user is.

    auth/already-verified for the own address alone: about others nobody learns anything (T007).
    """
    return _send(call, request)


@handles(contract.RESEND)
def resend(call: Call, request: contract.Send) -> MessageEmail:
    """As send."""
    return _send(call, request)


def _send(call: Call, request: contract.Send) -> MessageEmail:
    callbacks.require_allowed(call, request.callback_url)
    own = call.user is not None and call.user.email == request.email
    if call.user is not None and own and call.user.email_verified_at is not None:
        raise Failure("auth/already-verified")
    user = call.user or mailbox.owner(call, request.email)
    return _mail(call, mailbox.VERIFY, request, user)


@handles(contract.RESEND_SIGN_UP)
def resend_sign_up(call: Call, request: contract.Send) -> MessageEmail:
    """Mail the sign-up confirmation again; the earlier one stops."""
    callbacks.require_allowed(call, request.callback_url)
    user = mailbox.owner(call, request.email)
    if user is not None and user.email_verified_at is not None:
        raise Failure("auth/already-verified")
    return _mail(call, mailbox.CONFIRM_SIGN_UP, request, user)


@handles(contract.CONFIRM)
def confirm(call: Call, request: contract.Confirm) -> contract.Confirmed:
    """Mark the address as proven, keeping all else; one asked for as a new address replaces the old."""
    token = mail_tokens.find(call, mail_tokens.VERIFICATION, request.token, request.email)
    user = call.tx.first(select(_users).where(_users.c.id == token.user_id))
    if user is None or user.deleted_at is not None:
        raise Failure(mail_tokens.OF_PROOFS.unknown)
    call.about("user", user.id)
    if user.email != request.email:
        user = _moved(call, user, request.email)
    mail_tokens.spend(call, token)
    mailbox.confirm(call, user)
    return contract.Confirmed(message="The address is proven.")


def _mail(call: Call, letter: Letter, request: contract.Send, user: Row[Any] | None) -> MessageEmail:
    if user is not None:
        mailbox.mail_token(call, letter, request.email, user, request.callback_url)
    else:
        mailbox.pretend_to_mail(call, letter, request.email)
    return MessageEmail(message="If the address can be proven, a link was mailed to it.", email=request.email)


def _moved(call: Call, user: Row[Any], email: str) -> Row[Any]:
    """Give a user a new address and tell the old one; what was mailed there stops.

    auth/email-already-exists when another user has it by now.
    """
    if mailbox.owner(call, email) is not None:
        raise Failure("auth/email-already-exists")
    call.about("user", user.id, before={"email": user.email}, after={"email": email})
    mail_tokens.end_all(call, user, but=mail_tokens.DECOY)
    outbox.send(
        call, "email_changed", user.email, mailbox.values_for(call, user, change="email", detail=email)
    )
    mine = _users.c.id == user.id
    # Proven anew: the first proof was of the old address.
    call.tx.run(update(_users).where(mine).values(email=email, email_verified_at=None, updated_at=call.now))
    linked = schema.linked_accounts
    by_email = (linked.c.user_id == user.id, linked.c.provider == "email")
    call.tx.run(update(linked).where(*by_email).values(provider_account_id=email, email=email))
    return call.tx.one(select(_users).where(mine))
