"""Proving a password under the lock of x-lock: only so many wrong ones are evaluated, also in parallel.

Each attempt is counted before its hash is computed and taken back when the password was right.
"""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import bindparam, delete, select, update

from bkendctl.contract.errors import Failure
from bkendctl.core import schema
from bkendctl.core.call import Call
from bkendctl.core.clock import DAY, MINUTE
from bkendctl.core.crypto import fingerprint
from bkendctl.core.throttle import Counter, Limit, forget
from bkendctl.core.transaction import Transaction

PER_SOURCE = "lock"
PER_ACCOUNT = "lock-account"
ACCOUNT_FAILURES = 100
KNOWN_SOURCE_MS = 30 * DAY


class Proof(Struct, frozen=True):
    """A password that was right. hash: what it was checked against, set at changed_at; fresh_hash: set when
    that hash is outdated; refusal: the code for when the proof does not hold any more."""

    user_id: str
    hash: str
    changed_at: int
    fresh_hash: str | None
    refusal: str


def prove_password(call: Call, email: str, password: str, *, refusal: str) -> Proof:
    """Check the password of an address, known or not, outside any transaction.

    Failures: auth/account-locked, auth/too-many-login-attempts, and refusal when it is wrong.
    """
    with call.core.hasher.slot() as hasher:
        with call.core.database.read() as transaction:
            # Asked for every address: what is done for one alone would tell it apart.
            decoy = call.core.decoys.kind_for(
                transaction, call.core.vault, call.core.clock.now(), call.environment_id, email
            )
        with call.core.database.write(call.environment_id) as transaction:
            found = _find(transaction, call, email)
            _check_locks(transaction, call, email)
        matched = hasher.matches(found.hash if found else None, password, decoy=decoy)
        if matched and found is not None:
            fresh = hasher.hash(password) if hasher.is_outdated(found.hash) else None
            return Proof(found.user_id, found.hash, found.changed_at, fresh, refusal)
    with call.core.database.write(call.environment_id) as transaction:
        _per_source(transaction, call, email).settle(failed=True)
        _per_account(transaction, call, email).add()
    raise Failure(refusal)


def require_password(call: Call, user_id: str) -> None:
    """auth/password-not-set for a user who signs in by other means only; outside any transaction."""
    table = schema.passwords
    with call.core.database.read() as transaction:
        found = transaction.first(select(table.c.user_id).where(table.c.user_id == user_id))
    if found is None:
        raise Failure("auth/password-not-set")


def accept(call: Call, email: str, proof: Proof) -> None:
    """Take the counted attempt back, in the transaction that acts on the proof.

    The proof's refusal when the password changed or the user was deleted in between. A hash that a parallel
    sign-in renewed is of the same password, so the time of the change decides and not the hash.
    """
    _per_source(call.tx, call, email).settle(failed=False)
    found = _find(call.tx, call, email)
    if found is None or (found.user_id, found.changed_at) != (proof.user_id, proof.changed_at):
        raise Failure(proof.refusal, keep=True)
    if proof.fresh_hash is not None:
        table = schema.passwords
        outdated = (table.c.user_id == proof.user_id, table.c.hash == proof.hash)
        call.tx.run(update(table).where(*outdated).values(hash=proof.fresh_hash, kind=None))


def end_row(call: Call, email: str) -> None:
    """A sign-in ends the account's row of failures."""
    _per_account(call.tx, call, email).clear()


def lift_locks(call: Call, email: str) -> None:
    """Forget failures of an address from every source; for a reset (decision 47)."""
    forget(call.tx, call.environment_id, PER_SOURCE, email)
    forget(call.tx, call.environment_id, PER_ACCOUNT, email)


def remember_source(call: Call, user_id: str) -> None:
    """Note that this source signed in to the account."""
    identity = {"user_id": user_id, "source_hash": _source(call)}
    if not call.tx.update(_known, {"last_sign_in_at": call.now}, **identity):
        values = identity | {"environment_id": call.environment_id, "last_sign_in_at": call.now}
        call.tx.insert(_known, values)
    call.tx.change(_FORGET, {"user": user_id, "before": call.now - KNOWN_SOURCE_MS})


# Built once: each sign-in runs them.
_users, _passwords, _known = schema.users, schema.passwords, schema.known_sources
_HERE = (_users.c.environment_id == bindparam("environment"), _users.c.email == bindparam("email"))
_PASSWORD_OF = (
    select(_users.c.id, _passwords.c.hash, _passwords.c.changed_at)
    .join(_passwords, _passwords.c.user_id == _users.c.id)
    .where(*_HERE, _users.c.deleted_at.is_(None))
)
_KNOWN = (
    select(_known.c.user_id)
    .join(_users, _users.c.id == _known.c.user_id)
    .where(
        *_HERE, _known.c.source_hash == bindparam("source"), _known.c.last_sign_in_at >= bindparam("since")
    )
)
_FORGET = delete(_known).where(
    _known.c.user_id == bindparam("user"), _known.c.last_sign_in_at < bindparam("before")
)


class _Found(Struct, frozen=True):
    user_id: str
    hash: str
    changed_at: int


def _find(transaction: Transaction, call: Call, email: str) -> _Found | None:
    row = transaction.first(_PASSWORD_OF, environment=call.environment_id, email=email)
    return _Found(row.id, row.hash, row.changed_at) if row is not None else None


def _check_locks(transaction: Transaction, call: Call, email: str) -> None:
    counter = _per_source(transaction, call, email)
    counter.check()
    if not _is_known_source(transaction, call, email):
        _per_account(transaction, call, email).check()
    counter.add(settled=False)


def _is_known_source(transaction: Transaction, call: Call, email: str) -> bool:
    known = {"source": _source(call), "since": call.now - KNOWN_SOURCE_MS}
    return transaction.first(_KNOWN, environment=call.environment_id, email=email, **known) is not None


def _source(call: Call) -> str:
    return fingerprint(call.source.network)


def _per_source(transaction: Transaction, call: Call, email: str) -> Counter:
    lockout = call.settings_by(transaction).email.lockout
    limit = Limit(
        PER_SOURCE,
        lockout.max_failures,
        lockout.window_minutes * MINUTE,
        lockout.lock_minutes * MINUTE,
        "auth/account-locked",
    )
    return Counter(transaction, call.environment_id, limit, call.now, email, _source(call))


def _per_account(transaction: Transaction, call: Call, email: str) -> Counter:
    lockout = call.settings_by(transaction).email.lockout
    limit = Limit(
        PER_ACCOUNT,
        ACCOUNT_FAILURES,
        KNOWN_SOURCE_MS,
        lockout.lock_minutes * MINUTE,
        "auth/account-locked",
    )
    return Counter(transaction, call.environment_id, limit, call.now, email)
