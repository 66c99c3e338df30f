"""The hash chain of an environment's audit: sealed behind the head, checked from the checkpoint on.

Rows are written unchained, so that writers never queue; they are sealed here, in order, before each check.
The hashes are keyed: whoever has the database alone can break the chain, but not mend it. Where old rows were
removed by age the chain begins at a checkpoint, which says by a keyed hash of its own up to where that was.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import msgspec
from sqlalchemy import Row, and_, func, select

from bkendctl.core import schema
from bkendctl.core.call import Call
from bkendctl.core.transaction import Transaction

CHUNK = 1_000
"""Rows sealed in one transaction: writers wait for a chunk at most."""

GENESIS = "0" * 64
Reason = Literal["altered", "removed", "inserted"]

_table = schema.audit_events
_heads = schema.audit_heads
_checkpoints = schema.audit_checkpoints
_NOT_HASHED = ("hash", "previous_hash")


class Place(NamedTuple):
    """A row's number, and the hash that the next one is chained to."""

    sequence: int
    hash: str


BEGINNING = Place(0, GENESIS)


def seal_all(call: Call) -> None:
    """Chain what is unsealed, chunk by chunk."""
    while True:
        with call.core.database.write(call.environment_id) as transaction:
            if _seal_chunk(call, transaction) < CHUNK:
                return


def _seal_chunk(call: Call, transaction: Transaction) -> int:
    """Chain the rows behind the head; rows slipped in before it are left for the check to name."""
    mine = {"environment_id": call.environment_id}
    head = transaction.row(_heads, **mine)
    place = BEGINNING if head is None else Place(head.sequence, head.hash)
    unsealed = transaction.all(rows(call, place.sequence).limit(CHUNK))
    for row in unsealed:
        previous, place = place.hash, Place(row.sequence, link(call, place.hash, row))
        transaction.update(_table, {"hash": place.hash, "previous_hash": previous}, sequence=row.sequence)
    if unsealed and head is None:
        transaction.insert(_heads, mine | place._asdict())
    elif unsealed:
        transaction.update(_heads, place._asdict(), **mine)
    return len(unsealed)


def rows(call: Call, behind: int, upto: int | None = None) -> Any:
    """Select the events of an environment behind one, in their order."""
    wanted = [_table.c.environment_id == call.environment_id, _table.c.sequence > behind]
    if upto is not None:
        wanted.append(_table.c.sequence <= upto)
    return select(_table).where(*wanted).order_by(_table.c.sequence)


def link(call: Call, previous: str, row: Row[Any]) -> str:
    """Keyed hash over the hash before and every column of a row in their order."""
    content = [value for name, value in row._mapping.items() if name not in _NOT_HASHED]
    return call.core.vault.keyed_hash(
        "audit", previous, msgspec.json.encode(content, order="sorted").decode()
    )


def head_of(call: Call, transaction: Transaction) -> Place | None:
    """The last sealed row."""
    row = transaction.row(_heads, environment_id=call.environment_id)
    return None if row is None else Place(row.sequence, row.hash)


def start_of(call: Call, transaction: Transaction) -> Place | None:
    """Where the chain begins: after what was removed by age. None where the checkpoint is not one of ours."""
    row = transaction.row(_checkpoints, environment_id=call.environment_id)
    if row is None:
        return BEGINNING
    place = Place(row.sequence, row.hash)
    return place if row.seal == _seal_of(call, place, row.removed) else None


def keep_start(call: Call, transaction: Transaction, place: Place, removed: int) -> None:
    """Let the chain begin behind a row: `removed` more rows up to it went by age."""
    mine = {"environment_id": call.environment_id}
    row = transaction.row(_checkpoints, **mine)
    total = removed + (0 if row is None else row.removed)
    values = place._asdict() | {"removed": total, "seal": _seal_of(call, place, total)}
    if row is None:
        transaction.insert(_checkpoints, mine | values)
    else:
        transaction.update(_checkpoints, values, **mine)


def _seal_of(call: Call, place: Place, removed: int) -> str:
    content = [call.environment_id, *place, removed]
    return call.core.vault.keyed_hash("audit-checkpoint", msgspec.json.encode(content).decode())


def first_bad(call: Call, transaction: Transaction) -> tuple[int | None, Reason | None]:
    """The first row that does not fit, and why."""
    head, start = head_of(call, transaction), start_of(call, transaction)
    if start is None:
        kept = transaction.row(_checkpoints, environment_id=call.environment_id)
        return (None if kept is None else int(kept.sequence)), "altered"
    if head is None or head.sequence < start.sequence:
        return (None, None) if start == BEGINNING else (start.sequence, "removed")
    early = transaction.first(rows(call, 0, start.sequence).limit(1))
    if early is not None:
        return int(early.sequence), "inserted"
    return _first_bad_between(call, transaction, start, head)


def _first_bad_between(
    call: Call, transaction: Transaction, start: Place, head: Place
) -> tuple[int | None, Reason | None]:
    previous, last = start.hash, start.sequence
    while last < head.sequence:
        chunk = transaction.all(rows(call, last, head.sequence).limit(CHUNK))
        for row in chunk:
            reason = fault(call, previous, row)
            if reason is not None:
                return int(row.sequence), reason
            previous, last = row.hash, row.sequence
        if not chunk:
            return head.sequence, "removed"
    return (None, None) if previous == head.hash else (head.sequence, "altered")


def fault(call: Call, previous: str, row: Row[Any]) -> Reason | None:
    """Why a row does not fit behind the hash before it.

    A row without a hash, or with one that no key of ours made, was never in the chain when its neighbours
    were sealed; one whose own hash fits its own predecessor is whole, so what stood between is gone.
    """
    if row.hash is None or row.previous_hash is None:
        return "inserted"
    if link(call, row.previous_hash, row) != row.hash:
        return "altered"
    return None if row.previous_hash == previous else "removed"


def count_behind(call: Call, transaction: Transaction, head: Place | None) -> int:
    """How many rows are not sealed yet."""
    behind = and_(
        _table.c.environment_id == call.environment_id,
        _table.c.sequence > (head.sequence if head is not None else 0),
    )
    return int(transaction.value(select(func.count()).select_from(_table).where(behind)))
