"""The clock of a dev environment."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from bkendctl.contract import accounts, dev_clock, sessions
from bkendctl.contract.errors import Failure
from bkendctl.core import schema
from bkendctl.core.clock import SECOND
from tests.conftest import World

HOUR = 3600


def move(world: World, seconds: int) -> dev_clock.DevClock:
    """Set the offset as an admin."""
    request = dev_clock.SetClock(offset_seconds=seconds)
    return world.call(dev_clock.SET, request, key="sk")  # type: ignore[no-any-return]


def test_moving_the_clock_on_expires_access_tokens_and_refreshing_goes_on(world: World) -> None:
    """An hour later the access token has expired; the refresh token gives a pair that is good by then."""
    pair = world.sign_up()
    assert move(world, HOUR).offset_seconds == HOUR
    assert world.refused(accounts.GET_ME, token=pair).code == "auth/token-expired"
    fresh = world.call(sessions.REFRESH, sessions.Refresh(refresh_token=pair.refresh_token))
    assert world.me(fresh).email == "alice@example.com"


def test_the_time_shown_is_real_time_plus_the_offset(world: World) -> None:
    """now and offsetSeconds agree."""
    move(world, -60)
    shown = world.call(dev_clock.SHOW, key="sk")
    assert (shown.offset_seconds, shown.now) == (-60, "2027-01-15T07:59:00.000Z")


def test_totp_codes_follow_the_moved_clock(world: World) -> None:
    """A code of the moved time signs in, one of real time does not."""
    setup = world.enrol(world.sign_up())
    move(world, HOUR)
    real, moved = world.code(setup.secret), world.code(setup.secret, steps_ahead=HOUR // 30)
    with pytest.raises(Failure, match="auth/invalid-mfa-code"):
        world.sign_in(mfa_code=real)
    assert world.sign_in(mfa_code=moved)


def test_moving_back_ends_sessions_and_clears_steps_and_locks(world: World) -> None:
    """What was used or counted at a time that comes again does not count then (decision 139)."""
    setup = world.enrol(world.sign_up())
    move(world, HOUR)
    pair = world.sign_in(mfa_code=world.code(setup.secret, steps_ahead=HOUR // 30))
    for _ in range(5):
        with pytest.raises(Failure):
            world.sign_in(password="wrong")
    move(world, 0)
    assert world.refused(accounts.GET_ME, token=pair).code == "auth/invalid-token"
    code = world.code(setup.secret)
    assert world.sign_in(mfa_code=code)


def test_locks_end_when_the_clock_moves_on(world: World) -> None:
    """Fifteen minutes of lock pass in a moment."""
    world.sign_up()
    for _ in range(5):
        with pytest.raises(Failure, match="auth/invalid-credentials"):
            world.sign_in(password="wrong")
    with pytest.raises(Failure, match="auth/account-locked"):
        world.sign_in()
    move(world, 15 * 60)
    assert world.sign_in()


def test_the_clock_cannot_be_moved_outside_dev(world: World) -> None:
    """Other environments answer 404, to admins and to others alike."""
    token = world.sign_up()
    environments = schema.environments
    with world.core.database.write() as transaction:
        transaction.run(update(environments).values(type="prod"))
    assert (
        world.refused(dev_clock.SET, dev_clock.SetClock(offset_seconds=60), key="sk").code
        == "common/not-found"
    )
    assert world.refused(dev_clock.SHOW, token=token).code == "common/not-found"


@pytest.mark.parametrize("offset", [dev_clock.TEN_YEARS + 1, -dev_clock.TEN_YEARS - 1])
def test_an_offset_beyond_ten_years_is_refused(world: World, offset: int) -> None:
    """The field is named."""
    refusal = world.refused(dev_clock.SET, dev_clock.SetClock(offset_seconds=offset), key="sk")
    assert list(refusal.details or {}) == ["offsetSeconds"]


def test_the_audit_keeps_real_time(world: World) -> None:
    """A row written under a moved clock bears the real time, and says from where to where it was moved."""
    move(world, HOUR)
    events = schema.audit_events
    with world.core.database.read() as transaction:
        row = transaction.first(events.select().where(events.c.action == "dev-clock.set"))
    assert row is not None
    assert row.occurred_at == world.clock.now()
    assert row.details["before"] == {"offsetSeconds": 0}
    assert row.details["after"] == {"offsetSeconds": HOUR}
    assert world.clock.now() % SECOND == 0
