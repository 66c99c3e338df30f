"""Counts attempts in windows and locks after too many (x-lock), and requests for rate_limits.py.

Keys are hashed: no address is kept.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from sqlalchemy import and_, bindparam, delete, select, update

from bkendctl.contract.errors import Failure
from bkendctl.core import schema
from bkendctl.core.clock import DAY, MINUTE
from bkendctl.core.crypto import fingerprint
from bkendctl.core.transaction import Transaction

_SWEEP = 20
_KEY_LENGTH = 64
_table = schema.throttles


def _bound(identity: dict[str, str]) -> dict[str, str]:
    """The parameters of a statement about one counter."""
    return {f"of_{name}": value for name, value in identity.items()}


# Built once: each sign-in reads and changes several counters.
_MINE = [_table.c[name] == bindparam(f"of_{name}") for name in ("environment_id", "kind", "key")]
_ATTEMPTS = select(_table).where(*_MINE)
_REQUESTS = select(_table.c.requests, _table.c.expires_at).where(*_MINE)
_CHANGE = update(_table).where(*_MINE)
_FORGET = delete(_table).where(*_MINE)
_STALE = and_(_MINE[0], _table.c.expires_at <= bindparam("at"))
_EXPIRED = delete(_table).where(_table.c.key.in_(select(_table.c.key).where(_STALE).limit(_SWEEP)), _STALE)


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
    """One counter of an environment, inside a write transaction. parts: the first is whom it is about."""

    def __init__(
        self, transaction: Transaction, environment_id: str, limit: Limit, now: int, *parts: str
    ) -> None:
        self._transaction = transaction
        self._limit = limit
        self._now = now
        self._identity = {"environment_id": environment_id, "kind": limit.kind, "key": _key(parts)}
        row = transaction.first(_ATTEMPTS, **_bound(self._identity))
        self._is_stored = row is not None
        running = row is not None and row.expires_at > now
        self._locked_until: int | None = row.locked_until if row is not None and running else None
        counted = row.attempts if row is not None and running else []
        # A lock stands for the attempts that led to it; without one only the window counts.
        oldest = 0 if self._locked_until is not None else now - limit.window_ms
        self._attempts = [instant for instant in counted if instant > oldest]

    @property
    def count(self) -> int:
        """Attempts counted in the window that ends now."""
        return len(self._attempts)

    def check(self, *, keep: bool = False) -> None:
        """Refuse with the limit's code while locked; ask to wait a second while undecided ones fill it.

        keep: commit what the operation wrote before it was refused.
        """
        if self._locked_until is not None:
            wait = -(-(self._locked_until - self._now) // 1000)
            raise Failure(self._limit.code, retry_after=max(1, wait), keep=keep)
        if self.count >= self._limit.most:
            raise Failure("auth/too-many-login-attempts", retry_after=1, keep=keep)

    def add(self, *, settled: bool = True) -> None:
        """Count one more attempt; a settled one locks when it is the last allowed."""
        self._attempts.append(self._now)
        if settled:
            self._lock_if_full()
        self._store()

    def settle(self, *, failed: bool) -> None:
        """Turn an attempt counted beforehand, at this call's instant, into a failure, or take it back.

        Undecided attempts fill a counter like failures. Where one of them turns out right, the lock came too
        early and is lifted: after a lock none begins, so it was under way before.
        """
        if self._now not in self._attempts:
            return
        if failed:
            self._lock_if_full()
        else:
            self._attempts.remove(self._now)
            self._locked_until = None
        self._store()

    def clear(self) -> None:
        """Forget every attempt and the lock."""
        self._attempts, self._locked_until = [], None
        self._store()

    def _lock_if_full(self) -> None:
        if self.count >= self._limit.most:
            self._locked_until = self._now + self._limit.lock_ms

    def _store(self) -> None:
        if not self._attempts:
            self._transaction.change(_FORGET, _bound(self._identity))
            self._is_stored = False
            return
        values = {
            "attempts": self._attempts,
            "requests": 0,
            "locked_until": self._locked_until,
            "expires_at": self._locked_until or max(self._attempts) + self._limit.window_ms,
        }
        if self._is_stored:
            self._transaction.change(_CHANGE, values | _bound(self._identity))
            return
        _sweep(self._transaction, self._identity["environment_id"], self._now)
        self._transaction.insert(_table, self._identity | values)
        self._is_stored = True


class Window:
    """Counts the requests of a window that begins with the first of them; inside a write transaction."""

    def __init__(
        self, transaction: Transaction, environment_id: str, kind: str, now: int, window_ms: int, *parts: str
    ) -> None:
        self._transaction = transaction
        self._identity = {"environment_id": environment_id, "kind": kind, "key": _key(parts)}
        self._now = now
        row = transaction.first(_REQUESTS, **_bound(self._identity))
        self._is_stored = row is not None
        # An end further off than a window was set before the window was made shorter.
        running = row is not None and now < row.expires_at <= now + window_ms
        self.requests = row.requests if row is not None and running else 0
        self.ends_at = row.expires_at if row is not None and running else now + window_ms

    def add(self) -> None:
        """Count one more request."""
        self.requests += 1
        values = {"requests": self.requests, "expires_at": self.ends_at}
        if self._is_stored:
            self._transaction.change(_CHANGE, values | _bound(self._identity))
            return
        _sweep(self._transaction, self._identity["environment_id"], self._now)
        unlocked: dict[str, Any] = {"attempts": [], "locked_until": None}
        self._transaction.insert(_table, self._identity | values | unlocked)


def _sweep(transaction: Transaction, environment_id: str, now: int) -> None:
    """Drop a few expired counters of the environment for each new one, so the table stays bounded."""
    transaction.change(_EXPIRED, {"of_environment_id": environment_id, "at": now})


def forget(transaction: Transaction, environment_id: str, kind: str, whom: str) -> None:
    """Drop the counters of a kind about somebody, whatever their further parts."""
    start = fingerprint(whom)[: _KEY_LENGTH // 2]
    # Keys are hexadecimal, so all that begin like this sort before "g".
    same = (_table.c.key >= start, _table.c.key < start + "g")
    transaction.run(
        delete(_table).where(_table.c.environment_id == environment_id, _table.c.kind == kind, *same)
    )


def _key(parts: tuple[str, ...]) -> str:
    """Hash each part by itself, whom it is about first: 128 bits or more of each."""
    return "".join(fingerprint(part)[: _KEY_LENGTH // len(parts)] for part in parts)
