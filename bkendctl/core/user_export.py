"""All users of an environment one after the other, in constant memory, and their password hashes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import UNSET
from sqlalchemy import Row, Select, select, tuple_

from bkendctl.contract.accounts import User
from bkendctl.contract.users import ExportUsers
from bkendctl.core import schema, user_list
from bkendctl.core.call import Call
from bkendctl.core.transaction import Transaction

BATCH = 500
"""Users read at a time: about 1 MiB in memory."""
_users = schema.users
_passwords = schema.passwords


def every(call: Call, request: ExportUsers) -> Iterator[User]:
    """Users, oldest first, as admins see them.

    Each batch is a transaction of its own: one for all would keep SQLite's log growing as long as the
    slowest reader takes. So who is made or changed meanwhile may be in it or not, and nobody is twice.
    """
    wanted = _wanted(call, request)
    last: Row[Any] | None = None
    while True:
        with call.reading():
            rows = call.tx.all(wanted if last is None else wanted.where(_after(last)))
            users = user_list.shown_to_admins(call, rows, include_accounts=request.include_accounts)
        yield from users
        if len(rows) < BATCH:
            return
        last = rows[-1]


def _wanted(call: Call, request: ExportUsers) -> Select[Any]:
    mine = _users.c.environment_id == call.environment_id
    found = select(_users).where(mine, *user_list.of_status(call, request.status))
    if request.role is not UNSET:
        found = found.where(_users.c.role == request.role)
    return found.order_by(_users.c.created_at, _users.c.id).limit(BATCH)


def _after(last: Row[Any]) -> Any:
    """Row values, because an OR of two comparisons would not be looked up in ix_users_created."""
    return tuple_(_users.c.created_at, _users.c.id) > tuple_(last.created_at, last.id)


def password_hashes(transaction: Transaction, user_ids: Sequence[str]) -> dict[str, str]:
    """PHC strings by user id; only for who holds the database anyway: no operation gives them."""
    rows = transaction.all(
        select(_passwords.c.user_id, _passwords.c.hash).where(_passwords.c.user_id.in_(user_ids))
    )
    return {row.user_id: row.hash for row in rows}
