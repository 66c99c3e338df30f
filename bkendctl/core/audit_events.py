"""Reading what happened, and the hash chain that shows whether the record is whole.

Rows are written unchained, so that writers never queue; they are sealed here, in order, before each check.
The hashes are keyed: whoever has the database alone can break the chain, but not mend it.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET
from sqlalchemy import Row, and_, func, select, update

from bkendctl.contract import audit_events as contract
from bkendctl.contract.errors import Failure
from bkendctl.core import schema
from bkendctl.core.call import Call
from bkendctl.core.clock import instant_of, wire
from bkendctl.core.dispatch import handles
from bkendctl.core.transaction import Transaction

CHUNK = 1_000
"""Rows sealed in one transaction: writers wait for a chunk at most."""

GENESIS = "0" * 64
Reason = Literal["altered", "removed", "inserted"]

_table = schema.audit_events
_heads = schema.audit_heads
_NOT_HASHED = ("hash", "previous_hash")


@handles(contract.LIST)
def list_events(call: Call, request: contract.ListEvents) -> contract.AuditEventPage:
    """Events, newest first."""
    wanted = [_table.c.environment_id == call.environment_id, *_filters(request)]
    if request.cursor is not UNSET:
        wanted.append(_table.c.sequence < _sequence_of(str(request.cursor)))
    newest_first = select(_table).where(*wanted).order_by(_table.c.sequence.desc())
    rows = call.tx.all(newest_first.limit(request.limit + 1))
    more, rows = len(rows) > request.limit, rows[: request.limit]
    return contract.AuditEventPage(
        items=[_shown(row) for row in rows], next_cursor=str(rows[-1].sequence) if more else None
    )


def _filters(request: contract.ListEvents) -> list[Any]:
    found: list[Any] = []
    if request.action is not UNSET:
        action = str(request.action)
        noun = action.removesuffix(".*")
        # "/" comes right after ".": all that begins with the noun and a dot, in upper and lower case apart.
        below = and_(_table.c.action >= f"{noun}.", _table.c.action < f"{noun}/")
        found.append(below if action.endswith(".*") else _table.c.action == action)
    for column, value in (
        (_table.c.outcome, request.outcome),
        (_table.c.actor_id, request.actor_id),
        (_table.c.target_id, request.target_id),
    ):
        if value is not UNSET:
            found.append(column == value)
    if request.from_ is not UNSET:
        found.append(_table.c.occurred_at >= instant_of(str(request.from_)))
    if request.to is not UNSET:
        found.append(_table.c.occurred_at < instant_of(str(request.to)))
    return found


def _sequence_of(cursor: str) -> int:
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 18:
        raise Failure("common/invalid-parameters", details={"cursor": ["must be the nextCursor of a page"]})
    return int(cursor)


def _seal_all(call: Call, _request: Any) -> None:
    """Chain what is unsealed, chunk by chunk."""
    while True:
        with call.core.database.write(call.environment_id) as transaction:
            if _seal_chunk(call, transaction) < CHUNK:
                return


def _seal_chunk(call: Call, transaction: Transaction) -> int:
    """Chain the rows behind the head; rows slipped in before it are left for the check to name."""
    head = transaction.first(select(_heads).where(_heads.c.environment_id == call.environment_id))
    sequence, hash_ = (head.sequence, head.hash) if head is not None else (0, GENESIS)
    behind = and_(_table.c.environment_id == call.environment_id, _table.c.sequence > sequence)
    rows = transaction.all(select(_table).where(behind).order_by(_table.c.sequence).limit(CHUNK))
    for row in rows:
        previous, hash_, sequence = hash_, _link(call, hash_, row), row.sequence
        sealed = {"hash": hash_, "previous_hash": previous}
        transaction.run(update(_table).where(_table.c.sequence == row.sequence).values(sealed))
    if rows and head is None:
        end = {"environment_id": call.environment_id, "sequence": sequence, "hash": hash_}
        transaction.insert(_heads, end)
    elif rows:
        mine = _heads.c.environment_id == call.environment_id
        transaction.run(update(_heads).where(mine).values(sequence=sequence, hash=hash_))
    return len(rows)


def _link(call: Call, previous: str, row: Row[Any]) -> str:
    """Keyed hash over the hash before and every column of a row in their order."""
    content = [value for name, value in row._mapping.items() if name not in _NOT_HASHED]
    return call.core.vault.keyed_hash(
        "audit", previous, msgspec.json.encode(content, order="sorted").decode()
    )


@handles(contract.VERIFY, before=_seal_all)
def verify(call: Call, _request: Any, _sealed: None) -> contract.AuditVerification:
    """Walk the chain and name the first event that was altered, removed or inserted."""
    head = call.tx.first(select(_heads).where(_heads.c.environment_id == call.environment_id))
    sequence, reason = _first_bad(call, head)
    return contract.AuditVerification(
        state="intact" if reason is None else "broken",
        first_bad_sequence=sequence,
        first_bad_reason=reason,
        sealed_sequence=head.sequence if head is not None else None,
        sealed_hash=head.hash if head is not None else None,
        unsealed_count=_count_behind(call, head),
    )


def _first_bad(call: Call, head: Row[Any] | None) -> tuple[int | None, Reason | None]:
    if head is None:
        return None, None
    previous, last = GENESIS, 0
    while last < head.sequence:
        chain = and_(
            _table.c.environment_id == call.environment_id,
            _table.c.sequence > last,
            _table.c.sequence <= head.sequence,
        )
        rows = call.tx.all(select(_table).where(chain).order_by(_table.c.sequence).limit(CHUNK))
        for row in rows:
            reason = _fault(call, previous, row)
            if reason is not None:
                return int(row.sequence), reason
            previous, last = row.hash, row.sequence
        if not rows:
            return int(head.sequence), "removed"
    return (None, None) if previous == head.hash else (int(head.sequence), "altered")


def _fault(call: Call, previous: str, row: Row[Any]) -> Reason | None:
    """Why a row does not fit behind the hash before it.

    A row without a hash, or with one that no key of ours made, was never in the chain when its neighbours
    were sealed; one whose own hash fits its own predecessor is whole, so what stood between is gone.
    """
    if row.hash is None or row.previous_hash is None:
        return "inserted"
    if _link(call, row.previous_hash, row) != row.hash:
        return "altered"
    return None if row.previous_hash == previous else "removed"


def _count_behind(call: Call, head: Row[Any] | None) -> int:
    behind = and_(
        _table.c.environment_id == call.environment_id,
        _table.c.sequence > (head.sequence if head is not None else 0),
    )
    return int(call.tx.value(select(func.count()).select_from(_table).where(behind)))


def _shown(row: Row[Any]) -> contract.AuditEvent:
    target = None if row.target_type is None else contract.Target(type=row.target_type, id=row.target_id)
    return contract.AuditEvent(
        id=row.id,
        sequence=row.sequence,
        hash=row.hash,
        occurred_at=wire(row.occurred_at),
        action=row.action,
        outcome=row.outcome,
        error_code=row.error_code,
        actor=contract.Actor(type=row.actor_type, id=row.actor_id, label=row.actor_label),
        target=target,
        organization_id=row.organization_id,
        ip_address=row.ip_address,
        user_agent=row.user_agent,
        request_id=row.request_id,
        details=row.details,
    )
