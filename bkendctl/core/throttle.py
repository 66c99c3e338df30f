"""Counts attempts in windows and locks after too many (x-lock). Keys are hashed: no address is kept."""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import delete, select, update

from bkendctl.contract.errors import Failure
from bkendctl.core import schema
from bkendctl.core.clock import DAY, MINUTE
from bkendctl.core.crypto import fingerprint
from bkendctl.core.database import Transaction

_SWEEP = 20


class Limit(Struct, frozen=True):
    """At most `most` attempts within `window_ms`; reaching it locks for `lock_ms`."""

    kind: str
    most: int
    window_ms: int
    lock_ms: int
    code: str


# Decision 145: wrong TOTP and backup codes have their own counters, per account.
SECOND_FACTOR = Limit("mfa", 5, 15 * MINUTE, 15 * MINUTE, "auth/too-many-login-attempts")
SECOND_FACTOR_DAY = Limit("mfa-day", 50, DAY, DAY, "auth/too-many-login-attempts")


class Counter:
    """One counter of an environment, inside a write transaction."""

    def __init__(
        self, transaction: Transaction, environment_id: str, limit: Limit, now: int, *parts: str
    ) -> None:
        self._transaction = transaction
        self._limit = limit
        self._now = now
        self._identity = {
            "environment_id": environment_id,
            "kind": limit.kind,
            "key": fingerprint("\0".join(parts)),
        }
        table = schema.throttles
        self._where = [table.c[name] == value for name, value in self._identity.items()]
        self._row = transaction.first(select(table).where(*self._where))
        if self._row is not None and self._row.expires_at <= now:
            transaction.run(delete(table).where(*self._where))
            self._row = None

    @property
    def count(self) -> int:
        """Attempts counted in the running window."""
        return int(self._row.attempts) if self._row is not None else 0

    def check(self) -> None:
        """Refuse with the limit's code while locked; ask to wait a second while undecided ones fill it."""
        if self._row is None:
            return
        if self._row.locked_until is not None:
            wait = -(-(self._row.locked_until - self._now) // 1000)
            raise Failure(self._limit.code, retry_after=max(1, wait))
        if self.count >= self._limit.most:
            raise Failure("auth/too-many-login-attempts", retry_after=1)

    def add(self, *, settled: bool = True) -> None:
        """Count one more attempt; a settled one locks when it is the last allowed."""
        table = schema.throttles
        count = self.count + 1
        if self._row is None:
            self._sweep()
            values = {
                "attempts": count,
                "started_at": self._now,
                "locked_until": None,
                "expires_at": self._now + self._limit.window_ms,
            }
            self._transaction.run(table.insert().values(self._identity | values))
        else:
            self._transaction.run(update(table).where(*self._where).values(attempts=count))
        if settled:
            self._lock_if_full(count)
        self._reload()

    def settle(self, *, failed: bool) -> None:
        """Turn an attempt counted beforehand into a failure, or take it back."""
        if not failed and self.count > 0:
            table = schema.throttles
            self._transaction.run(update(table).where(*self._where).values(attempts=self.count - 1))
        elif failed:
            self._lock_if_full(self.count)
        self._reload()

    def clear(self) -> None:
        """Forget every attempt and the lock."""
        self._transaction.run(delete(schema.throttles).where(*self._where))
        self._row = None

    def _lock_if_full(self, count: int) -> None:
        if count >= self._limit.most:
            until = self._now + self._limit.lock_ms
            self._transaction.run(
                update(schema.throttles).where(*self._where).values(locked_until=until, expires_at=until)
            )

    def _reload(self) -> None:
        self._row = self._transaction.first(select(schema.throttles).where(*self._where))

    def _sweep(self) -> None:
        """Drop a few expired counters for each new one, so that the table stays bounded."""
        table = schema.throttles
        stale = select(table.c.key).where(table.c.expires_at <= self._now).limit(_SWEEP)
        self._transaction.run(delete(table).where(table.c.key.in_(stale), table.c.expires_at <= self._now))
