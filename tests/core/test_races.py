"""Races that threads alone would meet by luck: everybody is held right before the write lock, then let go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Semaphore
from typing import Any

import pytest
from sqlalchemy import event, select

from bkendctl.contract import accounts, sessions
from bkendctl.contract.errors import Failure
from bkendctl.core import attempts, schema
from bkendctl.core.call import Call, Source, environment_row
from bkendctl.core.database import Database
from tests.conftest import PASSWORD, World

pytestmark = pytest.mark.parametrize("world", ["embedded", "embedded-postgresql"], indirect=True)

KEY = "saved-before-sending"


class Watched:
    """The lock that writers of one process wait for, which tells of each who comes to it."""

    def __init__(self, lock: Any, asked: Semaphore) -> None:
        self._lock = lock
        self._asked = asked

    def acquire(self, timeout: float) -> bool:
        """Tell, then wait."""
        self._asked.release()
        return bool(self._lock.acquire(timeout=timeout))

    def release(self) -> None:
        """Let the next one in."""
        self._lock.release()


@contextmanager
def arrivals(database: Database) -> Iterator[Semaphore]:
    """Released once for each transaction that asks for the write lock."""
    asked = Semaphore(0)

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "pg_advisory_xact_lock" in statement:
            asked.release()

    event.listen(database.engine, "before_cursor_execute", note)
    lock = database._writing
    database._writing = Watched(lock, asked)  # type: ignore[assignment]
    yield asked
    database._writing = lock
    event.remove(database.engine, "before_cursor_execute", note)


def behind_the_lock(world: World, actions: list[Callable[[], Any]]) -> list[Any]:
    """Let all come as far as the write lock, then all go on; each answer or its Failure's code.

    Each action has to ask for the lock once before it is decided.
    """

    def outcome(action: Callable[[], Any]) -> Any:
        try:
            return action()
        except Failure as failure:
            return failure.code

    with ThreadPoolExecutor(len(actions)) as pool, arrivals(world.core.database) as asked:
        with world.core.database.write():
            asked.acquire(timeout=10)
            running = [pool.submit(outcome, action) for action in actions]
            assert all(asked.acquire(timeout=10) for _ in actions), "somebody never came to the lock"
        return [one.result() for one in running]


def test_who_raced_ends_nothing(world: World) -> None:
    """T050: 24 refreshes that read the token unspent: one pair, 23 refusals, and the winner's pair lives.

    More than the connections of a usual pool: nobody waits for one with the token unread.
    """
    pair = world.sign_up()
    outcomes = behind_the_lock(world, [lambda: world.refresh(pair)] * 24)
    (won,) = [outcome for outcome in outcomes if not isinstance(outcome, str)]
    assert outcomes.count("auth/invalid-refresh-token") == 23
    world.me(world.refresh(won))
    assert world.mails("sessions_ended") == []
    assert world.refusal(world.refresh, pair) == "auth/invalid-refresh-token"
    world.assert_dead(won)


def test_a_client_races_with_its_own_retry(world: World) -> None:
    """T054: a client that gave up waiting and asked again with its key gets pairs; the last one lives."""
    pair = world.sign_up()
    first, second = behind_the_lock(world, [lambda: world.refresh(pair, KEY)] * 2)
    lives = [one for one in (first, second) if not isinstance(_tried(world, one), str)]
    assert len(lives) == 1
    assert world.mails("sessions_ended") == []


def _tried(world: World, pair: accounts.TokenPair) -> Any:
    try:
        return world.refresh(pair)
    except Failure as failure:
        return failure.code


def test_a_refresh_that_waited_for_a_sign_out(world: World) -> None:
    """P3: a refresh that arrived before its session ended gives no tokens afterwards."""
    pair, other = world.sign_up(), world.sign_in()
    outcomes = behind_the_lock(
        world, [lambda: world.call(sessions.REVOKE_ALL, token=other), lambda: world.refresh(pair)]
    )
    if isinstance(outcomes[1], str):
        assert outcomes[1] == "auth/invalid-refresh-token"
        world.assert_dead(pair)
    else:
        world.assert_dead(outcomes[1])
    world.me(other)


@pytest.fixture
def call(world: World) -> Iterator[Call]:
    """A sign-in of alice on its way, between the steps of its handler."""
    world.sign_up()
    made = Call(world.core, accounts.SIGN_IN, Source())
    with world.core.database.read() as transaction:
        environment = environment_row(transaction, schema.environments.c.name == "dev")
    assert environment is not None
    made.enter(environment)
    return made


def accepted(world: World, call: Call, proof: attempts.Proof) -> None:
    """Act on a proof."""
    with world.core.database.write() as call._tx:
        attempts.accept(call, "alice@example.com", proof)


@pytest.mark.parametrize("meanwhile", ["nothing", "renewed", "changed", "deleted"])
def test_a_proof_holds_until_the_password_changes(world: World, call: Call, meanwhile: str) -> None:
    """P3: a change or deletion in between voids the proof of the old password; a renewed hash does not.

    The clock stands still all the while, so a change is told from a renewal without its help.
    """
    proof = attempts.prove_password(call, "alice@example.com", PASSWORD, refusal="auth/invalid-password")
    pair = world.sign_in()
    if meanwhile == "renewed":
        with world.core.database.write() as transaction:
            transaction.run(schema.passwords.update().values(hash="$argon2id$another"))
    elif meanwhile == "changed":
        request = accounts.ChangePassword(current_password=PASSWORD, new_password="An0ther-one!")
        world.call(accounts.CHANGE_PASSWORD, request, token=pair)
    elif meanwhile == "deleted":
        world.call(accounts.WITHDRAW, token=pair)
    if meanwhile in ("nothing", "renewed"):
        accepted(world, call, proof)
    else:
        assert world.refusal(accepted, world, call, proof) == "auth/invalid-password"


def test_lifting_locks_reaches_every_source(world: World, call: Call) -> None:
    """Decision 47: a reset lifts the lock of an address wherever it was earned."""
    sources = [Source("203.0.113.1"), Source("203.0.113.2")]
    for source in sources:
        for _ in range(5):
            world.refusal(world.sign_in, password="Wr0ng-one!", source=source)
    with world.core.database.write() as call._tx:
        attempts.lift_locks(call, "alice@example.com")
    for source in sources:
        world.sign_in(source=source)
    with world.core.database.read() as transaction:
        assert transaction.all(select(schema.throttles).where(schema.throttles.c.requests == 0)) == []
