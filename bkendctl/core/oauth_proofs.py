"""From what a provider gave to whom it names: the state is checked and used up, then the provider is asked.

All of it ahead of the transaction that signs in or links. What was learnt is kept for a second factor.
"""

from __future__ import annotations

from hmac import compare_digest
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import delete

from bkendctl.contract import oauth as contract
from bkendctl.contract.errors import Failure
from bkendctl.core import callbacks, oauth_configs, oauth_states, schema
from bkendctl.core.call import Call
from bkendctl.core.clock import MINUTE
from bkendctl.core.crypto import fingerprint
from bkendctl.core.identities import Grant, Identity, identify
from bkendctl.core.oauth_states import State
from bkendctl.core.providers import Client

KEPT_MS = 10 * MINUTE
"""oauthRetryMinutes of the contract (x-defaults)."""
TRIES = 5
"""Wrong second factors that a kept identity survives, the last of them excepted (mfaTriesPerToken)."""
_table = schema.kept_identities


class Proven(NamedTuple):
    """An identity, and what it is kept by. tries: wrong second factors so far, None while it is not kept."""

    identity: Identity
    proof_hash: str
    bound_hash: str
    tries: int | None


def proven(
    call: Call,
    provider: str,
    given: contract.Proof,
    purpose: Literal["signin", "link"],
    *,
    minted: State | None = None,
) -> Proven:
    """Whom a code or ID token is about. minted: its state, where that was read before.

    Failures: auth/oauth-not-configured, common/invalid-parameters, auth/invalid-token, auth/token-expired,
    auth/invalid-oauth-code, auth/oauth-callback-failed.
    """
    code, token = _text(given.code), _text(given.id_token)
    redirect_uri, verifier = _text(given.redirect_uri), _text(given.code_verifier)
    with call.reading():
        client = oauth_configs.enabled(call, provider)
        _require_sound(call, client, code, redirect_uri)
        proof_hash = fingerprint("\0".join((call.environment_id, provider, code or token or "")))
        bound_hash = fingerprint(f"{redirect_uri or ''}\0{verifier or ''}")
        kept = call.tx.row(_table, proof_hash=proof_hash)
    if purpose == "signin" and kept is not None and kept.expires_at > call.now:
        if not compare_digest(kept.bound_hash, bound_hash):
            raise Failure("auth/invalid-oauth-code")
        return Proven(msgspec.convert(kept.identity, Identity), proof_hash, bound_hash, kept.tries)
    state = minted or _state_of(call, client, given, purpose)
    if state is not None:
        oauth_states.require(
            call, state, provider, purpose, redirect_uri=redirect_uri, code_verifier=verifier
        )
        oauth_states.spend(call, state)
    vault = call.core.vault
    grant = Grant(
        code=code,
        id_token=None if code else token,
        access_token=_text(given.access_token),
        redirect_uri=redirect_uri,
        code_verifier=oauth_states.verifier_of(vault, state) if state is not None and state.own else verifier,
        # Only the whole of an authorization URL that was made here had a nonce of ours.
        nonce=oauth_states.nonce_of(vault, state) if state is not None and state.redirect_uri else None,
    )
    identity = identify(call.core.providers, call.core.clock, client, grant)
    return Proven(identity, proof_hash, bound_hash, None)


def _require_sound(call: Call, client: Client, code: str | None, redirect_uri: str | None) -> None:
    """What a request has to be beyond the form of its fields: common/invalid-parameters."""
    if code is None:
        if client.provider != "google":
            raise Failure("common/invalid-parameters", details={"idToken": ["only google gives ID tokens"]})
    else:
        callbacks.require_redirect_uri(call, str(redirect_uri), client.redirect_uri)


def _state_of(call: Call, client: Client, given: contract.Proof, purpose: str) -> State | None:
    """The state, if it is one of ours. To link it has to be one where it is sent, or our own URI was used."""
    text = _text(given.state)
    state = None if text is None else oauth_states.read(call.core.vault, text)
    is_needed = text is not None or _text(given.redirect_uri) == client.redirect_uri
    if purpose == "link" and state is None and is_needed:
        raise Failure("auth/invalid-token", "Linking needs a state that was minted for it.")
    return state


def keep(call: Call, found: Proven, *, failed: bool) -> None:
    """Keep an identity while a second factor is missing, or (failed) count a wrong one against it."""
    tries = (found.tries or 0) + failed
    if tries >= TRIES:
        call.tx.run(delete(_table).where(_table.c.proof_hash == found.proof_hash))
        return
    if found.tries is not None:
        call.tx.update(_table, {"tries": tries}, proof_hash=found.proof_hash)
        return
    _sweep(call, found)
    call.tx.insert(
        _table,
        {
            "proof_hash": found.proof_hash,
            "environment_id": call.environment_id,
            "bound_hash": found.bound_hash,
            "identity": msgspec.to_builtins(found.identity),
            "tries": tries,
            "expires_at": call.now + KEPT_MS,
        },
    )


def spend(call: Call, found: Proven) -> None:
    """Forget a kept identity, which signs in once: auth/invalid-oauth-code for the second of two at once."""
    if found.tries is None:
        return
    if not call.tx.run(delete(_table).where(_table.c.proof_hash == found.proof_hash)):
        raise Failure("auth/invalid-oauth-code")


def _sweep(call: Call, found: Proven) -> None:
    """Drop those of the environment that are too old, and what an ID token that comes again left."""
    old = (_table.c.environment_id == call.environment_id, _table.c.expires_at <= call.now)
    call.tx.run(delete(_table).where(*old))
    call.tx.run(delete(_table).where(_table.c.proof_hash == found.proof_hash))


def _text(value: Any) -> str | None:
    return None if isinstance(value, UnsetType) or value is UNSET else str(value)
