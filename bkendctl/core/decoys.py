"""Which kind of hash is computed for an address without a password, so that time tells nothing (P1).

A hash brought from elsewhere takes its own time. So addresses without one are spread over the kinds in the
proportions in which users have them: each always the same, until the proportions move. What is slow may then
be an imported user or nobody, as likely as anywhere (docs/adr/0016).
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import NamedTuple

from sqlalchemy import bindparam, func, select

from bkendctl.core import schema
from bkendctl.core.clock import MINUTE
from bkendctl.core.crypto import Vault
from bkendctl.core.transaction import Transaction

RENEWED_MS = MINUTE
"""How long counts stand: a million take some 50 ms to count, and none takes nothing."""

_table = schema.passwords
_HERE = _table.c.environment_id == bindparam("environment")
_FOREIGN = (
    select(_table.c.kind, func.count().label("users"))
    .where(_HERE, _table.c.kind.is_not(None))
    .group_by(_table.c.kind)
    .order_by(_table.c.kind)
)
_ALL = select(func.count()).select_from(_table).where(_HERE)
_SPAN = 1 << 64


class _Shares(NamedTuple):
    """ends: where in the span each kind ends; beyond the last are hashes of ours."""

    until: int
    kinds: list[str]
    ends: list[int]


class Decoys:
    """Of one process. Counts are read anew every so often, for each environment."""

    def __init__(self) -> None:
        self._known: dict[str, _Shares] = {}

    def kind_for(
        self, transaction: Transaction, vault: Vault, now: int, environment_id: str, email: str
    ) -> str | None:
        """The kind that an address would have; None for ours. now: in real time."""
        shares = self._known.get(environment_id)
        if shares is None or not 0 <= shares.until - now <= RENEWED_MS:
            shares = self._known[environment_id] = _count(transaction, now, environment_id)
        if not shares.kinds:
            return None
        place = int(vault.keyed_hash("decoy", environment_id, email)[:16], 16)
        index = bisect_right(shares.ends, place)
        return shares.kinds[index] if index < len(shares.kinds) else None

    def forget(self, environment_id: str) -> None:
        """Count anew at the next sign-in: many hashes have come."""
        self._known.pop(environment_id, None)


def _count(transaction: Transaction, now: int, environment_id: str) -> _Shares:
    rows = transaction.all(_FOREIGN, environment=environment_id)
    total = int(transaction.value(_ALL, environment=environment_id)) if rows else 1
    ends = [_SPAN * users // total for users in accumulate(int(row.users) for row in rows)]
    return _Shares(now + RENEWED_MS, [str(row.kind) for row in rows], ends)
