"""Codes of the hosted sign-in page: each stands for a session that nobody holds yet, for a minute, once."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from hmac import compare_digest

from sqlalchemy import delete

from bkendctl.contract import hosted as contract
from bkendctl.contract.accounts import TokenPair
from bkendctl.contract.errors import Failure
from bkendctl.core import schema, sessions, users
from bkendctl.core.call import Call
from bkendctl.core.clock import SECOND
from bkendctl.core.crypto import fingerprint
from bkendctl.core.dispatch import handles
from bkendctl.core.randomness import new_token

LIFE_MS = 60 * SECOND
"""hostedCodeSeconds of the contract (x-defaults)."""

_table = schema.hosted_codes


def give(call: Call, pair: TokenPair, redirect_uri: str, challenge: str) -> str:
    """Trade the tokens of a sign-in for a code, which travels through the browser in their stead.

    The tokens are dead from here on, and the session lives no longer than the code unless it is collected.
    """
    code = new_token(call.core.randomness)
    with call.writing():
        row = {
            "code_hash": fingerprint(code),
            "environment_id": call.environment_id,
            "session_id": sessions.hold(call, pair.access_token, LIFE_MS),
            "redirect_uri": redirect_uri,
            "code_challenge": challenge,
            "created_at": call.now,
            "expires_at": call.now + LIFE_MS,
        }
        call.tx.insert(_table, row)
    return code


@handles(contract.EXCHANGE)
def exchange(call: Call, request: contract.Exchange) -> TokenPair:
    """Give the tokens of a code; any try spends it, and a wrong one ends its session (RFC 6749, 4.1.2).

    Failures: auth/invalid-token (unknown, spent, of another environment or redirect URI, wrong verifier, or
    the session ended meanwhile), auth/token-expired, auth/account-banned.
    """
    row = call.tx.row(_table, code_hash=fingerprint(request.code), environment_id=call.environment_id)
    if row is None:
        raise Failure("auth/invalid-token", "The code is unknown or was used.")
    call.tx.run(delete(_table).where(_table.c.code_hash == row.code_hash))
    session = call.tx.row(schema.sessions, id=row.session_id)
    call.about("session", row.session_id)
    if row.expires_at <= call.now:
        raise Failure("auth/token-expired", "The code is older than a minute.", keep=True)
    user = call.tx.row(schema.users, id=session.user_id) if session is not None else None
    if user is not None and users.is_banned(user, call.now):
        raise Failure("auth/account-banned", keep=True)
    is_whose = compare_digest(challenge_of(request.code_verifier), row.code_challenge)
    if not is_whose or request.redirect_uri != row.redirect_uri:
        sessions.end(call, row.session_id, "code-misused")
        raise Failure("auth/invalid-token", "The code is for another verifier or redirect URI.", keep=True)
    return sessions.collect(call, row.session_id)


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636, section 4.2)."""
    digest = hashlib.sha256(verifier.encode("utf-8", "surrogatepass")).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
