"""Tokens that go out by mail: 256 random bits, stored by fingerprint, the newest of its kind alone valid."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Row, delete, or_, select, update

from bkendctl.contract.errors import Failure
from bkendctl.core import schema
from bkendctl.core.call import Call, environment_by_id
from bkendctl.core.clock import HOUR
from bkendctl.core.crypto import fingerprint
from bkendctl.core.randomness import new_token

SIGN_UP = "signup_confirmation"
VERIFICATION = "email_verification"
RESET = "password_reset"
MAGIC_LINK = "magic_link"
DECOY = "decoy"
"""Written where nothing is mailed, so that the answer takes as long; nobody ever knows such a token."""

PROOF_MS = 24 * HOUR
"""How long a token for a reset or the proof of an address lives (passwordResetHours, verificationHours)."""

TRIES = 5
"""Wrong second factors that a token survives, the last of them excepted (mfaTriesPerToken)."""

_table = schema.mail_tokens


class Refusals(NamedTuple):
    """The codes of a token that is not known, used or for somebody else, and of one that came too late."""

    unknown: str
    expired: str


OF_PROOFS = Refusals("auth/verification-token-not-found", "auth/verification-token-expired")


def issue(call: Call, kind: str, email: str, user_id: str | None, life_ms: int = PROOF_MS) -> str:
    """Make a token and drop the older ones of its kind for the address."""
    token = new_token(call.core.randomness)
    older = (_table.c.environment_id == call.environment_id, _table.c.kind == kind, _table.c.email == email)
    call.tx.run(delete(_table).where(*older))
    call.tx.insert(
        _table,
        {
            "token_hash": fingerprint(token),
            "environment_id": call.environment_id,
            "kind": kind,
            "email": email,
            "user_id": user_id,
            "tries": 0,
            "created_at": call.now,
            "expires_at": call.now + life_ms,
        },
    )
    return token


def find(call: Call, kind: str, token: str, email: str | None, refusals: Refusals = OF_PROOFS) -> Row[Any]:
    """Find a live token; a link without a key also names its environment.

    email: whom it has to be for, None where the request does not say. Failures: those of refusals.
    """
    row = call.tx.first(
        select(_table).where(_table.c.token_hash == fingerprint(token), _table.c.kind == kind)
    )
    if row is None or (email is not None and row.email != email):
        raise Failure(refusals.unknown)
    if call.environment is None:
        environment = environment_by_id(call.tx, row.environment_id)
        if environment is None:
            raise Failure(refusals.unknown)
        call.enter(environment)
    if row.environment_id != call.environment_id:
        raise Failure(refusals.unknown)
    if row.expires_at <= call.now:
        raise Failure(refusals.expired)
    return row


def spend(call: Call, row: Row[Any]) -> None:
    """Use a token up; the environment's write lock lets one of many at once find it."""
    call.tx.run(delete(_table).where(_table.c.token_hash == row.token_hash))


def count_try(call: Call, row: Row[Any]) -> None:
    """Note a wrong second factor that came with a token; the last one allowed ends the token."""
    if row.tries + 1 >= TRIES:
        spend(call, row)
    else:
        mine = _table.c.token_hash == row.token_hash
        call.tx.run(update(_table).where(mine).values(tries=row.tries + 1))


def end_all(call: Call, user: Row[Any], *, but: str) -> None:
    """End all tokens of a user, and those for its address that were asked for before it existed, save a kind.

    A pending change of address ends too: whoever asked for it may be who the user now shuts out.
    """
    theirs = or_(_table.c.user_id == user.id, _table.c.email == user.email)
    here = _table.c.environment_id == call.environment_id
    call.tx.run(delete(_table).where(here, theirs, _table.c.kind != but))
