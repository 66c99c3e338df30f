"""The caller's own account: sign up, sign in, who am I, change the password, withdraw."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET
from sqlalchemy import Row, select

from bkendctl.contract import accounts as contract
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Message
from bkendctl.core import (
    attempts,
    callbacks,
    magic_links,
    mail_tokens,
    mailbox,
    new_passwords,
    outbox,
    schema,
    second_factor,
    sessions,
    users,
)
from bkendctl.core.attempts import Proof
from bkendctl.core.call import Call
from bkendctl.core.clock import DAY
from bkendctl.core.dispatch import handles

_passwords = schema.passwords


def _hash_new_password(call: Call, request: contract.SignUp) -> str | None:
    """None for a magic link, which needs no password."""
    if request.method == "magiclink":
        return None
    with call.reading():
        enabled = call.settings.email.enabled
    if not enabled:
        raise Failure("auth/email-auth-disabled")
    return new_passwords.hash_of(call, str(request.password), field="password", email=request.email)


@handles(contract.SIGN_UP, before=_hash_new_password, hashes=True, chooses=True)
def sign_up(
    call: Call, request: contract.SignUp, hashed: str | None
) -> contract.TokenPair | contract.MessageEmail:
    """Make a user, mail the confirmation, open a session; never makes an admin. Or mail a magic link."""
    if hashed is None:
        return magic_links.mail(call, request.email, str(request.callback_url))
    user = users.insert(call, email=request.email, name=str(request.name), role="user", password_hash=hashed)
    call.about("user", user.id, email=request.email)
    mailbox.mail_token(call, mailbox.CONFIRM_SIGN_UP, user.email, user)
    if call.settings.email.require_email_verification:
        message = "Confirm your address with the link that was mailed to you."
        return contract.MessageEmail(message=message, email=user.email)
    attempts.remember_source(call, user.id)
    return sessions.open_session(call, user, ["pwd"])


@handles(contract.CONFIRM_SIGN_UP)
def confirm_sign_up(call: Call, request: contract.ConfirmSignUp) -> contract.SignUpConfirmed:
    """Mark the address as proven; a second click succeeds too (decision 57).

    To a callback URL the server redirects, if it is allowed: common/invalid-parameters where it is not.
    """
    found = mail_tokens.find(call, mail_tokens.SIGN_UP, request.token, request.email)
    callbacks.require_allowed(call, request.callback_url)
    user = call.tx.first(select(schema.users).where(schema.users.c.id == found.user_id))
    if user is None or user.deleted_at is not None or user.email != request.email:
        raise Failure("auth/verification-token-not-found")
    call.about("user", user.id)
    mailbox.confirm(call, user)
    return contract.SignUpConfirmed(data=contract.Verified(email=user.email))


def _prove(call: Call, request: contract.SignIn) -> Proof | None:
    """None for a magic link, which needs no password."""
    if request.method == "magiclink":
        return None
    with call.reading():
        enabled = call.settings.email.enabled
    if not enabled:
        raise Failure("auth/email-auth-disabled")
    return attempts.prove_password(
        call, request.email, str(request.password), refusal="auth/invalid-credentials"
    )


@handles(contract.SIGN_IN, before=_prove, hashes=True)
def sign_in(
    call: Call, request: contract.SignIn, proof: Proof | None
) -> contract.TokenPair | contract.MessageEmail:
    """Sign in; lock and password are proven by now; ban, address, password age and MFA follow in order.

    Or mail a magic link.
    """
    if proof is None:
        return magic_links.mail(call, request.email, str(request.callback_url))
    call.about("user", proof.user_id)
    attempts.accept(call, request.email, proof)
    user = users.by_id(call, proof.user_id)
    _require_admitted(call, user)
    amr = ["pwd"]
    enrolled = second_factor.enrolment(call, user.id)
    if enrolled is not None:
        if request.mfa_code is UNSET:
            raise Failure("auth/mfa-required", keep=True)
        amr.append(second_factor.use_code(call, enrolled, str(request.mfa_code)))
    attempts.end_row(call, request.email)
    attempts.remember_source(call, user.id)
    return sessions.open_session(call, user, amr)


def _require_admitted(call: Call, user: Row[Any]) -> None:
    """Ban, unproven address, password age; each is told only after the right password (decision 46)."""
    if users.is_banned(user, call.now):
        raise Failure("auth/account-banned", keep=True)
    settings = call.settings.email
    if settings.require_email_verification and user.email_verified_at is None:
        raise Failure("auth/email-not-verified", keep=True)
    days = settings.password_policy.expiration_days
    changed = call.tx.value(select(_passwords.c.changed_at).where(_passwords.c.user_id == user.id))
    if days is not None and changed + days * DAY <= call.now:
        raise Failure("auth/password-expired", keep=True)


@handles(contract.GET_ME)
def get_me(call: Call, _request: Any) -> contract.User:
    """The calling user."""
    return users.shown(call, call.caller, for_admin=call.caller.role == "admin")


def _prove_and_hash(call: Call, request: contract.ChangePassword) -> tuple[Proof, str]:
    user = call.caller
    attempts.require_password(call, user.id)
    new_passwords.require(call, request.new_password, field="newPassword", email=user.email)
    proof = attempts.prove_password(
        call, user.email, request.current_password, refusal="auth/invalid-password"
    )
    with call.core.hasher.slot() as hasher:
        return proof, hasher.hash(request.new_password)


@handles(contract.CHANGE_PASSWORD, before=_prove_and_hash, hashes=True, chooses=True)
def change_password(call: Call, request: contract.ChangePassword, prepared: tuple[Proof, str]) -> Message:
    """Change the own password; ends all sessions, the calling one too, and mails a notice."""
    proof, hashed = prepared
    user = call.caller
    call.about("user", user.id)
    attempts.accept(call, user.email, proof)
    if request.new_password == request.current_password:
        raise Failure("auth/same-as-previous-password", keep=True)
    users.set_password(call, user, hashed)
    mail_tokens.end_all(call, user, but=mail_tokens.SIGN_UP)
    sessions.end_all(call, user.id, "password-changed")
    outbox.send(call, "password_changed", user.email, mailbox.values_for(call, user))
    return Message(message="The password was changed; sign in again.")


@handles(contract.WITHDRAW)
def withdraw(call: Call, _request: Any) -> Message:
    """Delete the own account, softly; an admin can restore it for 30 days."""
    users.soft_delete(call, call.caller)
    return Message(message="The account was deleted.")
