"""How many users there are, by counts that triggers keep (ADR 0018)."""

from __future__ import annotations

from functools import cache
from typing import Any

from msgspec import UNSET, UnsetType
from sqlalchemy import Select, bindparam, func, select

from bkendctl.contract.fields import Role
from bkendctl.contract.users import StatusFilter
from bkendctl.core import schema
from bkendctl.core.call import Call

_users = schema.users
_counts = schema.user_counts


@cache
def _by_state(*, has_role: bool) -> Select[Any]:
    of_role = [_counts.c.role == bindparam("role")] if has_role else []
    wanted = (_counts.c.environment_id == bindparam("environment"), *of_role)
    number = func.sum(_counts.c.number).label("number")
    return select(_counts.c.state, number).where(*wanted).group_by(_counts.c.state)


@cache
def _running(*, has_role: bool) -> Select[Any]:
    """Bans with an end that is still to come: by ix_users_expiring, which holds no other bans."""
    of_role = [_users.c.role == bindparam("role")] if has_role else []
    return select(func.count()).where(
        _users.c.environment_id == bindparam("environment"),
        _users.c.banned_at.is_not(None),
        _users.c.banned_until > bindparam("now"),
        _users.c.deleted_at.is_(None),
        *of_role,
    )


def kept(call: Call, role: Role | UnsetType, status: StatusFilter | UnsetType) -> int:
    """Users with a role in a state, exactly; all but deleted ones where no state is named."""
    found = dict.fromkeys(("active", "banned", "expiring", "deleted"), 0)
    has_role = role is not UNSET
    given = {"environment": call.environment_id} | ({"role": role} if has_role else {})
    for row in call.tx.all(_by_state(has_role=has_role), **given):
        found[row.state] = int(row.number)
    if status == "all":
        return sum(found.values())
    if status == "deleted":
        return found["deleted"]
    if status is UNSET:
        return sum(found.values()) - found["deleted"]
    running = 0
    if found["expiring"]:
        running = int(call.tx.value(_running(has_role=has_role), **given, now=call.now))
    banned = found["banned"] + running
    return banned if status == "banned" else found["active"] + found["expiring"] - running
