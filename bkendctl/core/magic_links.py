"""Signing in by a mailed link: whoever reads the mailbox owns the address, known or not."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET
from msgspec.structs import asdict
from sqlalchemy import Row

from bkendctl.contract import magic_links as contract
from bkendctl.contract.accounts import MessageEmail
from bkendctl.contract.errors import Failure
from bkendctl.core import (
    attempts,
    callbacks,
    mail_tokens,
    mailbox,
    rate_limits,
    second_factor,
    sessions,
    users,
)
from bkendctl.core.call import Call
from bkendctl.core.clock import MINUTE
from bkendctl.core.dispatch import handles
from bkendctl.core.mail_tokens import Refusals

LETTER = mailbox.Letter(mail_tokens.MAGIC_LINK, contract.PAGE)
REFUSALS = Refusals("auth/invalid-token", "auth/token-expired")


def mail(call: Call, email: str, callback_url: str) -> MessageEmail:
    """Mail a link whatever the state of the address; an unknown one signs up by it (decision 38).

    Failures: auth/email-auth-disabled, auth/magiclink-disabled, common/invalid-parameters for a callback URL
    that is not allowed, auth/too-many-code-requests.
    """
    settings = call.settings.email
    if not settings.enabled:
        raise Failure("auth/email-auth-disabled")
    if not settings.magic_link_enabled:
        raise Failure("auth/magiclink-disabled")
    callbacks.require_allowed(call, callback_url)
    rate_limits.count_mail(call, email, by_source=True)
    life = settings.magic_link_expiration_minutes
    mailbox.mail_token(call, LETTER, email, mailbox.owner(call, email), callback_url, life_ms=life * MINUTE)
    return MessageEmail(message="A link to sign in was mailed.", email=email)


@handles(contract.COMPLETE)
def complete(call: Call, request: contract.Complete) -> contract.NewUserTokenPair:
    """Sign in with the token of a link; without the second factor it is not used up (decision 44)."""
    settings = call.settings.email
    if not (settings.enabled and settings.magic_link_enabled):
        raise Failure("auth/magiclink-disabled")
    token = mail_tokens.find(call, mail_tokens.MAGIC_LINK, request.token, None, REFUSALS)
    user = mailbox.owner(call, token.email)
    is_new = user is None
    amr = ["magiclink"]
    if user is None:
        name = mailbox.name_from(token.email)
        user = users.insert(call, email=token.email, name=name, role="user", password_hash=None)
    call.about("user", user.id, email=user.email)
    if users.is_banned(user, call.now):
        raise Failure("auth/account-banned")
    if user.email_verified_at is not None:  # else its MFA is an unproven owner's and goes with all else
        amr += _second_factor(call, token, user, request.mfa_code)
    mail_tokens.spend(call, token)
    if is_new:
        mailbox.confirm(call, user)
    else:
        mailbox.take_over(call, user)
    attempts.end_row(call, user.email)
    attempts.remember_source(call, user.id)
    pair = sessions.open_session(call, users.by_id(call, user.id), amr)
    return contract.NewUserTokenPair(**asdict(pair), is_new_user=is_new)


def _second_factor(call: Call, token: Row[Any], user: Row[Any], code: Any) -> list[str]:
    """Ask for the second factor where there is one; a wrong one counts against the token too."""
    enrolled = second_factor.enrolment(call, user.id)
    if enrolled is None:
        return []
    if code is UNSET:
        raise Failure("auth/mfa-required")
    try:
        return [second_factor.use_code(call, enrolled, str(code))]
    except Failure as failure:
        if failure.status == 401:
            mail_tokens.count_try(call, token)
        raise
