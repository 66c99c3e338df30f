"""Enrolment of a second factor: begin, confirm, look, switch off, new backup codes."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET
from sqlalchemy import Row, delete, select, update

from bkendctl.contract import mfa as contract
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Empty
from bkendctl.core import attempts, mailbox, outbox, schema, second_factor, sessions, totp
from bkendctl.core.attempts import Proof
from bkendctl.core.call import Call
from bkendctl.core.clock import MINUTE, wire
from bkendctl.core.dispatch import handles
from bkendctl.core.randomness import new_backup_code

SETUP_MS = 10 * MINUTE
BACKUP_CODES = 10
_table = schema.mfa_enrolments
_codes = schema.backup_codes


@handles(contract.STATUS)
def status(call: Call, _request: Any) -> contract.MfaStatus:
    """Whether MFA is on, and how many backup codes are left."""
    enrolled = second_factor.enrolment(call, call.caller.id)
    return contract.MfaStatus(
        enabled=enrolled is not None,
        enrolled_at=wire(enrolled.confirmed_at) if enrolled is not None else None,
        backup_codes_remaining=second_factor.count_down(call, call.caller.id),
    )


def _prove(call: Call, request: Any) -> Proof:
    return attempts.prove_password(
        call, call.caller.email, request.password, refusal="auth/invalid-credentials"
    )


def _prove_one_set(call: Call, request: contract.Enable) -> Proof:
    attempts.require_password(call, call.caller.id)
    return _prove(call, request)


@handles(contract.ENABLE, before=_prove_one_set, hashes=True)
def enable(call: Call, _request: contract.Enable, proof: Proof) -> contract.MfaSetup:
    """Begin a set-up, in place of an unfinished one; nothing changes at sign-in before confirm."""
    user = call.caller
    call.about("user", user.id)
    attempts.accept(call, user.email, proof)
    if second_factor.enrolment(call, user.id) is not None:
        raise Failure("auth/mfa-already-enabled", keep=True)
    secret = totp.new_secret(call.core.randomness)
    codes = _new_codes(call)
    call.tx.run(delete(_table).where(_table.c.user_id == user.id))
    call.tx.insert(
        _table,
        {
            "user_id": user.id,
            "environment_id": call.environment_id,
            "secret": call.core.vault.seal(secret.encode(), f"mfa_enrolments/{user.id}/secret"),
            "pending_codes": call.core.vault.seal(msgspec.json.encode(codes), _pending_identity(user.id)),
            "begun_at": call.now,
            "last_step": 0,
        },
    )
    url = totp.otpauth_url(secret, user.email, call.env.project_name)
    return contract.MfaSetup(secret=secret, qr_code_url=url, backup_codes=codes)


@handles(contract.CONFIRM)
def confirm(call: Call, request: contract.Confirm) -> contract.BackupCodes:
    """Finish the set-up with a code; the backup codes count from now on, and the other sessions end."""
    user = call.caller
    call.about("user", user.id)
    begun = call.tx.first(select(_table).where(_table.c.user_id == user.id))
    if begun is None:
        raise Failure("auth/mfa-not-enabled")
    if begun.confirmed_at is not None:
        raise Failure("auth/mfa-already-enabled")
    if begun.begun_at + SETUP_MS < call.now:
        raise Failure("auth/mfa-setup-expired")
    method = second_factor.use_code(call, begun, request.code)
    opened = call.core.vault.open(begun.pending_codes, _pending_identity(user.id))
    codes = msgspec.json.decode(opened, type=list[str])
    mine = _table.c.user_id == user.id
    call.tx.run(update(_table).where(mine).values(confirmed_at=call.now, pending_codes=None))
    _store_codes(call, user.id, codes)
    _mark_session(call, method)
    # A session from before MFA must not outlive its start (P6); the calling one has just given a code.
    sessions.end_all(call, user.id, "mfa-enabled", but=call.session.id if call.session else None)
    _notify(call, user, "mfa_on")
    return contract.BackupCodes(backup_codes=codes)


@handles(contract.DISABLE, before=_prove, hashes=True)
def disable(call: Call, request: contract.Disable, proof: Proof) -> Empty:
    """Switch MFA off; the other sessions end."""
    user = call.caller
    _prove_both(call, request.code, proof)
    second_factor.remove(call, user.id)
    sessions.end_all(call, user.id, "mfa-disabled", but=call.session.id if call.session else None)
    _notify(call, user, "mfa_off")
    return Empty()


@handles(contract.REGENERATE_BACKUP_CODES, before=_prove, hashes=True)
def regenerate_backup_codes(
    call: Call, request: contract.RegenerateBackupCodes, proof: Proof
) -> contract.BackupCodes:
    """Ten new backup codes; the old ones stop."""
    _prove_both(call, request.code, proof)
    codes = _new_codes(call)
    _store_codes(call, call.caller.id, codes)
    return contract.BackupCodes(backup_codes=codes)


def _prove_both(call: Call, code: Any, proof: Proof) -> None:
    """Take the password's proof and ask for the second factor. auth/mfa-not-enabled while MFA is off."""
    user = call.caller
    call.about("user", user.id)
    attempts.accept(call, user.email, proof)
    enrolled = second_factor.enrolment(call, user.id)
    if enrolled is None:
        raise Failure("auth/mfa-not-enabled", keep=True)
    if code is UNSET:
        second_factor.require_fresh(call)
    else:
        _mark_session(call, second_factor.use_code(call, enrolled, code))


def _mark_session(call: Call, method: str) -> None:
    """Note what the calling session has proven, for later questions and for amr."""
    session = call.session
    if session is not None:
        table = schema.sessions
        amr = session.amr if method in session.amr else [*session.amr, method]
        proven = update(table).where(table.c.id == session.id)
        call.tx.run(proven.values(second_factor_at=call.now, amr=amr))


def _new_codes(call: Call) -> list[str]:
    codes: list[str] = []
    while len(codes) < BACKUP_CODES:
        code = new_backup_code(call.core.randomness)
        if code not in codes:
            codes.append(code)
    return codes


def _store_codes(call: Call, user_id: str, codes: list[str]) -> None:
    call.tx.run(delete(_codes).where(_codes.c.user_id == user_id))
    rows = [
        {
            "user_id": user_id,
            "code_hash": second_factor.backup_hash(call, user_id, code),
            "environment_id": call.environment_id,
            "used_at": None,
        }
        for code in codes
    ]
    call.tx.run(_codes.insert(), rows)


def _pending_identity(user_id: str) -> str:
    return f"mfa_enrolments/{user_id}/pending_codes"


def _notify(call: Call, user: Row[Any], change: str) -> None:
    outbox.send(call, "mfa_changed", user.email, mailbox.values_for(call, user, change=change))
