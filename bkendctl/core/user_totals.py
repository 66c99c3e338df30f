"""How many users there are: counts that triggers keep (ADR 0018), and how far all else is counted."""

from __future__ import annotations

from msgspec import UNSET, UnsetType
from sqlalchemy import Select, func, select

from bkendctl.contract.fields import Role
from bkendctl.contract.users import StatusFilter
from bkendctl.core import schema
from bkendctl.core.call import Call

MOST_COUNTED = 10_000
"""Where counting what is not kept stops (decision 126)."""
_users = schema.users
_counts = schema.user_counts


def kept(call: Call, role: Role | UnsetType, status: StatusFilter | UnsetType) -> int:
    """Users with a role in a state, exactly; all but deleted ones where no state is named."""
    found = dict.fromkeys(("active", "banned", "expiring", "deleted"), 0)
    statement = select(_counts.c.state, func.sum(_counts.c.number).label("number")).where(
        _counts.c.environment_id == call.environment_id
    )
    if role is not UNSET:
        statement = statement.where(_counts.c.role == role)
    for row in call.tx.all(statement.group_by(_counts.c.state)):
        found[row.state] = int(row.number)
    if status == "all":
        return sum(found.values())
    if status == "deleted":
        return found["deleted"]
    if status is UNSET:
        return sum(found.values()) - found["deleted"]
    running = _running(call, role) if found["expiring"] else 0
    banned = found["banned"] + running
    return banned if status == "banned" else found["active"] + found["expiring"] - running


def _running(call: Call, role: Role | UnsetType) -> int:
    """Bans with an end that is still to come: by ix_users_expiring, which holds no other bans."""
    wanted = select(func.count()).where(
        _users.c.environment_id == call.environment_id,
        _users.c.banned_at.is_not(None),
        _users.c.banned_until > call.now,
        _users.c.deleted_at.is_(None),
    )
    return int(call.tx.value(wanted if role is UNSET else wanted.where(_users.c.role == role)))


def capped(call: Call, found: Select[tuple[str]]) -> tuple[int, bool]:
    """Count rows, giving up beyond MOST_COUNTED; and whether that is exact."""
    total = int(call.tx.value(select(func.count()).select_from(found.limit(MOST_COUNTED + 1).subquery())))
    return min(total, MOST_COUNTED), total <= MOST_COUNTED
