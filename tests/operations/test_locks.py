"""The lock of x-lock as its users meet it: who is locked out, for how long, and who is not."""

from __future__ import annotations

from typing import Any

import pytest

from bkendctl.contract import accounts, mfa
from bkendctl.core.attempts import ACCOUNT_FAILURES
from bkendctl.core.call import Source
from bkendctl.core.clock import DAY, MINUTE
from tests.conftest import PASSWORD, World, at_once

WRONG = "Batt3ry-staple!"
ALICE = "alice@example.com"
UNKNOWN = "nobody@example.com"
REFUSED = "auth/invalid-credentials"
LOCKED = "auth/account-locked"
HOME, OFFICE = Source("198.51.100.7"), Source("198.51.100.8")


def attackers(count: int) -> list[Source]:
    """As many sources."""
    return [Source(f"203.0.113.{number}") for number in range(count)]


def fail(world: World, times: int = 1, email: str = ALICE, source: Source | None = None) -> None:
    """Sign in with a wrong password, each time evaluated."""
    for _ in range(times):
        assert world.refusal(world.sign_in, email, WRONG, source=source) == REFUSED


@pytest.mark.parametrize("email", [ALICE, UNKNOWN])
def test_five_failures_lock_for_a_quarter_of_an_hour(world: World, email: str) -> None:
    """Known or not, the sixth attempt is refused unevaluated, to the millisecond for 15 minutes."""
    world.sign_up()
    fail(world, 5, email)
    request = accounts.SignIn(email=email, password=PASSWORD)
    failure = world.refused(accounts.SIGN_IN, request)
    assert (failure.code, failure.retry_after) == (LOCKED, 900)
    world.clock.advance(15 * MINUTE - 1)
    assert world.refused(accounts.SIGN_IN, request).retry_after == 1
    world.clock.advance(1)
    fail(world, 4, email)
    assert world.refusal(world.sign_in, UNKNOWN) == REFUSED


def test_the_window_slides(world: World) -> None:
    """Any 15 minutes with five failures lock, not only those that begin with the first one."""
    world.sign_up()
    fail(world)
    world.clock.advance(14 * MINUTE)
    fail(world, 3)
    world.clock.advance(MINUTE)
    fail(world, 2)
    assert world.refusal(world.sign_in) == LOCKED


def test_failures_far_apart_do_not_lock(world: World) -> None:
    """Four failures in every quarter of an hour go on for ever."""
    world.sign_up()
    for _ in range(3):
        fail(world, 4)
        world.clock.advance(15 * MINUTE)
    world.sign_in()


def test_a_success_takes_no_failure_back(world: World) -> None:
    """Decision 145: a right password in between neither counts nor forgets."""
    world.sign_up()
    fail(world, 3)
    for _ in range(6):
        world.sign_in()
    fail(world, 2)
    assert world.refusal(world.sign_in) == LOCKED


def test_parallel_guesses_are_evaluated_five_times(world: World) -> None:
    """T010: of 40 parallel wrong passwords five are evaluated; the right one is refused afterwards."""
    world.sign_up()
    outcomes = at_once(40, lambda _: world.sign_in(password=WRONG))
    assert outcomes.count(REFUSED) == 5
    assert set(outcomes) <= {REFUSED, LOCKED, "auth/too-many-login-attempts"}
    assert world.refusal(world.sign_in) == LOCKED


def test_parallel_right_passwords_do_not_lock(world: World) -> None:
    """Undecided attempts may have to wait, but right passwords lead to no lock, also beside a wrong one."""
    world.sign_up()
    outcomes = at_once(12, lambda number: world.sign_in(password=WRONG if number == 5 else PASSWORD))
    assert {outcome for outcome in outcomes if isinstance(outcome, str)} <= {
        REFUSED,
        LOCKED,
        "auth/too-many-login-attempts",
    }
    world.sign_in()


def test_a_lock_binds_one_source_and_one_address(world: World) -> None:
    """T013: other sources and, from the same source, other addresses are not locked."""
    world.sign_up()
    world.sign_up("bob@example.com")
    (attacker,) = attackers(1)
    fail(world, 5, source=attacker)
    assert world.refusal(world.sign_in, source=attacker) == LOCKED
    world.sign_in("bob@example.com", source=attacker)
    world.sign_in(source=HOME)


def test_a_lock_ends_no_session(world: World) -> None:
    """P2: an attack neither ends a session nor blocks a refresh."""
    pair = world.sign_up()
    fail(world, 5)
    world.me(pair)
    world.me(world.refresh(pair))


def test_a_hundred_failures_lock_unknown_sources(world: World) -> None:
    """T012: from many sources a hundred failures in a row lock the account, but not for a source it knows.

    A source is known for 30 days after its last sign-in.
    """
    world.sign_up()
    world.sign_in(source=OFFICE)
    world.clock.advance(DAY)
    world.sign_in(source=HOME)
    world.clock.advance(29 * DAY)
    for source in attackers(ACCOUNT_FAILURES // 4):
        fail(world, 4, source=source)
    world.clock.advance(1)
    for source in (Source("192.0.2.1"), OFFICE):
        assert world.refusal(world.sign_in, source=source) == LOCKED
    world.sign_in(source=HOME)
    world.sign_in(source=OFFICE)  # the success from home ended the row


@pytest.mark.slow
def test_a_hundred_failures_are_counted_for_unknown_addresses_alike(world: World) -> None:
    """An account lock tells nothing about whether there is an account, and ends after 15 minutes."""
    world.sign_up()
    for email in (ALICE, UNKNOWN):
        for source in attackers(ACCOUNT_FAILURES // 4):
            fail(world, 4, email, source)
    requests = [accounts.SignIn(email=email, password=WRONG) for email in (ALICE, UNKNOWN)]
    stranger = Source("192.0.2.1")
    first, second = (world.refused(accounts.SIGN_IN, request, source=stranger) for request in requests)
    assert (first.code, first.body(), first.retry_after) == (LOCKED, second.body(), second.retry_after)
    world.clock.advance(15 * MINUTE)
    world.sign_in(source=stranger)


def test_settings_of_the_lock(world: World) -> None:
    """The figures are settings."""
    world.configure("email", lockout={"maxFailures": 3, "windowMinutes": 1, "lockMinutes": 60})
    world.sign_up()
    fail(world, 2)
    world.clock.advance(MINUTE)
    fail(world, 3)
    world.clock.advance(59 * MINUTE)
    assert world.refusal(world.sign_in) == LOCKED
    world.clock.advance(MINUTE)
    world.sign_in()


@pytest.mark.parametrize(
    ("operation", "request_", "refused"),
    [
        (
            accounts.CHANGE_PASSWORD,
            accounts.ChangePassword(current_password=WRONG, new_password="An0ther-one!"),
            "auth/invalid-password",
        ),
        (mfa.ENABLE, mfa.Enable(password=WRONG), REFUSED),
        (mfa.DISABLE, mfa.Disable(password=WRONG), REFUSED),
        (mfa.REGENERATE_BACKUP_CODES, mfa.RegenerateBackupCodes(password=WRONG), REFUSED),
    ],
    ids=lambda it: getattr(it, "name", ""),
)
def test_every_question_for_a_password_counts(
    world: World, operation: Any, request_: Any, refused: str
) -> None:
    """A stolen session cannot be used to guess the password: all who ask for it share the lock."""
    pair = world.sign_up()
    fail(world, 2)
    for _ in range(3):
        assert world.refused(operation, request_, token=pair).code == refused
    assert world.refused(operation, request_, token=pair).code == LOCKED
    assert world.refusal(world.sign_in) == LOCKED
