"""Signing out, listing and ending sessions."""

from __future__ import annotations

import pytest

from bkendctl.contract import sessions
from bkendctl.core.call import Source
from bkendctl.core.clock import DAY, MINUTE
from tests.conftest import World

WEEK = 7 * DAY
KEY = "saved-before-sending"


def test_sign_out_ends_the_calling_session_alone(world: World) -> None:
    """T058: signing out twice is refused the second time, and so is a refresh; other sessions live."""
    pair, other = world.sign_up(), world.sign_in()
    world.call(sessions.SIGN_OUT, token=pair)
    assert world.refused(sessions.SIGN_OUT, token=pair).code == "auth/invalid-token"
    world.assert_dead(pair)
    world.me(other)


def test_list_shows_own_live_sessions_latest_first(world: World) -> None:
    """T061: only one's own, without ended and expired ones; the calling one is marked; no token is shown."""
    import msgspec

    expired = world.sign_up()
    world.clock.advance(WEEK)
    assert world.refusal(world.me, expired) == "auth/token-expired"
    phone, laptop, ended = world.sign_in(), world.sign_in(), world.sign_in()
    world.sign_up("bob@example.com")
    world.call(sessions.SIGN_OUT, token=ended)
    world.clock.advance(MINUTE)
    world.me(laptop)
    world.clock.advance(MINUTE - 1)
    world.me(phone)
    page = world.call(sessions.LIST, token=laptop)
    assert page.pagination.total == 2
    assert [item.is_current for item in page.items] == [False, True]
    first = page.items[0]
    assert first.last_activity_at > first.created_at
    shown = msgspec.json.encode(page).decode()
    for secret in (phone.access_token, phone.refresh_token, laptop.access_token, laptop.refresh_token):
        assert secret not in shown


def test_list_gives_pages(world: World) -> None:
    """Pages are disjoint and together complete."""
    pair = world.sign_up()
    for _ in range(4):
        pair = world.sign_in()
    pages = [
        world.call(sessions.LIST, sessions.PageRequest(page=page, limit=2), token=pair)
        for page in (1, 2, 3, 4)
    ]
    assert [len(page.items) for page in pages] == [2, 2, 1, 0]
    assert len({item.id for page in pages for item in page.items}) == 5
    assert pages[0].pagination.total_pages == 3


def test_last_activity_is_noted_at_most_once_a_minute(world: World) -> None:
    """lastActivityAt moves with use, but not within the same minute."""
    pair = world.sign_up()
    before = world.sessions(pair)[0].last_activity_at
    world.clock.advance(MINUTE - 1)
    assert world.sessions(pair)[0].last_activity_at == before
    world.clock.advance(1)
    assert world.sessions(pair)[0].last_activity_at > before


def test_where_a_session_came_from(world: World) -> None:
    """T061: address and user agent are kept as text, the latter cut to 512 characters."""
    agent = "<img src=x onerror=alert(1)>" + "x" * 600
    world.sign_up()
    pair = world.sign_in(source=Source("203.0.113.9", agent))
    shown = next(item for item in world.sessions(pair) if item.is_current)
    assert (shown.ip_address, shown.user_agent) == ("203.0.113.9", agent[:512])
    assert shown.device_info is not None
    assert len(shown.device_info) <= 200


def test_revoke_ends_one_own_session_at_once(world: World) -> None:
    """T056: its access token is refused at the next request; the calling session can end itself."""
    mine, other = world.sign_up(), world.sign_in()
    for target, caller in ((other, mine), (mine, mine)):
        session_id = next(item.id for item in world.sessions(target) if item.is_current)
        world.call(sessions.REVOKE, sessions.EndSession(session_id=session_id), token=caller)
        world.assert_dead(target)


@pytest.mark.parametrize("what", ["unknown", "malformed", "foreign", "ended"])
def test_revoke_finds_only_own_live_sessions(world: World, what: str) -> None:
    """Everything else is not found, and a foreign session lives on."""
    pair, stranger, ended = world.sign_up(), world.sign_up("bob@example.com"), world.sign_in()
    ids = {
        "unknown": "00000000-0000-4000-8000-000000000000",
        "malformed": "no-id",
        "foreign": world.sessions(stranger)[0].id,
        "ended": next(item.id for item in world.sessions(ended) if item.is_current),
    }
    world.call(sessions.SIGN_OUT, token=ended)
    failure = world.refused(sessions.REVOKE, sessions.EndSession(session_id=ids[what]), token=pair)
    assert failure.code == "auth/session-not-found"
    world.me(stranger)


def test_revoke_all_spares_the_calling_session(world: World) -> None:
    """All own other live sessions end and are counted; expired ones and other users' are not."""
    world.sign_up()
    world.clock.advance(WEEK)
    pair, others, stranger = (
        world.sign_in(),
        [world.sign_in() for _ in range(2)],
        world.sign_up("bob@example.com"),
    )
    assert world.call(sessions.REVOKE_ALL, token=pair).ended_count == 2
    world.assert_dead(*others)
    world.me(world.refresh(pair))
    world.me(stranger)
    assert world.call(sessions.REVOKE_ALL, token=pair).ended_count == 0


@pytest.mark.parametrize(
    "operation", [sessions.LIST, sessions.SIGN_OUT, sessions.REVOKE_ALL], ids=lambda it: it.name
)
def test_a_secret_key_has_no_sessions(world: World, operation: sessions.Operation) -> None:  # type: ignore[type-arg]
    """What is one's own needs a user, also beside a secret key."""
    assert world.refused(operation, key="sk").code == "auth/unauthorized"
