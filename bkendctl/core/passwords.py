"""Passwords: Argon2id, and what others made; the environment's policy, and the list of common ones."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import NamedTuple

from bkendctl.contract.errors import Failure
from bkendctl.core import firebase_scrypt, foreign_hashes
from bkendctl.core.crypto import Vault
from bkendctl.core.settings import PasswordPolicy


class Cost(NamedTuple):
    """What one hash takes: memory in KiB, passes over it, lanes beside each other."""

    memory_kib: int
    passes: int
    lanes: int


# OWASP Password Storage Cheat Sheet: Argon2id with at least 19 MiB, two passes, one lane; 20 ms measured.
COST = Cost(memory_kib=19_456, passes=2, lanes=1)


def is_own(hashed: str) -> bool:
    """Whether a hash is as those that are made here."""
    return hashed.startswith(_OWN)


_OWN = f"$argon2id$v=19$m={COST.memory_kib},t={COST.passes},p={COST.lanes}$"

PATIENCE_SECONDS = 1.5
"""How long one waits for a core before the load is shed (an answer within 2 s is promised)."""


def usable_cores() -> int:
    """Cores that this process may run on, which a container or taskset may have bounded."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_slots = threading.BoundedSemaphore(usable_cores())


class Hasher:
    """Hashes with Argon2id and checks whatever is stored. Only within slot(): at most one hash per core runs.

    vault: asked for where a hash is kept with a sealed part, as Firebase's are.
    """

    def __init__(
        self,
        *,
        cost: Cost = COST,
        patience_seconds: float = PATIENCE_SECONDS,
        vault: Callable[[], Vault] | None = None,
    ) -> None:
        from argon2 import PasswordHasher

        self._argon2 = PasswordHasher(
            time_cost=cost.passes, memory_cost=cost.memory_kib, parallelism=cost.lanes
        )
        self._cost = cost
        self._patience = patience_seconds
        self._vault = vault
        self._decoy: str | None = None

    @contextmanager
    def slot(self) -> Iterator[Hasher]:
        """Wait for a free core; common/unavailable when none is free for too long."""
        if not _slots.acquire(timeout=self._patience):
            raise Failure("common/unavailable", "Too many passwords are being checked.", retry_after=1)
        try:
            yield self
        finally:
            _slots.release()

    def hash(self, password: str) -> str:
        """Give the PHC string of a password, exactly as it was typed."""
        return self._argon2.hash(password)

    def matches(self, hashed: str | None, password: str, *, decoy: str | None = None) -> bool:
        """Check a password; without a hash a decoy is checked, so that both take the same time.

        decoy: the kind of hash to take for one (decoys.py); None for ours.
        """
        if hashed is not None:
            return self._is(hashed, password)
        if decoy is not None:
            foreign_hashes.decoy(decoy).matches(password)
            return False
        if self._decoy is None:
            self._decoy = _decoy(self._cost)
        self._is(self._decoy, password)
        return False

    def _is(self, hashed: str, password: str) -> bool:
        """What is damaged refuses every password."""
        from argon2.exceptions import InvalidHashError, VerificationError

        try:
            if hashed.startswith("$argon2"):
                return self._argon2.verify(hashed, password)
            if self._vault is not None and hashed.startswith(firebase_scrypt.PREFIX):
                return firebase_scrypt.opened(hashed, self._vault()).matches(password)
            return foreign_hashes.read(hashed).matches(password)
        except (VerificationError, InvalidHashError, foreign_hashes.Unusable):
            return False

    def is_outdated(self, hashed: str) -> bool:
        """Whether a hash is weaker than those made now, or made in another way."""
        return not hashed.startswith("$argon2") or self._argon2.check_needs_rehash(hashed)


def _decoy(cost: Cost) -> str:
    """A PHC string of a cost that no password matches, made without hashing."""
    from base64 import b64encode

    salt, tag = (b64encode(os.urandom(size)).rstrip(b"=").decode() for size in (16, 32))
    return f"$argon2id$v=19$m={cost.memory_kib},t={cost.passes},p={cost.lanes}${salt}${tag}"


def require_acceptable(
    password: str, policy: PasswordPolicy, *, field: str, personal: tuple[str, ...]
) -> None:
    """Refuse what breaks the policy, is common, or is the user's own or the project's name.

    Failures: auth/invalid-password-format with every reason under field, auth/weak-password.
    """
    rules = rules_of(policy)
    reasons = [_REASONS[name].format(rules[name]) for name in broken_rules(password, policy)]
    if reasons:
        raise Failure("auth/invalid-password-format", details={field: reasons})
    folded = password.casefold()
    if folded in {name.casefold() for name in personal}:
        raise Failure("auth/weak-password", "The password is a name that others know.")
    if policy.reject_leaked and folded in _common():
        raise Failure("auth/weak-password")


def rules_of(policy: PasswordPolicy) -> dict[str, int]:
    """The rules in force by their names in the policy, each with its number."""
    rules = {"min_length": policy.min_length, "max_length": policy.max_length}
    return rules | {name: 1 for name in _KINDS if getattr(policy, name)}


def broken_rules(password: str, policy: PasswordPolicy) -> list[str]:
    """The names of the rules that a password breaks."""
    broken = ["min_length"] if len(password) < policy.min_length else []
    broken += ["max_length"] if len(password) > policy.max_length else []
    return broken + [
        name for name in rules_of(policy) if name in _KINDS and not any(map(_KINDS[name], password))
    ]


def _is_special(character: str) -> bool:
    return not character.isalnum()


_KINDS = {
    "require_uppercase": str.isupper,
    "require_lowercase": str.islower,
    "require_numbers": str.isdigit,
    "require_special_chars": _is_special,
}
_REASONS = {
    "min_length": "must have at least {} characters",
    "max_length": "must have at most {} characters",
    "require_uppercase": "must have an upper-case letter",
    "require_lowercase": "must have a lower-case letter",
    "require_numbers": "must have a digit",
    "require_special_chars": "must have a special character",
}


@cache
def _common() -> frozenset[str]:
    """The 30,000 commonest passwords, from zxcvbn's frequency lists."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return frozenset(FREQUENCY_LISTS["passwords"])
