"""A new password by mail: whoever reads the mailbox chooses it, and every session ends."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select

from bkendctl.contract import password_resets as contract
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Message
from bkendctl.core import (
    attempts,
    callbacks,
    mail_tokens,
    mailbox,
    new_passwords,
    outbox,
    schema,
    sessions,
    users,
)
from bkendctl.core.call import Call
from bkendctl.core.dispatch import handles

_users, _passwords = schema.users, schema.passwords


@handles(contract.REQUEST)
def request(call: Call, request: contract.Request) -> Message:
    """Mail a link, to a user without a password too; nobody learns whether there is one (decision 49)."""
    if not call.settings.email.enabled:
        raise Failure("auth/email-auth-disabled")
    callbacks.require_allowed(call, request.callback_url)
    user = mailbox.owner(call, request.email)
    if user is not None:
        mailbox.mail_token(call, mailbox.RESET, request.email, user, request.callback_url)
    else:
        mailbox.pretend_to_mail(call, mailbox.RESET, request.email)
    return Message(message="If somebody has this address, a link for a new password was mailed.")


def _hash(call: Call, request: contract.Confirm) -> str:
    """Judge the new password, then the token, and only then spend a hash."""
    new_passwords.require(call, request.new_password, field="newPassword", email=request.email)
    with call.reading():
        _, user = _owner_of(call, request)
        mine = select(_passwords.c.hash).where(_passwords.c.user_id == user.id)
        # An unproven owner's password goes whatever it was, and is not compared.
        present = call.tx.value(mine) if user.email_verified_at is not None else None
    with call.core.hasher.slot() as hasher:
        if present is not None and hasher.matches(present, request.new_password):
            raise Failure("auth/same-as-previous-password")
        return hasher.hash(request.new_password)


@handles(contract.CONFIRM, before=_hash, hashes=True, chooses=True)
def confirm(call: Call, request: contract.Confirm, hashed: str) -> Message:
    """Set the password; ends sessions and open links, lifts locks, opens no session. MFA stays.

    An account whose address was unproven is taken over first (x-proof-of-mailbox).
    """
    token, user = _owner_of(call, request)
    call.about("user", user.id)
    mail_tokens.spend(call, token)
    mailbox.take_over(call, user)
    mail_tokens.end_all(call, user, but=mail_tokens.SIGN_UP)
    users.set_password(call, user, hashed)
    sessions.end_all(call, user.id, "password-reset")
    attempts.lift_locks(call, user.email)
    outbox.send(call, "password_changed", user.email, mailbox.values_for(call, user))
    return Message(message="The password was changed; sign in with it.")


def _owner_of(call: Call, request: contract.Confirm) -> tuple[Row[Any], Row[Any]]:
    """Token and user. auth/account-not-found for who was deleted meanwhile, and the refusals of the token."""
    token = mail_tokens.find(call, mail_tokens.RESET, request.token, request.email)
    user = call.tx.first(select(_users).where(_users.c.id == token.user_id))
    if user is None or user.deleted_at is not None:
        raise Failure("auth/account-not-found")
    if user.email != request.email:
        raise Failure(mail_tokens.OF_PROOFS.unknown)
    return token, user
