"""Counters: what counts, when it locks, what is forgotten, and that the table stays bounded."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from bkendctl.contract.errors import Failure
from bkendctl.core import schema
from bkendctl.core.clock import MINUTE
from bkendctl.core.throttle import Counter, Limit, forget
from bkendctl.core.transaction import Transaction
from tests.conftest import World

LIMIT = Limit("test", 3, 10 * MINUTE, 20 * MINUTE, "auth/account-locked")


def counter(world: World, transaction: Transaction, *parts: str, limit: Limit = LIMIT) -> Counter:
    """A counter at the world's time."""
    environment = transaction.value(select(schema.environments.c.id))
    return Counter(transaction, environment, limit, world.clock.now(), *parts)


def rows(world: World) -> int:
    """How many counters of attempts are stored; those of rate limits are others."""
    attempts = select(func.count()).select_from(schema.throttles).where(schema.throttles.c.requests == 0)
    with world.core.database.read() as transaction:
        return int(transaction.value(attempts))


def code_of(checked: Counter) -> str | None:
    """What a check answers."""
    try:
        checked.check()
    except Failure as failure:
        return failure.code
    return None


def test_undecided_attempts_fill_but_do_not_lock(world: World) -> None:
    """While three are under way a fourth has to wait a second; the failures among them lock."""
    with world.core.database.write() as transaction:
        for _ in range(3):
            counter(world, transaction, "a").add(settled=False)
            world.clock.advance(1)
        with pytest.raises(Failure) as caught:
            counter(world, transaction, "a").check()
    assert (caught.value.code, caught.value.retry_after) == ("auth/too-many-login-attempts", 1)


def test_a_right_one_lifts_the_lock_that_came_too_early(world: World) -> None:
    """Two right and one wrong under way at once leave one failure and no lock, in whatever order they end."""
    begun = world.clock.now()
    with world.core.database.write() as transaction:
        for _ in range(3):
            counter(world, transaction, "a").add(settled=False)
            world.clock.advance(1)
        for instant, failed in ((begun + 1, True), (begun + 2, False), (begun, False)):
            world.clock.instant = instant
            counter(world, transaction, "a").settle(failed=failed)
        world.clock.instant = begun + 3
        left = counter(world, transaction, "a")
        assert (left.count, code_of(left)) == (1, None)


def test_settling_what_is_forgotten_counts_nothing(world: World) -> None:
    """An attempt from before a reset neither locks nor takes away another's failure."""
    with world.core.database.write() as transaction:
        early = counter(world, transaction, "a")
        early.add(settled=False)
        early.clear()
        world.clock.advance(1)
        counter(world, transaction, "a").add()
        world.clock.advance(-1)
        counter(world, transaction, "a").settle(failed=False)
        assert counter(world, transaction, "a").count == 1


def test_forget_takes_every_source_of_one_address(world: World) -> None:
    """A reset lifts the locks of an address from all sources, and no others."""
    with world.core.database.write() as transaction:
        environment = transaction.value(select(schema.environments.c.id))
        for whom, where in (("alice", "home"), ("alice", "work"), ("bob", "home")):
            for _ in range(3):
                counter(world, transaction, whom, where).add()
        forget(transaction, environment, LIMIT.kind, "alice")
        locked = {
            (whom, where): code_of(counter(world, transaction, whom, where))
            for whom, where in (("alice", "home"), ("alice", "work"), ("bob", "home"))
        }
    assert locked == {("alice", "home"): None, ("alice", "work"): None, ("bob", "home"): LIMIT.code}


def test_keys_hold_no_address(world: World) -> None:
    """Stored keys are hashes of 64 characters, and parts do not run into each other."""
    with world.core.database.write() as transaction:
        counter(world, transaction, "alice@example.com", "home").add()
        counter(world, transaction, "alice@example.comhome").add()
        counter(world, transaction, "alice@example.com", "", limit=LIMIT).add()
        keys = [row.key for row in transaction.all(select(schema.throttles.c.key))]
    assert len(set(keys)) == 3
    assert all(len(key) == 64 and set(key) <= set("0123456789abcdef") for key in keys)


def test_expired_counters_are_swept(world: World) -> None:
    """T017: after the window a few new counters suffice to drop a thousand old ones."""
    with world.core.database.write() as transaction:
        for number in range(1000):
            counter(world, transaction, f"nobody{number}").add()
    assert rows(world) == 1000
    world.clock.advance(10 * MINUTE)
    with world.core.database.write() as transaction:
        for number in range(100):
            counter(world, transaction, f"somebody{number}").add()
    assert rows(world) == 100


def test_taking_the_only_attempt_back_leaves_no_row(world: World) -> None:
    """Right passwords leave nothing behind."""
    world.sign_up()
    for _ in range(3):
        world.sign_in()
    assert rows(world) == 0
