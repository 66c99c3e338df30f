"""Backup codes, and switching the second factor off."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import delete

from bkendctl.contract import accounts, mfa
from bkendctl.contract.accounts import TokenPair
from bkendctl.core import schema
from bkendctl.core.call import Source
from bkendctl.core.clock import MINUTE
from tests.conftest import PASSWORD, World, at_once
from tests.operations.test_mfa import LIMITED, WRONG_PASSWORD, amr, status, wrong_code


def disable(world: World, token: TokenPair, password: str = PASSWORD, **code: str) -> Any:
    """Switch MFA off."""
    return world.call(mfa.DISABLE, mfa.Disable(password=password, **code), token=token)


def regenerate(world: World, token: TokenPair, password: str = PASSWORD, **code: str) -> Any:
    """Ask for new backup codes."""
    request = mfa.RegenerateBackupCodes(password=password, **code)
    return world.call(mfa.REGENERATE_BACKUP_CODES, request, token=token)


# Backup codes


def test_a_backup_code_counts_once(world: World) -> None:
    """T042: used once, in either case of letters, it is gone; the others are left."""
    pair = world.sign_up()
    first, second, *_ = world.enrol(pair).backup_codes
    assert amr(world.sign_in(mfa_code=first)) == ["pwd", "backup"]
    assert status(world, pair).backup_codes_remaining == 9
    assert world.refusal(world.sign_in, mfa_code=first) == "auth/invalid-mfa-code"
    assert world.refusal(world.sign_in, mfa_code=first.upper()) == "auth/invalid-mfa-code"
    world.sign_in(mfa_code=second.upper())


def test_a_backup_code_counts_once_in_parallel(world: World) -> None:
    """T042: of 20 submissions at once one signs in."""
    code = world.enrol(world.sign_up()).backup_codes[0]
    outcomes = at_once(20, lambda number: world.sign_in(mfa_code=code, source=Source(f"203.0.113.{number}")))
    assert sum(not isinstance(outcome, str) for outcome in outcomes) == 1
    assert {outcome for outcome in outcomes if isinstance(outcome, str)} <= {"auth/invalid-mfa-code", LIMITED}


def test_backup_codes_are_one_s_own(world: World) -> None:
    """T042: another user's code is wrong, and stays good for its owner."""
    code = world.enrol(world.sign_up()).backup_codes[0]
    world.enrol(world.sign_up("bob@example.com"))
    assert world.refusal(world.sign_in, "bob@example.com", mfa_code=code) == "auth/invalid-mfa-code"
    world.sign_in(mfa_code=code)


@pytest.mark.parametrize("form", ["{} ", " {}", "{}\n", "{0:.4}-{0:.4}", "{0:.7}"])
def test_other_forms_of_codes_are_malformed(world: World, form: str) -> None:
    """T042: spaces, line breaks and hyphens are no part of a code."""
    code = world.enrol(world.sign_up()).backup_codes[0]
    assert world.refusal(world.sign_in, mfa_code=form.format(code)) == "common/invalid-parameters"


def test_no_backup_code_left(world: World) -> None:
    """Decision 45: once all are used sign-in says so; elsewhere the contract has no such code."""
    pair = world.sign_up()
    codes = world.enrol(pair).backup_codes
    for code in codes:
        world.sign_in(mfa_code=code)
    request = accounts.SignIn(email="alice@example.com", password=PASSWORD, mfa_code=codes[0])
    assert world.refused(accounts.SIGN_IN, request).code == "auth/mfa-backup-codes-exhausted"
    request = mfa.Disable(password=PASSWORD, code=codes[0])
    assert world.refused(mfa.DISABLE, request, token=pair).code == "auth/invalid-mfa-code"


def test_new_backup_codes_stop_the_old_ones(world: World) -> None:
    """Ten others, used or not before."""
    pair = world.sign_up()
    setup = world.enrol(pair)
    fresh = regenerate(world, pair).backup_codes
    assert len(set(fresh)) == 10
    assert set(fresh).isdisjoint(setup.backup_codes)
    assert world.refusal(world.sign_in, mfa_code=setup.backup_codes[0]) == "auth/invalid-mfa-code"
    world.sign_in(mfa_code=fresh[0])
    assert status(world, pair).backup_codes_remaining == 9


# Switching off


def test_disable_with_a_code_ends_the_other_sessions(world: World) -> None:
    """T041: password and code switch off; other sessions end, a notice is mailed, nothing is left."""
    pair = world.sign_up()
    setup = world.enrol(pair)
    other = world.sign_in(mfa_code=setup.backup_codes[0])
    world.clock.advance(6 * MINUTE)
    disable(world, pair, code=world.code(setup.secret))
    world.assert_dead(other)
    assert not world.me(pair).mfa_enabled
    assert (status(world, pair).enabled, status(world, pair).backup_codes_remaining) == (False, 0)
    assert len(world.mails("mfa_changed")) == 2
    assert amr(world.sign_in()) == ["pwd"]


@pytest.mark.parametrize("ask", [disable, regenerate])
@pytest.mark.parametrize(("waited", "taken"), [(5 * MINUTE, True), (5 * MINUTE + 1, False)])
def test_a_second_factor_stands_for_five_minutes(world: World, ask: Any, waited: int, taken: bool) -> None:
    """T041, decision 73: without a code only within 5 minutes of a second factor in this very session."""
    setup = world.enrol(world.sign_up())
    pair = world.sign_in(mfa_code=world.code(setup.secret))
    world.clock.advance(waited)
    if taken:
        ask(world, pair)
    else:
        assert world.refusal(ask, world, pair) == "auth/invalid-mfa-code"
        assert world.me(pair).mfa_enabled


@pytest.mark.parametrize("operation", [mfa.DISABLE, mfa.REGENERATE_BACKUP_CODES], ids=lambda it: it.name)
@pytest.mark.parametrize("state", ["off", "wrong password", "wrong code", "used code", "no password"])
def test_disable_and_regenerate_refusals(world: World, operation: Any, state: str) -> None:
    """Each refusal has a code that the contract lists, and changes nothing."""
    pair = world.sign_up()
    request = operation.request(password=PASSWORD)
    if state == "off":
        assert world.refused(operation, request, token=pair).code == "auth/mfa-not-enabled"
        return
    setup = world.enrol(pair)
    request.code = world.code(setup.secret)
    if state == "wrong password":
        request.password = WRONG_PASSWORD
    elif state == "wrong code":
        request.code = wrong_code(world, setup.secret)
    elif state == "used code":
        world.sign_in(mfa_code=request.code)
    else:
        with world.core.database.write() as transaction:
            transaction.run(delete(schema.passwords))
    by_password = state in ("wrong password", "no password")
    code = "auth/invalid-credentials" if by_password else "auth/invalid-mfa-code"
    assert world.refused(operation, request, token=pair).code == code
    assert status(world, pair).backup_codes_remaining == 10
