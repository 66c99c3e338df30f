"""T153: PostgreSQL crashes and comes back while many write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Event
from time import monotonic

import pytest
from sqlalchemy import select

from bkendctl.contract.errors import Failure
from bkendctl.core import schema
from tests.conftest import World
from tests.core.processes import open_world
from tests.postgres import own_server

WRITERS = 4
RECOVERY_SECONDS = 5


@pytest.fixture
def crashing() -> Iterator[tuple[World, Callable[[], None]]]:
    """An installation on a server of its own, and what crashes and restarts that."""
    try:
        with own_server() as (url, crash):
            world = open_world(url)
            yield world, crash
            world.core.database.close()
    except OSError as error:
        pytest.skip(f"no PostgreSQL: {error}")


def test_a_crash_loses_and_doubles_nothing(crashing: tuple[World, Callable[[], None]]) -> None:
    """Who writes meanwhile is told 503 with Retry-After; in five seconds all is well; what was acknowledged
    is there, and what was asked for again is there once."""
    world, crash = crashing
    enough, refused = Event(), set()

    def write(writer: int) -> list[str]:
        """Make users until it is enough; each is asked for until it is there."""
        made = []
        for number in count():
            email = f"user{writer}-{number}@example.com"
            while email not in made:
                try:
                    made.append(world.make_user(email).email)
                except Failure as failure:
                    refused.add((failure.code, failure.retry_after))
                    if failure.code == "auth/email-already-exists":  # made, and the answer was lost
                        made.append(email)
            if enough.is_set():
                return made
        raise AssertionError

    with ThreadPoolExecutor(WRITERS) as pool:
        running = [pool.submit(write, writer) for writer in range(WRITERS)]
        crash()
        started = monotonic()
        enough.set()
        made = [email for writer in running for email in writer.result(timeout=60)]
    assert monotonic() - started < RECOVERY_SECONDS
    assert ("common/unavailable", 1) in refused
    assert refused <= {("common/unavailable", 1), ("auth/email-already-exists", None)}
    with world.core.database.read() as transaction:
        assert sorted(transaction.connection.execute(select(schema.users.c.email)).scalars()) == sorted(made)
