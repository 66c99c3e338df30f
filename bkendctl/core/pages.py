"""What a page for browsers knows of a mailed link before its button is pressed. Nothing here changes a thing.

The button asks for the same operation as an app would, with the call that was entered here.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select

from bkendctl.core import invitations, mail_tokens, rate_limits, schema
from bkendctl.core.call import Call
from bkendctl.core.mail_tokens import Refusals
from bkendctl.core.settings import PasswordPolicy

_users = schema.users


def enter(call: Call, kind: str, token: str, email: str | None, refusals: Refusals) -> str | None:
    """Let a mailed token name the environment of a call, and give the locale of its user where there is one.

    The environment is known also where the token is refused as too late. Failures: those of refusals,
    auth/too-many-requests.
    """
    with call.reading():
        try:
            found = mail_tokens.find(call, kind, token, email, refusals)
        finally:
            _count(call)
        locale = None
        if found.user_id is not None:
            locale = call.tx.value(select(_users.c.locale).where(_users.c.id == found.user_id))
    return None if locale is None else str(locale)


def enter_invitation(call: Call, token: str, email: str) -> Row[Any]:
    """As enter, for an invitation, which is given. Failures: those of invitations.accept."""
    with call.reading():
        try:
            return invitations.by_link(call, token, email)
        finally:
            _count(call)


def password_policy(call: Call) -> PasswordPolicy:
    """What a new password has to be in the environment of a call."""
    with call.reading():
        return call.settings.email.password_policy


def project_of(call: Call) -> str:
    """The name of the service a page speaks for; empty while it is not known."""
    return "" if call.environment is None else str(call.environment.project_name)


def _count(call: Call) -> None:
    call.by_link = call.environment is not None
    rate_limits.count_page(call)
