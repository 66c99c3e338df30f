"""Removing audit events by age, oldest first, so that what is left can still be verified (docs/adr/0019)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile
from typing import Any

from sqlalchemy import Row, delete, func, select

from bkendctl.contract.errors import Failure
from bkendctl.core import audit_chain, schema
from bkendctl.core.audit_chain import Place
from bkendctl.core.call import Call
from bkendctl.core.transaction import Transaction

BATCH = 500
"""Rows removed in one transaction, each of them checked first."""

_table = schema.audit_events


def count_older(call: Call, transaction: Transaction, before: int) -> int:
    """How many events of an environment a removal would take: the oldest ones, up to the first younger."""
    first_younger = transaction.value(
        select(func.min(_table.c.sequence)).where(_mine(call), _table.c.occurred_at >= before)
    )
    older = [_mine(call)] if first_younger is None else [_mine(call), _table.c.sequence < first_younger]
    return int(transaction.value(select(func.count()).select_from(_table).where(*older)))


def remove_older(call: Call, before: int, pause: Callable[[], object]) -> int:
    """Remove the events of before an instant (real time, in ms); gives how many went.

    Each batch is checked against the chain ahead of its removal, and the checkpoint moves along with it:
    killed at any moment the rest is whole. A chain that is broken there stays as it is: cli/unhealthy.
    """
    audit_chain.seal_all(call)
    removed = 0
    while True:
        with call.core.database.write(call.environment_id) as transaction:
            count = _remove_batch(call, transaction, before)
        removed += count
        if count < BATCH:
            return removed
        pause()


def _remove_batch(call: Call, transaction: Transaction, before: int) -> int:
    head, start = audit_chain.head_of(call, transaction), audit_chain.start_of(call, transaction)
    if start is None:
        raise _broken(call, "at its checkpoint")
    if head is None:
        return 0
    rows = transaction.all(audit_chain.rows(call, 0, head.sequence).limit(BATCH))
    old = list(takewhile(lambda row: row.occurred_at < before, rows))
    place = start
    for row in old:
        place = _next(call, place, row)
    if old:
        transaction.run(delete(_table).where(_mine(call), _table.c.sequence <= place.sequence))
        audit_chain.keep_start(call, transaction, place, len(old))
    return len(old)


def _next(call: Call, place: Place, row: Row[Any]) -> Place:
    """The place of a row that fits behind another one; a removal is not to hide what was tampered with."""
    if row.sequence <= place.sequence or audit_chain.fault(call, place.hash, row) is not None:
        raise _broken(call, f"at event {row.sequence}")
    return Place(row.sequence, row.hash)


def _broken(call: Call, where: str) -> Failure:
    message = f"The audit of {call.env.name} is broken {where}; none of it was removed from there on."
    return Failure("cli/unhealthy", message, hint="bkendctl audit verify")


def _mine(call: Call) -> Any:
    return _table.c.environment_id == call.environment_id
