"""What several processes on one database may rely on."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import pytest

from bkendctl.contract import mfa, sessions
from bkendctl.contract.accounts import TokenPair
from bkendctl.core.installation import Installed
from bkendctl.core.upgrade import integrity
from tests.conftest import PASSWORD, World
from tests.core.processes import in_processes, open_world

PROCESSES = 8
WRONG = "Batt3ry-staple!"


@pytest.fixture(params=["sqlite", "postgresql"])
def shared(
    request: pytest.FixtureRequest, new_database: Callable[[str], tuple[str, Installed]]
) -> Iterator[World]:
    """An installation that this process has open too."""
    world = open_world(*new_database(request.param))
    yield world
    world.core.database.close()


def refresh(world: World, _number: int, pair: TokenPair) -> TokenPair:
    """Trade the one token they all have."""
    return world.refresh(pair)


def guess(world: World, number: int) -> Any:
    """Try three wrong passwords."""
    return [world.refusal(world.sign_in, password=f"{WRONG}{number}") for _ in range(3)]


def use_code(world: World, _number: int, code: str) -> TokenPair:
    """Sign in with the one code they all have."""
    return world.sign_in(mfa_code=code)


def sign_up(world: World, number: int) -> list[str]:
    """Make users."""
    return [world.me(world.sign_up(f"user{number}-{count}@example.com")).email for count in range(3)]


def sign_up_beside_a_fork(world: World, _number: int) -> int | None:
    """Sign up before, beside and in a forked child; gives the child's exit code."""
    world.sign_up("parent@example.com")
    child = multiprocessing.get_context("fork").Process(target=world.sign_up, args=("child@example.com",))
    child.start()
    world.sign_up("beside@example.com")
    child.join()
    return child.exitcode


def test_one_refresh_among_processes(shared: World) -> None:
    """P4: of 8 processes that refresh one token exactly one gets a pair."""
    pair = shared.sign_up()
    outcomes = in_processes(PROCESSES, shared, refresh, pair)
    assert sum(not isinstance(outcome, str) for outcome in outcomes) == 1
    assert outcomes.count("auth/invalid-refresh-token") == PROCESSES - 1


def test_five_guesses_among_processes(shared: World) -> None:
    """P2: 8 processes share the count of failures: five of their 24 guesses are evaluated."""
    shared.sign_up()
    codes = list(chain(*in_processes(PROCESSES, shared, guess)))
    assert codes.count("auth/invalid-credentials") == 5
    assert shared.refusal(shared.sign_in) == "auth/account-locked"


def test_one_use_of_a_code_among_processes(shared: World) -> None:
    """P5: a backup code signs in once among 8 processes."""
    pair = shared.sign_up()
    setup = shared.call(mfa.ENABLE, mfa.Enable(password=PASSWORD), token=pair)
    shared.call(mfa.CONFIRM, mfa.Confirm(code=shared.code(setup.secret)), token=pair)
    outcomes = in_processes(PROCESSES, shared, use_code, setup.backup_codes[0])
    assert sum(not isinstance(outcome, str) for outcome in outcomes) == 1


def test_writers_of_several_processes_all_succeed(shared: World) -> None:
    """T152: nobody is turned away because another writes, everything is there, and the database is sound."""
    made = list(chain(*in_processes(PROCESSES, shared, sign_up)))
    assert len(set(made)) == 3 * PROCESSES
    for email in made[::5]:
        shared.sign_in(email)
    assert integrity(shared.core.database) == []


def test_revoking_reaches_the_other_processes(shared: World) -> None:
    """P3: a session that ended here is dead there at the next request."""
    pair = shared.sign_up()
    (outcome,) = in_processes(1, shared, refresh, pair)
    assert not isinstance(outcome, str)
    shared.call(sessions.SIGN_OUT, token=outcome)
    assert in_processes(2, shared, refresh, outcome) == ["auth/invalid-refresh-token"] * 2


def test_a_fork_makes_its_own_connections(shared: World) -> None:
    """A forked child does not use its parent's connections; both go on writing."""
    assert in_processes(1, shared, sign_up_beside_a_fork) == [0]
    for name in ("parent", "child", "beside"):
        shared.sign_in(f"{name}@example.com")
    assert integrity(shared.core.database) == []
