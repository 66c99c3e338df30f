"""All users of an environment one after the other, in constant memory, and their password hashes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec import UNSET
from sqlalchemy import Row, Select, select, tuple_

from bkendctl.contract.accounts import User
from bkendctl.contract.user_import import HashParameters
from bkendctl.contract.users import ExportUsers
from bkendctl.core import firebase_scrypt, schema, user_list
from bkendctl.core.call import Call
from bkendctl.core.crypto import Vault
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
            rows = call.tx.all(wanted if last is None else wanted.where(_after(last)), now=call.now)
            users = user_list.shown_to_admins(call, rows, include_accounts=request.include_accounts)
        yield from users
        if len(rows) < BATCH:
            return
        last = rows[-1]


def _wanted(call: Call, request: ExportUsers) -> Select[Any]:
    mine = _users.c.environment_id == call.environment_id
    status = None if request.status is UNSET else request.status
    found = select(_users).where(mine, *user_list.of_status(status))
    if request.role is not UNSET:
        found = found.where(_users.c.role == request.role)
    return found.order_by(_users.c.created_at, _users.c.id).limit(BATCH)


def _after(last: Row[Any]) -> Any:
    """Row values, because an OR of two comparisons would not be looked up in ix_users_created."""
    return tuple_(_users.c.created_at, _users.c.id) > tuple_(last.created_at, last.id)


def password_hashes(
    transaction: Transaction, vault: Callable[[], Vault], user_ids: Sequence[str]
) -> dict[str, tuple[str, HashParameters | None]]:
    """Hashes by user id as an import takes them; only for who holds the database: no operation gives them."""
    rows = transaction.all(
        select(_passwords.c.user_id, _passwords.c.hash).where(_passwords.c.user_id.in_(user_ids))
    )
    return {row.user_id: _unsealed(row.hash, vault) for row in rows}


def _unsealed(stored: str, vault: Callable[[], Vault]) -> tuple[str, HashParameters | None]:
    if not stored.startswith(firebase_scrypt.PREFIX):
        return stored, None
    return firebase_scrypt.to_parameters(firebase_scrypt.opened(stored, vault()))
