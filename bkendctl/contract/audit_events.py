"""What happened in an environment, in order, and whether the record is whole."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType, field

from bkendctl.contract.fields import Instant, Timestamp, Uuid
from bkendctl.contract.operation import Access, Body, Empty, Operation


class Actor(Body, kw_only=True):
    """local: somebody with the database and the master key. label: e-mail or key name at that time."""

    type: Literal["user", "api-key", "anonymous", "system", "local"]
    id: str | None
    label: str | None


class Target(Body, kw_only=True):
    """What an event is about."""

    type: str
    id: str


class AuditEvent(Body, kw_only=True):
    """One event. hash: over this event and the hash before it, null while unsealed; occurredAt: real time."""

    id: str
    sequence: int
    hash: str | None
    occurred_at: Timestamp
    action: str
    outcome: Literal["success", "failure"]
    error_code: str | None
    actor: Actor
    target: Target | None
    organization_id: str | None
    ip_address: str | None
    user_agent: str | None
    request_id: str | None
    details: dict[str, Any]


class AuditEventPage(Body, kw_only=True):
    """One page, newest first; nextCursor is null at the end."""

    items: list[AuditEvent]
    next_cursor: str | None


class ListEvents(Body, kw_only=True):
    """Filters. action: exact, or a prefix ending in .*; from (at or after) and to (before) are real time."""

    cursor: (
        Annotated[str, Meta(max_length=512, description="the nextCursor of the page before")] | UnsetType
    ) = UNSET
    limit: Annotated[int, Meta(ge=1, le=200, description="a whole number from 1 to 200")] = 50
    action: (
        Annotated[str, Meta(max_length=100, description="an action such as users.ban, or users.*")]
        | UnsetType
    ) = UNSET
    outcome: Literal["success", "failure"] | UnsetType = UNSET
    actor_id: Uuid | UnsetType = UNSET
    target_id: Annotated[str, Meta(max_length=128, description="an id")] | UnsetType = UNSET
    from_: Instant | UnsetType = field(default=UNSET, name="from")
    to: Instant | UnsetType = UNSET


class AuditVerification(Body, kw_only=True):
    """State of the chain: the first event that does not fit and why, the last sealed, how many are not."""

    state: Literal["intact", "broken"]
    first_bad_sequence: int | None
    first_bad_reason: Literal["altered", "removed", "inserted"] | None
    sealed_sequence: int | None
    sealed_hash: str | None
    unsealed_count: int


LIST = Operation(
    name="audit_events.list",
    operation_id="list_audit_events",
    method="GET",
    path="/v1/audit-events",
    summary="What happened, newest first",
    access=Access.ADMIN,
    scope="audit-events:list",
    request=ListEvents,
    response=AuditEventPage,
    extension=True,
)

VERIFY = Operation(
    name="audit_events.verify",
    operation_id="verify_audit_events",
    method="GET",
    path="/v1/audit-events/verification",
    summary="State of the hash chain",
    access=Access.ADMIN,
    scope="audit-events:read",
    request=Empty,
    response=AuditVerification,
    extension=True,
)
