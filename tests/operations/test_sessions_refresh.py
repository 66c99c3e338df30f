"""Refreshing: rotation, reuse, lost replies, and what is no reuse."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from bkendctl.contract import accounts, sessions, users
from bkendctl.core import schema
from bkendctl.core.clock import DAY, HOUR, SECOND
from tests.conftest import World, at_once

WEEK = 7 * DAY
KEY = "saved-before-sending"


# Rotation


def test_refresh_gives_a_new_pair_of_the_same_session(world: World) -> None:
    """Both tokens are new, the session is the same, and the former access token lives out its time."""
    first = world.sign_up()
    second = world.refresh(first)
    assert {first.access_token, first.refresh_token}.isdisjoint({second.access_token, second.refresh_token})
    assert second.refresh_token.startswith("rt_")
    assert len(second.refresh_token) >= 46
    assert (second.token_type, second.expires_in) == ("Bearer", 3600)
    assert world.sessions(second)[0].id == world.sessions(first)[0].id
    assert len(world.sessions(second)) == 1


def test_refresh_many_times_in_a_row(world: World) -> None:
    """A session goes on as long as it is refreshed."""
    pair = world.sign_up()
    for _ in range(20):
        world.clock.advance(6 * DAY)
        pair = world.refresh(pair)
    assert world.me(pair).email == "alice@example.com"


def test_refresh_ends_a_week_after_the_last_one(world: World) -> None:
    """Each rotation starts refreshTokenSeconds anew; then the session has expired, and nothing else ends."""
    pair = world.sign_up()
    world.clock.advance(WEEK - 1)
    pair = world.refresh(pair)
    world.clock.advance(WEEK - 1)
    pair, other = world.refresh(pair), world.sign_in()
    world.clock.advance(WEEK - 1)
    other = world.refresh(other)
    world.clock.advance(1)
    assert world.refusal(world.refresh, pair) == "auth/session-expired"
    world.me(other)


def test_refresh_stops_at_the_session_s_absolute_end(world: World) -> None:
    """With sessionAbsoluteDays no rotation reaches beyond so many days after the sign-in."""
    world.configure("sessions", sessionAbsoluteDays=10)
    pair = world.sign_up()
    world.clock.advance(6 * DAY)
    pair = world.refresh(pair)
    assert world.sessions(pair)[0].expires_at[:10] == "2027-01-25"  # the test's clock starts on the 15th
    world.clock.advance(4 * DAY - 1)
    pair = world.refresh(pair)
    world.me(pair)
    world.clock.advance(1)
    assert world.refusal(world.me, pair) == "auth/invalid-token"
    assert world.refusal(world.refresh, pair) == "auth/session-expired"


def test_an_absolute_end_set_later_binds_older_sessions(world: World) -> None:
    """A session older than sessionAbsoluteDays is not refreshed, also when the setting came after it."""
    pair = world.sign_up()
    world.clock.advance(3 * DAY)
    pair = world.refresh(pair)
    world.configure("sessions", sessionAbsoluteDays=2)
    assert world.refusal(world.refresh, pair) == "auth/session-expired"


def test_lifetimes_follow_the_settings(world: World) -> None:
    """accessTokenSeconds is what expiresIn says, and what the token lives."""
    world.configure("sessions", accessTokenSeconds=60)
    pair = world.sign_up()
    assert pair.expires_in == 60
    world.clock.advance(60 * SECOND - 1)
    world.me(pair)
    world.clock.advance(1)
    assert world.refusal(world.me, pair) == "auth/token-expired"
    assert world.refresh(pair).expires_in == 60


def test_refresh_carries_a_changed_role(world: World) -> None:
    """The role in the new token is the present one."""
    import jwt

    pair = world.sign_up()
    user_id = world.me(pair).id
    world.call(users.SET_ROLE, users.SetRole(user_id=user_id, role="admin"), key="sk")
    access = world.refresh(pair).access_token
    assert jwt.decode(access, options={"verify_signature": False})["role"] == "admin"


def test_an_access_token_outlives_no_hour(world: World) -> None:
    """An access token lives 3600 s to the second."""
    pair = world.sign_up()
    world.clock.advance(HOUR - 1)
    world.me(pair)
    world.clock.advance(1)
    assert world.refusal(world.me, pair) == "auth/token-expired"


# Reuse and races


def test_reuse_ends_every_session_of_the_user(world: World) -> None:
    """T051: a token used before, even at the same instant, ends all own sessions; a notice is mailed."""
    first, elsewhere = world.sign_up(), world.sign_in()
    stranger = world.sign_up("bob@example.com")
    second = world.refresh(first)
    assert world.refusal(world.refresh, first) == "auth/invalid-refresh-token"
    world.assert_dead(second, elsewhere)
    assert len(world.mails("sessions_ended", to="alice@example.com")) == 1
    world.me(stranger)
    with world.core.database.read() as transaction:
        table = schema.audit_events
        event = transaction.first(
            select(table).where(table.c.action == "sessions.refresh").order_by(table.c.sequence.desc())
        )
    assert event is not None
    assert (event.outcome, event.error_code) == ("failure", "auth/invalid-refresh-token")
    assert event.details["endedSessions"] == 2


def test_reuse_alarms_once(world: World) -> None:
    """Sending the spent token on and on after the alarm ends no later session and mails nothing more."""
    first = world.sign_up()
    world.refresh(first)
    assert world.refusal(world.refresh, first) == "auth/invalid-refresh-token"
    again = world.sign_in()
    for _ in range(3):
        assert world.refusal(world.refresh, first) == "auth/invalid-refresh-token"
    world.me(world.refresh(again))
    assert len(world.mails("sessions_ended")) == 1


def test_an_older_generation_is_reuse_too(world: World) -> None:
    """Any spent token of a live session is reuse, not the last one only."""
    pairs = [world.sign_up()]
    for _ in range(3):
        pairs.append(world.refresh(pairs[-1]))
    assert world.refusal(world.refresh, pairs[0]) == "auth/invalid-refresh-token"
    world.assert_dead(pairs[-1])


def test_parallel_refreshes_of_one_token_give_one_pair(world: World) -> None:
    """P4: of 24 parallel refreshes exactly one succeeds (test_races.py tells racing from reuse)."""
    pair = world.sign_up()
    outcomes = at_once(24, lambda _: world.refresh(pair))
    assert sum(not isinstance(outcome, str) for outcome in outcomes) == 1
    assert outcomes.count("auth/invalid-refresh-token") == 23


def test_grace_gives_another_pair(world: World) -> None:
    """Within refreshReuseGraceSeconds a spent token gives another pair, all live; then it is reuse."""
    world.configure("sessions", refreshReuseGraceSeconds=10)
    first = world.sign_up()
    second = world.refresh(first)
    world.clock.advance(10 * SECOND - 1)
    sibling = world.refresh(first)
    third, fourth = world.refresh(second), world.refresh(sibling)
    world.me(third)
    world.clock.advance(1)
    assert world.refusal(world.refresh, first) == "auth/invalid-refresh-token"
    world.assert_dead(third, fourth)


# Lost replies


def test_lost_reply_can_be_asked_for_again(world: World) -> None:
    """T054: same token and key within 60 s give a fresh pair, as often as asked; the unseen ones die."""
    first = world.sign_up()
    unseen = [world.refresh(first, KEY)]
    for _ in range(3):
        world.clock.advance(20 * SECOND)
        unseen.append(world.refresh(first, KEY))
    seen = unseen.pop()
    world.me(seen)
    for pair in unseen:
        assert world.refusal(world.refresh, pair) == "auth/invalid-refresh-token"
    world.me(world.refresh(seen))
    assert world.mails("sessions_ended") == []


@pytest.mark.parametrize("second_key", [None, "another-key-of-mine"])
def test_lost_reply_with_another_key_is_reuse(world: World, second_key: str | None) -> None:
    """T054: without the same key a spent token is reuse."""
    first = world.sign_up()
    second = world.refresh(first, KEY)
    assert world.refusal(world.refresh, first, second_key) == "auth/invalid-refresh-token"
    world.assert_dead(second)


def test_lost_reply_after_a_minute_is_reuse(world: World) -> None:
    """T054: the key counts for 60 s."""
    first = world.sign_up()
    second = world.refresh(first, KEY)
    world.clock.advance(60 * SECOND + 1)
    assert world.refusal(world.refresh, first, KEY) == "auth/invalid-refresh-token"
    world.assert_dead(second)


def test_lost_reply_whose_successor_was_used_is_reuse(world: World) -> None:
    """T054: once the reply was seen and used, even the same key is reuse."""
    first = world.sign_up()
    third = world.refresh(world.refresh(first, KEY))
    assert world.refusal(world.refresh, first, KEY) == "auth/invalid-refresh-token"
    world.assert_dead(third)


def test_a_key_given_only_afterwards_is_reuse(world: World) -> None:
    """A key that the first refresh did not carry proves nothing."""
    first = world.sign_up()
    second = world.refresh(first)
    assert world.refusal(world.refresh, first, KEY) == "auth/invalid-refresh-token"
    world.assert_dead(second)


@pytest.mark.parametrize("key", ["fifteen-letters", "x" * 129])
def test_idempotency_keys_have_16_to_128_characters(world: World, key: str) -> None:
    """Other lengths are refused and spend nothing."""
    pair = world.sign_up()
    assert world.refusal(world.refresh, pair, key) == "common/invalid-parameters"
    world.refresh(pair)


# No false alarm


@pytest.mark.parametrize("garbage", ["x", "rt_" + "A" * 43, "eyJhbGciOiJub25lIn0.e30.", "rt_ü", "x" * 4096])
def test_unknown_refresh_tokens_end_nothing(world: World, garbage: str) -> None:
    """T053: anyone can invent a token, so it is refused and nothing more."""
    pair = world.sign_up()
    assert world.refusal(world.refresh, garbage) == "auth/invalid-refresh-token"
    world.me(pair)


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("", "common/invalid-parameters"),
        ("x" * 4097, "common/invalid-parameters"),
        ("rt_\0", "common/invalid-parameters"),
    ],
)
def test_malformed_refresh_tokens(world: World, token: str, code: str) -> None:
    """What can be no token at all is a fault of the request."""
    assert world.refusal(world.refresh, token) == code


def test_tokens_are_not_interchangeable(world: World) -> None:
    """T053, T068: an access token refreshes nothing, a refresh token is no access token; nothing ends."""
    pair = world.sign_up()
    assert world.refusal(world.refresh, pair.access_token) == "auth/invalid-refresh-token"
    assert world.refusal(world.me, pair.refresh_token) == "auth/invalid-token"
    world.me(world.refresh(pair))


def test_tokens_of_ended_sessions_end_nothing(world: World) -> None:
    """T052: tokens, spent or not, of signed-out, ended and expired sessions leave the others alone."""
    expiring = world.sign_up()
    world.clock.advance(WEEK)
    out, ended, live = world.sign_in(), world.sign_in(), world.sign_in()
    spent = [expiring, out, ended]
    out, ended = world.refresh(out), world.refresh(ended)
    world.call(sessions.SIGN_OUT, token=out)
    session_id = next(item.id for item in world.sessions(ended) if item.is_current)
    world.call(sessions.REVOKE, sessions.EndSession(session_id=session_id), token=live)
    codes = [world.refusal(world.refresh, pair) for pair in (*spent, out, ended)]
    assert codes == ["auth/session-expired", *["auth/invalid-refresh-token"] * 4]
    world.me(world.refresh(live))


def test_refresh_of_a_deleted_user_says_so(world: World) -> None:
    """Decision 13: the tokens of a deleted user, spent or not, answer that the user is gone; others live."""
    first = world.sign_up()
    second = world.refresh(first)
    stranger = world.sign_up("bob@example.com")
    world.call(accounts.WITHDRAW, token=second)
    assert world.refusal(world.refresh, second) == "auth/user-not-found"
    assert world.refusal(world.refresh, first) == "auth/user-not-found"
    world.me(stranger)


def test_tokens_of_a_restored_user_stay_dead(world: World) -> None:
    """Restoring a user brings back no session."""
    pair = world.sign_up()
    user_id = world.me(pair).id
    world.call(accounts.WITHDRAW, token=pair)
    world.call(users.RESTORE, users.UserId(user_id=user_id), key="sk")
    world.assert_dead(pair)
    world.sign_in()


def test_a_ban_ends_every_token(world: World) -> None:
    """T060: access and refresh tokens are dead at the next request, and stay so when the ban is lifted."""
    pair = world.sign_up()
    user_id = world.me(pair).id
    world.call(users.BAN, users.Ban(user_id=user_id), key="sk")
    world.assert_dead(pair)
    world.call(users.UNBAN, users.UserId(user_id=user_id), key="sk")
    world.assert_dead(pair)
