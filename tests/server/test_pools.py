"""Threads: who hashes holds up nobody, who waits too long is told so, and waiting is no reuse."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import httpx
import pytest

from bkendctl.core.leaks import Leaks
from bkendctl.server.pools import Pools
from tests.conftest import PASSWORD, World
from tests.core.test_egress import silent, speaking
from tests.server.conftest import every_core

SECONDS = 20


def until(holds: Callable[[], bool]) -> None:
    """Wait for what the server's thread does."""
    ends = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < ends
        threading.Event().wait(0.005)


@pytest.fixture
def pools(world: World) -> Pools:
    """Pools of this test's own, in use by the server."""
    assert world.server is not None
    own = Pools(patience=SECONDS, waiting=30)
    world.server.use(world.core, pools=own)
    return own


def test_refreshes_that_wait_for_their_thread_have_raced(world: World, pools: Pools) -> None:
    """P4: of all that arrived before the token was spent one succeeds, and what it got lives on."""
    pair = world.sign_up()
    # Nobody can spend it before all have arrived.
    with ThreadPoolExecutor(25) as several, world.core.database.write():
        asked: list[Future[object]] = [several.submit(world.refresh, pair) for _ in range(25)]
        until(lambda: pools.writing.inside == 25)
    failures = [each.exception() for each in asked if each.exception() is not None]
    assert {getattr(failure, "code", None) for failure in failures} == {"auth/invalid-refresh-token"}
    (won,) = [each.result() for each in asked if each.exception() is None]
    world.me(won)  # type: ignore[arg-type]
    assert world.refusal(world.refresh, pair) == "auth/invalid-refresh-token"
    world.assert_dead(won)  # type: ignore[arg-type]


def test_who_signs_in_waits_for_no_range_api(world: World, pools: Pools) -> None:
    """Threads that ask whether a new password leaked are others than those that hash; then they go on."""
    world.sign_up()
    with ThreadPoolExecutor(6) as several:
        with speaking(silent) as base:
            world.core.leaks = Leaks(base, seconds=SECONDS)
            world.core.leaks.tell = lambda _outcome, _why: None
            waiting = [several.submit(world.sign_up, f"{number}@example.com") for number in range(6)]
            until(lambda: pools.choosing.inside == 6)
            world.sign_in()
            assert not any(each.done() for each in waiting)
        assert all(each.result().access_token for each in waiting)


def test_who_reads_waits_for_no_hash(world: World, pools: Pools) -> None:
    """While every core hashes, who am I is answered (T018)."""
    pair = world.sign_up()
    with ThreadPoolExecutor(4) as several, every_core(world):
        waiting = [several.submit(world.sign_in) for _ in range(4)]
        until(lambda: pools.hashing.inside == 4)
        assert world.me(pair).email == "alice@example.com"
        assert not any(each.done() for each in waiting)
    assert all(each.result().access_token for each in waiting)


def test_too_many_that_wait_are_refused_at_once(world: World) -> None:
    """503 with Retry-After, before anything was looked at (P10)."""
    assert world.server is not None
    own = Pools(patience=SECONDS, waiting=0)
    world.server.use(world.core, pools=own)
    room = own.hashing.room
    body = {"email": "alice@example.com", "password": PASSWORD}

    def sign_in() -> httpx.Response:
        return httpx.post(
            f"{world.server.url}/v1/auth/email/signin",  # type: ignore[union-attr]
            headers={"X-API-Key": world.pk},
            json=body,
            timeout=SECONDS,
        )

    with ThreadPoolExecutor(room) as several, every_core(world):
        waiting = [several.submit(sign_in) for _ in range(room)]
        until(lambda: own.hashing.inside == room)
        refused = sign_in()
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.json()["error"]["code"] == "common/unavailable"
    assert {each.result().status_code for each in waiting} == {401}


def test_who_waited_too_long_is_turned_away(world: World) -> None:
    """An answer comes in time, even if it is that there was none (P10)."""
    assert world.server is not None
    world.server.use(world.core, pools=Pools(patience=0.0))
    with pytest.raises(Exception, match="common/unavailable"):
        world.sign_in()
