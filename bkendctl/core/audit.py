"""Writes what happened, in the same transaction. Rows are chained later, so that writers never queue."""

from __future__ import annotations

from typing import Any

from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import RateClass
from bkendctl.core import schema
from bkendctl.core.audit_addresses import masked, without_addresses
from bkendctl.core.call import Actor, Call
from bkendctl.core.permissions import actor_of
from bkendctl.core.rate_limits import RateLimited
from bkendctl.core.transaction import Transaction


def is_recorded(call: Call, failure: Failure | None) -> bool:
    """Changes are recorded; of refusals those of sign-in and the like, and of callers without the right."""
    if call.environment is None or not call.operation.changes or isinstance(failure, RateLimited):
        return False
    if failure is None and call.operation.tries:
        return False
    return failure is None or call.operation.rate is RateClass.LOGIN or failure.keep or failure.status == 403


def record(call: Call, transaction: Transaction, failure: Failure | None) -> None:
    """Record the operation at hand."""
    if call.has_secret_key and call.user is not None:
        call.details.setdefault("onBehalfOf", call.user.id)
    witnesses = [call.environment_id] if call.witnesses is None or failure else call.witnesses
    for environment_id in witnesses:
        event(
            call,
            transaction,
            call.operation.name.replace("_", "-"),
            actor_of(call),
            error_code=failure.code if failure else None,
            environment_id=environment_id,
        )


def event(
    call: Call,
    transaction: Transaction,
    action: str,
    actor: Actor,
    *,
    error_code: str | None = None,
    environment_id: str | None = None,
) -> None:
    """Write one row about call.target, in the caller's environment or the one named.

    details never hold passwords, tokens, codes or keys, and no address of a user in clear.
    """
    kind, id_ = call.target or (None, None)
    values: dict[str, Any] = {
        "id": call.new_id(),
        "environment_id": environment_id or call.environment_id,
        "occurred_at": call.core.clock.now(),
        "action": action,
        "outcome": "failure" if error_code else "success",
        "error_code": error_code,
        "actor_type": actor.type,
        "actor_id": actor.id,
        "actor_label": masked(actor.label) if actor.type == "user" and actor.label else actor.label,
        "target_type": kind,
        "target_id": id_,
        "organization_id": call.organization_id,
        "ip_address": call.source.ip_address,
        "user_agent": call.user_agent,
        "request_id": call.source.request_id,
        "details": without_addresses(call.details),
    }
    transaction.insert(schema.audit_events, values)
