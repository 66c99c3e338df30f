"""The second factor: set-up, codes used once, few tries, and no way round it."""

from __future__ import annotations

from typing import Any

import jwt
import pytest

from bkendctl.contract import mfa, users
from bkendctl.contract.accounts import TokenPair
from bkendctl.core.call import Source
from bkendctl.core.clock import DAY, MINUTE, SECOND
from tests.conftest import PASSWORD, World, at_once

STEP = 30 * SECOND
WRONG_PASSWORD = "Batt3ry-staple!"
LIMITED = "auth/too-many-login-attempts"


def enable(world: World, token: TokenPair, password: str = PASSWORD) -> mfa.MfaSetup:
    """Begin a set-up."""
    return world.call(mfa.ENABLE, mfa.Enable(password=password), token=token)  # type: ignore[no-any-return]


def confirm(world: World, token: TokenPair, code: str) -> mfa.BackupCodes:
    """Finish a set-up."""
    return world.call(mfa.CONFIRM, mfa.Confirm(code=code), token=token)  # type: ignore[no-any-return]


def status(world: World, token: TokenPair) -> mfa.MfaStatus:
    """Own MFA state."""
    return world.call(mfa.STATUS, token=token)  # type: ignore[no-any-return]


def wrong_code(world: World, secret: str) -> str:
    """A code of no step near now."""
    near = {world.code(secret, steps) for steps in range(-3, 4)}
    return next(code for code in (f"{number:06}" for number in range(10)) if code not in near)


def amr(pair: TokenPair) -> list[str]:
    """The methods that an access token says were proven."""
    claims = jwt.decode(pair.access_token, options={"verify_signature": False})
    return claims["amr"]  # type: ignore[no-any-return]


# Set-up


def test_enable_changes_nothing_before_confirm(world: World) -> None:
    """A set-up gives secret, URL and ten codes; sign-in stays as it is until it is confirmed."""
    pair = world.sign_up()
    setup = enable(world, pair)
    assert setup.qr_code_url.startswith("otpauth://totp/")
    assert f"secret={setup.secret}" in setup.qr_code_url
    assert len(set(setup.backup_codes)) == 10
    assert all(len(code) == 8 and code.isalnum() and code == code.lower() for code in setup.backup_codes)
    assert (status(world, pair).enabled, status(world, pair).backup_codes_remaining) == (False, 0)
    world.sign_in()
    world.sign_in(mfa_code=setup.backup_codes[0])  # not asked for, so neither checked nor used up


def test_confirm_switches_on_and_ends_the_other_sessions(world: World) -> None:
    """T047: other sessions end, the calling one stays and has proven otp; a notice is mailed."""
    pair, other = world.sign_up(), world.sign_in()
    setup = enable(world, pair)
    codes = confirm(world, pair, world.code(setup.secret)).backup_codes
    assert codes == setup.backup_codes
    world.assert_dead(other)
    now = status(world, pair)
    assert (now.enabled, now.enrolled_at is not None, now.backup_codes_remaining) == (True, True, 10)
    assert world.me(pair).mfa_enabled
    assert amr(world.refresh(pair)) == ["pwd", "otp"]
    assert len(world.mails("mfa_changed")) == 1


def test_enable_twice_replaces_the_secret(world: World) -> None:
    """T039: only the newest set-up can be confirmed; once MFA is on neither step works."""
    pair = world.sign_up()
    first, second = enable(world, pair), enable(world, pair)
    assert world.refusal(confirm, world, pair, world.code(first.secret)) == "auth/invalid-mfa-code"
    assert confirm(world, pair, world.code(second.secret)).backup_codes == second.backup_codes
    assert world.refusal(enable, world, pair) == "auth/mfa-already-enabled"
    world.clock.advance(STEP)
    assert world.refusal(confirm, world, pair, world.code(second.secret)) == "auth/mfa-already-enabled"


