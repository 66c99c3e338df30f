"""What a page for browsers knows of a mailed link before its button is pressed. Nothing here changes a thing.

The button asks for the same operation as an app would, with the call that was entered here.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Row

from bkendctl.contract.accounts import TokenPair
from bkendctl.contract.errors import Failure
from bkendctl.core import (
    callbacks,
    invitations,
    mail_tokens,
    oauth,
    oauth_configs,
    oauth_states,
    permissions,
    rate_limits,
    schema,
    sessions,
    users,
)
from bkendctl.core.call import Call
from bkendctl.core.mail_tokens import Refusals
from bkendctl.core.oauth_states import State
from bkendctl.core.runtime import Core
from bkendctl.core.settings import EmailSettings, PasswordPolicy


class Behind(NamedTuple):
    """Whose a mailed link is. locale: of the user, None where there is no user or it has none."""

    email: str
    locale: str | None


def enter(call: Call, kind: str, token: str, email: str | None, refusals: Refusals) -> Behind:
    """Let a mailed token name the environment of a call, and tell whose it is.

    The environment is known also where the token is refused as too late. Failures: those of refusals,
    auth/too-many-requests.
    """
    with call.reading():
        try:
            found = mail_tokens.find(call, kind, token, email, refusals)
        finally:
            _count(call)
        user = None if found.user_id is None else call.tx.row(schema.users, id=found.user_id)
    return Behind(str(found.email), None if user is None else user.locale)


def enter_invitation(call: Call, token: str, email: str) -> Row[Any]:
    """As enter, for an invitation, which is given. Failures: those of invitations.accept."""
    with call.reading():
        try:
            return invitations.by_link(call, token, email)
        finally:
            _count(call)


class Offer(NamedTuple):
    """What the hosted page of an environment offers. providers: by name."""

    email: EmailSettings
    providers: list[str]


def enter_client(call: Call, client: str, redirect_uri: str) -> Offer:
    """Let a publishable key name the environment of a call, for the hosted page, and give what it offers.

    A secret key is refused: it would be in the address of a page. Failures: those of a key,
    auth/too-many-requests; common/invalid-parameters for a redirect_uri that may not take a code.
    """
    with call.reading():
        try:
            permissions.identify_key(call, client if client.startswith("pk_") else "")
            call.by_page = True
        finally:
            rate_limits.count_page(call)
        if not callbacks.may_take_code(call, redirect_uri):
            raise Failure("common/invalid-parameters", details={"redirect_uri": ["is not allowed"]})
        return Offer(call.settings.email, oauth.on_page(call))


def returning(core: Core, text: str) -> State | None:
    """The state of a sign-in that the hosted page began, as a provider sends it back; None for all others."""
    try:
        state = oauth_states.read(core.vault, text)
    except Failure:
        return None
    return state if state is not None and state.flow is not None else None


def hold_session(call: Call, pair: TokenPair, life_ms: int) -> str:
    """Let a session that a page opened live no longer than it needs it; gives its user's address."""
    with call.writing():
        session = call.tx.row(schema.sessions, id=sessions.hold(call, pair.access_token, life_ms))
        assert session is not None
        return str(users.by_id(call, session.user_id).email)


def session_of(call: Call, access_token: str) -> str:
    """Id of the session of an access token. Failures: of a token that is not good."""
    with call.reading():
        return call.core.signer.verify(call.tx, call.environment_id, access_token, call.now).sid


def own_redirect_uri(call: Call, provider: str) -> str:
    """The redirect URI that a provider of the environment knows. auth/oauth-not-configured."""
    with call.reading():
        return oauth_configs.enabled(call, provider).redirect_uri


def may_lead_to(call: Call, url: str) -> bool:
    """Whether the environment of a call, if it is known, lets its links lead to a URL."""
    if call.environment is None:
        return False
    with call.reading():
        return callbacks.is_allowed(call, url)


def password_policy(call: Call) -> PasswordPolicy:
    """What a new password has to be in the environment of a call."""
    with call.reading():
        return call.settings.email.password_policy


def project_of(call: Call) -> str:
    """The name of the service a page speaks for; empty while it is not known."""
    return "" if call.environment is None else str(call.environment.project_name)


def _count(call: Call) -> None:
    call.by_page = call.environment is not None
    rate_limits.count_page(call)
