"""Keys that sign access tokens: listed, rotated, retired. Signing and checking is in tokens.py."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET
from sqlalchemy import Row, case, select

from bkendctl.contract import signing_keys as contract
from bkendctl.contract.errors import Failure
from bkendctl.core import schema
from bkendctl.core.call import Call
from bkendctl.core.clock import wire
from bkendctl.core.dispatch import handles
from bkendctl.core.tokens import new_signing_key

_table = schema.signing_keys


@handles(contract.LIST)
def list_keys(call: Call, _request: Any) -> contract.SigningKeys:
    """Every key of the environment: the signing one, then the newest first."""
    rows = call.tx.all(
        select(_table)
        .where(_table.c.environment_id == call.environment_id)
        .order_by(case((_table.c.status == "signing", 0), else_=1), _table.c.created_at.desc(), _table.c.kid)
    )
    return contract.SigningKeys(items=[_shown(row) for row in rows])


@handles(contract.ROTATE)
def rotate(call: Call, request: contract.Rotate) -> contract.SigningKey:
    """Sign with a new key; tokens of the former one are good until they expire or it is retired."""
    present = call.tx.row(_table, environment_id=call.environment_id, status="signing")
    algorithm = request.algorithm
    if algorithm is UNSET:
        algorithm = "ES256" if present is None else present.algorithm
    made = new_signing_key(
        call.core.vault, call.core.randomness, call.environment_id, call.now, algorithm=str(algorithm)
    )
    verifying = {"status": "verifying"}
    call.tx.update(_table, verifying, environment_id=call.environment_id, status="signing")
    call.tx.insert(_table, made)
    former = None if present is None else present.kid
    call.about("signing-key", made["kid"], algorithm=algorithm, former=former)
    return _shown(_find(call, made["kid"]))


@handles(contract.RETIRE)
def retire(call: Call, request: contract.KeyId) -> contract.SigningKey:
    """Refuse a key's tokens from the next request on, in every process; fine when it was retired before."""
    row = _find(call, request.kid)
    call.about("signing-key", row.kid)
    if row.status == "signing":
        raise Failure("signing-key/in-use")
    if row.status != "retired":
        call.tx.update(_table, {"status": "retired", "retired_at": call.now}, kid=row.kid)
    return _shown(_find(call, row.kid))


def _find(call: Call, kid: str) -> Row[Any]:
    row = call.tx.row(_table, kid=kid, environment_id=call.environment_id)
    if row is None:
        raise Failure("signing-key/not-found")
    return row


def _shown(row: Row[Any]) -> contract.SigningKey:
    return contract.SigningKey(
        kid=row.kid,
        algorithm=row.algorithm,
        status=row.status,
        created_at=wire(row.created_at),
        retired_at=wire(row.retired_at),
    )