def test_enable_needs_the_password(world: World) -> None:
    """A stolen session cannot begin a set-up; five wrong passwords lock, also for sign-in from there."""
    pair = world.sign_up()
    for _ in range(5):
        assert world.refusal(enable, world, pair, WRONG_PASSWORD) == "auth/invalid-credentials"
    request = mfa.Enable(password=PASSWORD)
    assert world.refused(mfa.ENABLE, request, token=pair).code == "auth/account-locked"
    assert world.refusal(world.sign_in) == "auth/account-locked"
    world.me(world.refresh(pair))


def test_confirm_without_or_after_a_set_up(world: World) -> None:
    """T039: without a set-up, and more than 10 minutes after it, there is nothing to confirm."""
    pair = world.sign_up()
    assert world.refused(mfa.CONFIRM, mfa.Confirm(code="000000"), token=pair).code == "auth/mfa-not-enabled"
    setup = enable(world, pair)
    world.clock.advance(10 * MINUTE + 1)
    assert world.refusal(confirm, world, pair, world.code(setup.secret)) == "auth/mfa-setup-expired"
    setup = enable(world, pair)
    world.clock.advance(10 * MINUTE)
    confirm(world, pair, world.code(setup.secret))


def test_confirm_cannot_be_guessed(world: World) -> None:
    """T039: after five wrong codes even the right one has to wait 15 minutes."""
    pair = world.sign_up()
    setup = enable(world, pair)
    wrong = wrong_code(world, setup.secret)
    for _ in range(5):
        assert world.refusal(confirm, world, pair, wrong) == "auth/invalid-mfa-code"
    failure = world.refused(mfa.CONFIRM, mfa.Confirm(code=world.code(setup.secret)), token=pair)
    assert (failure.code, failure.retry_after) == (LIMITED, 900)
    assert not status(world, pair).enabled


@pytest.mark.parametrize(
    "code", ["12345", "1234567", "12345a", "123456\n", "\uff11\uff12\uff13\uff14\uff15\uff16", "", "abcd1234"]
)
def test_confirm_takes_six_digits_alone(world: World, code: str) -> None:
    """P5: everything else, a backup code's form included, is malformed."""
    pair = world.sign_up()
    enable(world, pair)
    assert world.refused(mfa.CONFIRM, mfa.Confirm(code=code), token=pair).code == "common/invalid-parameters"


# Codes


def test_a_code_counts_once(world: World) -> None:
    """T032: the code that confirmed does not sign in, and one that signed in does not do so again."""
    pair = world.sign_up()
    setup = enable(world, pair)
    code = world.code(setup.secret)
    confirm(world, pair, code)
    assert world.refusal(world.sign_in, mfa_code=code) == "auth/invalid-mfa-code"
    world.clock.advance(STEP)
    code = world.code(setup.secret)
    assert amr(world.sign_in(mfa_code=code)) == ["pwd", "otp"]
    assert world.refusal(world.sign_in, mfa_code=code) == "auth/invalid-mfa-code"


def test_a_code_counts_once_in_parallel(world: World) -> None:
    """T032: of 22 submissions at once, from as many sources, one signs in."""
    setup = world.enrol(world.sign_up())
    code = world.code(setup.secret)
    outcomes = at_once(22, lambda number: world.sign_in(mfa_code=code, source=Source(f"203.0.113.{number}")))
    assert sum(not isinstance(outcome, str) for outcome in outcomes) == 1
    assert set(map(str, outcomes)) >= {"auth/invalid-mfa-code"}
    assert {outcome for outcome in outcomes if isinstance(outcome, str)} <= {"auth/invalid-mfa-code", LIMITED}


def test_steps_rise_strictly(world: World) -> None:
    """T034: after the code of one step neither an older step's nor its own is taken, in any order."""
    setup = world.enrol(world.sign_up())
    world.clock.advance(2 * STEP)
    present, before = world.code(setup.secret), world.code(setup.secret, -1)
    world.sign_in(mfa_code=present)
    for code in (before, present, before):
        assert world.refusal(world.sign_in, mfa_code=code) == "auth/invalid-mfa-code"


