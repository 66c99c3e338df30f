"""Moving the clock of a dev environment. Audit, outbox retries and backups keep real time."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select, update

from bkendctl.contract import dev_clock as contract
from bkendctl.core import schema, sessions
from bkendctl.core.call import Call
from bkendctl.core.clock import SECOND, wire
from bkendctl.core.dispatch import handles

_environments = schema.environments


@handles(contract.SHOW)
def show(call: Call, _request: Any) -> contract.DevClock:
    """How far the clock is off, and what time it shows."""
    return _shown(call, call.env.clock_offset_ms)


@handles(contract.SET)
def set_clock(call: Call, request: contract.SetClock) -> contract.DevClock:
    """Move the clock. Back: ends all sessions and clears TOTP steps, locks and counters (decision 139)."""
    before, after = call.env.clock_offset_ms, request.offset_seconds * SECOND
    call.about(
        "environment",
        call.environment_id,
        before={"offsetSeconds": before // SECOND},
        after={"offsetSeconds": request.offset_seconds},
    )
    mine = _environments.c.id == call.environment_id
    call.tx.run(update(_environments).where(mine).values(clock_offset_ms=after))
    if after < before:
        _forget_the_future(call)
    return _shown(call, after)


def _forget_the_future(call: Call) -> None:
    """What was counted or issued at times that are to come again must not count twice."""
    live = select(schema.sessions.c.user_id).where(
        schema.sessions.c.environment_id == call.environment_id, schema.sessions.c.ended_at.is_(None)
    )
    for row in call.tx.all(live.distinct()):
        sessions.end_all(call, row.user_id, "clock-moved-back")
    enrolments, throttles = schema.mfa_enrolments, schema.throttles
    call.tx.run(
        update(enrolments).where(enrolments.c.environment_id == call.environment_id).values(last_step=0)
    )
    call.tx.run(delete(throttles).where(throttles.c.environment_id == call.environment_id))


def _shown(call: Call, offset_ms: int) -> contract.DevClock:
    now = call.core.clock.now() + offset_ms
    return contract.DevClock(offset_seconds=offset_ms // SECOND, now=wire(now))
