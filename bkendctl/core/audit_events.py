"""Reading what happened, and whether the record is whole: the chain itself is in audit_chain.py."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET
from sqlalchemy import Row, and_, select

from bkendctl.contract import audit_events as contract
from bkendctl.contract.errors import Failure
from bkendctl.core import audit_chain, schema
from bkendctl.core.audit_addresses import Known
from bkendctl.core.call import Call
from bkendctl.core.clock import instant_of, wire
from bkendctl.core.dispatch import handles

_table = schema.audit_events


@handles(contract.LIST)
def list_events(call: Call, request: contract.ListEvents) -> contract.AuditEventPage:
    """Events, newest first."""
    wanted = [_table.c.environment_id == call.environment_id, *_filters(request)]
    if request.cursor is not UNSET:
        wanted.append(_table.c.sequence < _sequence_of(str(request.cursor)))
    newest_first = select(_table).where(*wanted).order_by(_table.c.sequence.desc())
    rows = call.tx.all(newest_first.limit(request.limit + 1))
    more, rows = len(rows) > request.limit, rows[: request.limit]
    known = Known(call.tx, rows)
    return contract.AuditEventPage(
        items=[_shown(row, known) for row in rows], next_cursor=str(rows[-1].sequence) if more else None
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


def _seal(call: Call, _request: Any) -> None:
    audit_chain.seal_all(call)


@handles(contract.VERIFY, before=_seal)
def verify(call: Call, _request: Any, _sealed: None) -> contract.AuditVerification:
    """Walk the chain and name the first event that was altered, removed or inserted."""
    head = audit_chain.head_of(call, call.tx)
    sequence, reason = audit_chain.first_bad(call, call.tx)
    return contract.AuditVerification(
        state="intact" if reason is None else "broken",
        first_bad_sequence=sequence,
        first_bad_reason=reason,
        sealed_sequence=head.sequence if head is not None else None,
        sealed_hash=head.hash if head is not None else None,
        unsealed_count=audit_chain.count_behind(call, call.tx, head),
    )


def _shown(row: Row[Any], known: Known) -> contract.AuditEvent:
    target = None if row.target_type is None else contract.Target(type=row.target_type, id=row.target_id)
    return contract.AuditEvent(
        id=row.id,
        sequence=row.sequence,
        hash=row.hash,
        occurred_at=wire(row.occurred_at),
        action=row.action,
        outcome=row.outcome,
        error_code=row.error_code,
        actor=contract.Actor(
            type=row.actor_type, id=row.actor_id, label=known.whole(row.actor_id, row.actor_label)
        ),
        target=target,
        organization_id=row.organization_id,
        ip_address=row.ip_address,
        user_agent=row.user_agent,
        request_id=row.request_id,
        details=known.details(row),
    )
