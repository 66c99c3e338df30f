"""Checking a second factor: a TOTP step or a backup code, each once, few tries. Enrolment is in mfa.py."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, delete, func, select, update

from bkendctl.contract.errors import Failure
from bkendctl.core import schema, totp
from bkendctl.core.call import Call
from bkendctl.core.clock import MINUTE
from bkendctl.core.throttle import SECOND_FACTOR, SECOND_FACTOR_DAY, Counter

FRESH_MS = 5 * MINUTE
"""How long a given second factor stands for the next question (decision 73)."""


def enrolment(call: Call, user_id: str) -> Row[Any] | None:
    """The confirmed enrolment of a user, None while MFA is off."""
    table = schema.mfa_enrolments
    return call.tx.first(select(table).where(table.c.user_id == user_id, table.c.confirmed_at.is_not(None)))


def enrol(call: Call, user_id: str, secret: str) -> None:
    """Switch MFA on with a secret that is known beforehand, in place of any other; without backup codes."""
    remove(call, user_id)
    sealed = call.core.vault.seal(secret.encode(), f"mfa_enrolments/{user_id}/secret")
    values = {"user_id": user_id, "environment_id": call.environment_id, "secret": sealed}
    now = {"begun_at": call.now, "confirmed_at": call.now}
    call.tx.insert(schema.mfa_enrolments, values | now | {"pending_codes": None, "last_step": 0})


def use_code(call: Call, enrolled: Row[Any], code: str) -> str:
    """Use up a code and give its method for amr: otp or backup.

    Failures: auth/too-many-login-attempts, auth/invalid-mfa-code, auth/mfa-backup-codes-exhausted where the
    operation declares it; each counted failure is kept.
    """
    counters = _counters(call, enrolled.user_id)
    for counter in counters:
        # Kept, so that the right password before it does not stay counted as undecided.
        counter.check(keep=True)
    failure = _use_totp(call, enrolled, code) if len(code) == 6 else _use_backup(call, enrolled.user_id, code)
    if failure is not None:
        for counter in counters:
            counter.add()
        is_declared = failure in call.operation.errors
        raise Failure(failure if is_declared else "auth/invalid-mfa-code", keep=True)
    counters[0].clear()
    return "otp" if len(code) == 6 else "backup"


def require_fresh(call: Call) -> None:
    """Ask for a code unless this session gave a second factor in the last 5 minutes (decision 73).

    auth/invalid-mfa-code.
    """
    given = call.session.second_factor_at if call.session is not None else None
    if given is None or call.now - given > FRESH_MS:
        raise Failure("auth/invalid-mfa-code", "A code of your app or a backup code is needed.", keep=True)


def backup_hash(call: Call, user_id: str, code: str) -> str:
    """Keyed hash of a backup code: 41 bits are too few for a plain one."""
    return call.core.vault.keyed_hash("backup-code", user_id, code.lower())


def open_secret(call: Call, enrolled: Row[Any]) -> str:
    """The TOTP secret in base32."""
    return call.core.vault.open(enrolled.secret, f"mfa_enrolments/{enrolled.user_id}/secret").decode()


def count_down(call: Call, user_id: str) -> int:
    """How many backup codes are left."""
    table = schema.backup_codes
    left = (
        select(func.count()).select_from(table).where(table.c.user_id == user_id, table.c.used_at.is_(None))
    )
    return int(call.tx.value(left))


def remove(call: Call, user_id: str) -> None:
    """Drop enrolment and backup codes of a user."""
    for table in (schema.mfa_enrolments, schema.backup_codes):
        call.tx.run(delete(table).where(table.c.user_id == user_id))


def _counters(call: Call, user_id: str) -> list[Counter]:
    return [
        Counter(call.tx, call.environment_id, limit, call.now, user_id)
        for limit in (SECOND_FACTOR, SECOND_FACTOR_DAY)
    ]


def _use_totp(call: Call, enrolled: Row[Any], code: str) -> str | None:
    step = totp.matching_step(open_secret(call, enrolled), code, call.now, enrolled.last_step)
    if step is None:
        return "auth/invalid-mfa-code"
    table = schema.mfa_enrolments
    newer = update(table).where(table.c.user_id == enrolled.user_id, table.c.last_step < step)
    return None if call.tx.run(newer.values(last_step=step)) else "auth/invalid-mfa-code"


def _use_backup(call: Call, user_id: str, code: str) -> str | None:
    table = schema.backup_codes
    mine = [table.c.user_id == user_id, table.c.used_at.is_(None)]
    wanted = table.c.code_hash == backup_hash(call, user_id, code)
    if call.tx.run(update(table).where(*mine, wanted).values(used_at=call.now)):
        return None
    return "auth/invalid-mfa-code" if count_down(call, user_id) else "auth/mfa-backup-codes-exhausted"
