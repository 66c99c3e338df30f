"""Tokens that go out by mail: 256 random bits, stored by fingerprint, the newest of its kind alone valid."""

from __future__ import annotations

from sqlalchemy import delete, select

from bkendctl.contract.errors import Failure
from bkendctl.core import schema
from bkendctl.core.call import Call, environment_by_id
from bkendctl.core.crypto import fingerprint
from bkendctl.core.randomness import new_token

_table = schema.mail_tokens


def issue(call: Call, kind: str, email: str, user_id: str | None, life_ms: int) -> str:
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


def find(call: Call, kind: str, token: str, email: str) -> str | None:
    """Give the user a token was issued to; a link without a key also names its environment.

    Failures: auth/verification-token-not-found (also for another address), auth/verification-token-expired.
    """
    row = call.tx.first(
        select(_table).where(_table.c.token_hash == fingerprint(token), _table.c.kind == kind)
    )
    if row is None or row.email != email:
        raise Failure("auth/verification-token-not-found")
    if call.environment is None:
        environment = environment_by_id(call.tx, row.environment_id)
        if environment is None:
            raise Failure("auth/verification-token-not-found")
        call.enter(environment)
    if row.environment_id != call.environment_id:
        raise Failure("auth/verification-token-not-found")
    if row.expires_at <= call.now:
        raise Failure("auth/verification-token-expired")
    return str(row.user_id) if row.user_id else None
