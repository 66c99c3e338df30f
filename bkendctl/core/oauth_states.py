"""States of sign-ins with a provider: what a state was minted for is sealed into it, its use is stored.

So that showing a sign-in page writes nothing (docs/adr/0014). A client's own state is no business of ours.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Literal

import msgspec
from msgspec import Struct
from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError

from bkendctl.contract.errors import Failure
from bkendctl.core import schema
from bkendctl.core.call import Call
from bkendctl.core.clock import MINUTE
from bkendctl.core.crypto import Vault, fingerprint
from bkendctl.core.hosted import challenge_of
from bkendctl.core.randomness import new_token

PREFIX = "st_"
"""Tells ours from a client's own: one of ours that was tampered with must not pass for another's."""
LIFE_MS = 10 * MINUTE
"""oauthStateMinutes of the contract (x-defaults)."""
COOKIE = "bkendctl_state"
SECURE_COOKIE = "__Host-bkendctl_state"
"""Which no other host of the domain can set (RFC 6265bis, section 4.1.3.2)."""
_IDENTITY = "oauth-state"
_table = schema.spent_states


class State(Struct, array_like=True, frozen=True):
    """What a state was minted for.

    redirect_uri: fingerprint of the one it is for, None for any; own: it is the server's own, and the PKCE
    verifier is ours too. challenge: of the client's verifier. session: for linking, whose. browser:
    fingerprint of the cookie. flow: what of the hosted page goes on when the browser is back.
    """

    id: str
    environment_id: str
    provider: str
    purpose: Literal["signin", "link"]
    issued_at: int
    redirect_uri: str | None = None
    own: bool = False
    challenge: str | None = None
    session: str | None = None
    browser: str | None = None
    flow: str | None = None


def minted(
    call: Call,
    provider: str,
    *,
    purpose: Literal["signin", "link"] = "signin",
    redirect_uri: str | None = None,
    own: bool = False,
    challenge: str | None = None,
    session: str | None = None,
    browser: str | None = None,
    flow: str | None = None,
) -> State:
    """A fresh state of the environment at hand. browser: the value of its cookie."""
    return State(
        new_token(call.core.randomness),
        call.environment_id,
        provider,
        purpose,
        call.now,
        None if redirect_uri is None else fingerprint(redirect_uri),
        own,
        challenge,
        session,
        None if browser is None else fingerprint(browser),
        flow,
    )


def written(vault: Vault, state: State) -> str:
    """A state as it travels: nobody but us can make, read or change it."""
    sealed = vault.seal(msgspec.msgpack.encode(state), _IDENTITY)
    return PREFIX + urlsafe_b64encode(sealed).rstrip(b"=").decode()


def read(vault: Vault, text: str) -> State | None:
    """What a state of ours was minted for, None for a client's own. auth/invalid-token for a changed one."""
    if not text.startswith(PREFIX):
        return None
    body = text.removeprefix(PREFIX)
    try:
        sealed = urlsafe_b64decode(body + "=" * (-len(body) % 4))
        return msgspec.msgpack.decode(vault.open(sealed, _IDENTITY), type=State)
    except (Failure, ValueError):  # msgspec's errors are ValueErrors
        raise Failure("auth/invalid-token", "The state was not minted here.") from None


def require(
    call: Call,
    state: State,
    provider: str,
    purpose: str,
    *,
    redirect_uri: str | None,
    code_verifier: str | None,
) -> None:
    """Refuse a state that was minted for something else. auth/invalid-token, auth/token-expired."""
    is_meant = (
        state.environment_id == call.environment_id
        and (state.provider, state.purpose) == (provider, purpose)
        and (
            state.redirect_uri is None
            or redirect_uri is None
            or state.redirect_uri == fingerprint(redirect_uri)
        )
        and (state.session is None or (call.session is not None and state.session == call.session.id))
    )
    if not is_meant:
        raise Failure("auth/invalid-token", "The state was minted for something else.")
    if state.challenge is not None and challenge_of(code_verifier or "") != state.challenge:
        raise Failure("auth/invalid-token", "The verifier does not fit the state.")
    if not state.issued_at <= call.now < state.issued_at + LIFE_MS:
        raise Failure("auth/token-expired", "The state is older than 10 minutes.")


def spend(call: Call, state: State) -> None:
    """Use a state up, in a transaction of its own ahead of asking the provider; of many at once one can.

    auth/invalid-token.
    """
    row = {
        "state_hash": fingerprint(state.id),
        "environment_id": call.environment_id,
        "expires_at": state.issued_at + LIFE_MS,
    }
    with call.writing():
        old = (_table.c.environment_id == call.environment_id, _table.c.expires_at <= call.now)
        call.tx.run(delete(_table).where(*old))
        try:
            call.tx.insert(_table, row)
        except IntegrityError:
            raise Failure("auth/invalid-token", "The state was used before.") from None


def verifier_of(vault: Vault, state: State) -> str:
    """The PKCE verifier of a state with the server's own redirect URI (64 characters, RFC 7636)."""
    return vault.keyed_hash("oauth-verifier", state.id)


def nonce_of(vault: Vault, state: State) -> str:
    """What an ID token for this state has to hold."""
    return vault.keyed_hash("oauth-nonce", state.id)