@pytest.mark.parametrize(("steps", "taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_window_is_one_step_to_either_side(world: World, steps: int, taken: bool) -> None:
    """T035: the steps before and after the present one count, those beyond do not."""
    setup = world.enrol(world.sign_up())
    world.clock.advance(5 * STEP)
    code = world.code(setup.secret, steps)
    if taken:
        world.sign_in(mfa_code=code)
    else:
        assert world.refusal(world.sign_in, mfa_code=code) == "auth/invalid-mfa-code"


def test_wrong_codes_are_counted_per_account(world: World) -> None:
    """T036: five wrong codes in 15 minutes, from whatever source and session; then even a right one waits.

    The password is right all the while, so sign-in as such is not locked, also by tries during the wait.
    """
    pair = world.sign_up()
    setup = world.enrol(pair)
    wrong = wrong_code(world, setup.secret)
    for number in range(5):
        source = Source(f"203.0.113.{number}")
        assert world.refusal(world.sign_in, mfa_code=wrong, source=source) == "auth/invalid-mfa-code"
    for _ in range(6):
        assert world.refusal(world.sign_in, mfa_code=world.code(setup.secret)) == LIMITED
    assert world.refusal(world.sign_in) == "auth/mfa-required"
    world.me(world.refresh(pair))
    world.clock.advance(15 * MINUTE - 1)
    assert world.refusal(world.sign_in, mfa_code=world.code(setup.secret)) == LIMITED
    world.clock.advance(1)
    world.sign_in(mfa_code=world.code(setup.secret))


def test_fifty_wrong_codes_a_day(world: World) -> None:
    """P2: a right code clears the 15 minutes but not the day: after 50 wrong ones the account waits a day."""
    setup = world.enrol(world.sign_up())
    wrong = wrong_code(world, setup.secret)
    for number in range(50):
        if number % 4 == 0:
            world.sign_in(mfa_code=world.code(setup.secret))
            world.clock.advance(STEP)
            wrong = wrong_code(world, setup.secret)
        assert world.refusal(world.sign_in, mfa_code=wrong) == "auth/invalid-mfa-code"
    world.clock.advance(DAY - 1)
    assert world.refusal(world.sign_in, mfa_code=world.code(setup.secret)) == LIMITED
    world.clock.advance(1)
    world.sign_in(mfa_code=world.code(setup.secret))


# No way round


def test_a_refresh_brings_no_second_factor(world: World) -> None:
    """T047: a session from before MFA is gone with all its tokens; the calling one alone goes on."""
    old = world.sign_up()
    new = world.sign_in()
    refreshed = world.refresh(old)
    world.enrol(new)
    world.assert_dead(refreshed)
    assert world.refusal(world.refresh, old) == "auth/invalid-refresh-token"
    world.me(world.refresh(new))


def test_a_reset_by_an_admin_leaves_no_session(world: World) -> None:
    """P3: after an admin's reset every session has ended and the password alone signs in."""
    pair = world.sign_up()
    world.enrol(pair)
    user_id = world.me(pair).id
    world.call(users.RESET_MFA, users.UserId(user_id=user_id), key="sk")
    world.assert_dead(pair)
    world.sign_in()


@pytest.mark.parametrize(
    "operation",
    [mfa.STATUS, mfa.ENABLE, mfa.CONFIRM, mfa.DISABLE, mfa.REGENERATE_BACKUP_CODES],
    ids=lambda it: it.name,
)
def test_a_secret_key_has_no_second_factor(world: World, operation: Any) -> None:
    """What is one's own needs a user, which is checked before the request is read."""
    filled = {"code": "000000"} if operation is mfa.CONFIRM else {"password": PASSWORD}
    request = operation.request(**({} if operation is mfa.STATUS else filled))
    assert world.refused(operation, request, key="sk").code == "auth/unauthorized"
