"""Addresses in the audit: masked as they are written, whole again while they are a user's (ADR 0022).

An event is never changed, as the chain is sealed over it; so no address may be in it that has to go one day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, bindparam, select

from bkendctl.core import schema
from bkendctl.core.transaction import Transaction

_users = schema.users
_BY_ID = select(_users.c.id, _users.c.email).where(_users.c.id.in_(bindparam("ids", expanding=True)))


def masked(address: str) -> str:
    """What is kept of an address: its first character and its domain."""
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}***{at}{domain}" if at else address


def without_addresses(details: Mapping[str, Any]) -> dict[str, Any]:
    """Details with every `email` masked, at any depth; a name may be a path that ends in it."""
    return {name: _kept(name, value) for name, value in details.items()}


def _kept(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return without_addresses(value)
    is_address = name.rpartition(".")[2] == "email"
    return masked(value) if is_address and isinstance(value, str) else value


class Known:
    """Addresses of users who are still there, deleted ones within their 30 days included."""

    def __init__(self, transaction: Transaction, rows: Sequence[Row[Any]]) -> None:
        ids = {row.actor_id for row in rows if row.actor_type == "user"}
        ids |= {row.target_id for row in rows if row.target_type == "user"}
        ids.discard(None)
        found = transaction.all(_BY_ID, ids=sorted(ids)) if ids else ()
        self._addresses = {row.id: row.email for row in found}

    def whole(self, user_id: str | None, kept: str | None) -> str | None:
        """The address that is masked, if it still is this user's; else as it was kept."""
        address = self._addresses.get(user_id or "")
        return address if address is not None and kept == masked(address) else kept

    def details(self, row: Row[Any]) -> dict[str, Any]:
        """An event's details, with the address of the user it is about."""
        details: dict[str, Any] = row.details
        if row.target_type != "user" or "email" not in details:
            return details
        return details | {"email": self.whole(row.target_id, details["email"])}
