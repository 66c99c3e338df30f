"""Hashing: cost, decoys, at most one hash a core, and shedding what waits too long."""

from __future__ import annotations

from contextlib import ExitStack
from threading import Event, Lock

import pytest
from argon2 import extract_parameters

from bkendctl.contract import accounts, mfa
from bkendctl.contract.errors import Failure
from bkendctl.core.passwords import Hasher, require_acceptable, usable_cores
from bkendctl.core.settings import PasswordPolicy
from tests.conftest import PASSWORD, World, at_once

CORES = usable_cores()


def test_cost_is_owasp_s_or_more() -> None:
    """P10: Argon2id with 19 MiB, two passes, one lane, 16 bytes of salt, 32 of tag; salts differ."""
    first, second = Hasher().hash(PASSWORD), Hasher().hash(PASSWORD)
    cost = extract_parameters(first)
    assert cost.type.name == "ID"
    assert (cost.memory_cost, cost.time_cost, cost.parallelism) >= (19_456, 2, 1)
    assert (cost.salt_len, cost.hash_len) == (16, 32)
    assert first != second


def test_a_decoy_matches_nothing() -> None:
    """Without a stored hash no password is right, and a hash of today's cost is computed all the same."""
    hasher = Hasher()
    for password in ("", PASSWORD, "\U0001f510"):
        assert not hasher.matches(None, password)
    assert hasher._decoy is not None
    assert not hasher.is_outdated(hasher._decoy)


@pytest.mark.parametrize(
    "stored", ["", "plain", "$argon2id$", "$2b$12$" + "x" * 53, "$argon2id$v=19$m=1,t=1,p=1$$"]
)
def test_damaged_hashes_match_nothing(stored: str) -> None:
    """What is no Argon2 hash refuses every password instead of failing."""
    assert not Hasher().matches(stored, PASSWORD)


def test_at_most_one_hash_a_core_runs() -> None:
    """P10: however many threads ask, no more than the cores are in their slots at once."""
    hasher, lock, running, peak = Hasher(), Lock(), 0, 0

    def use(_number: int) -> None:
        nonlocal running, peak
        with hasher.slot():
            with lock:
                running += 1
                peak = max(peak, running)
            hasher.hash(PASSWORD)
            with lock:
                running -= 1

    at_once(CORES + 6, use)
    assert peak == CORES


def test_what_waits_too_long_is_shed(world: World) -> None:
    """T018: with every core taken, whatever needs a hash is told to come again, and all else goes on."""
    pair = world.sign_up()
    world.core.hasher = Hasher(patience_seconds=0.01)
    password = accounts.ChangePassword(current_password=PASSWORD, new_password="An0ther-one!")
    with ExitStack() as stack:
        for _ in range(CORES):
            stack.enter_context(world.core.hasher.slot())
        for operation, request, how in (
            (accounts.SIGN_IN, accounts.SignIn(email="alice@example.com", password=PASSWORD), {}),
            (accounts.SIGN_IN, accounts.SignIn(email="nobody@example.com", password=PASSWORD), {}),
            (accounts.CHANGE_PASSWORD, password, {"token": pair}),
            (mfa.ENABLE, mfa.Enable(password=PASSWORD), {"token": pair}),
        ):
            with pytest.raises(Failure) as caught:
                world.call(operation, request, **how)
            assert (caught.value.code, caught.value.retry_after) == ("common/unavailable", 1)
        assert world.me(world.refresh(pair)).email == "alice@example.com"
    for _ in range(6):
        world.sign_in()  # nothing stayed counted as a failure


def test_a_waiting_one_gets_the_core_that_is_freed() -> None:
    """Who waits within its patience goes on as soon as a slot is free."""
    hasher, taken, free = Hasher(), Event(), Event()

    def hold(number: int) -> bool:
        if number:
            with hasher.slot():
                taken.set()
                return free.wait(10)
        assert taken.wait(10)
        free.set()
        with hasher.slot():
            return True

    assert at_once(CORES + 1, hold) == [True] * (CORES + 1)


@pytest.mark.parametrize(
    ("password", "reasons"),
    [
        ("", 5),
        ("abc", 4),
        ("Abcdefg1", 1),
        ("ÄÖÜäöü1!", 0),
        ("\U0001f510\U0001f510\U0001f510aA1xx", 0),
    ],
)
def test_every_fault_of_a_password_is_named(password: str, reasons: int) -> None:
    """Lengths count characters, classes go by Unicode, and all reasons come at once."""
    if not reasons:
        require_acceptable(password, PasswordPolicy(), field="password", personal=())
        return
    with pytest.raises(Failure) as caught:
        require_acceptable(password, PasswordPolicy(), field="password", personal=())
    assert len((caught.value.details or {})["password"]) == reasons


def test_what_the_policy_leaves_off_is_not_asked() -> None:
    """Switched off, classes and common passwords are not looked at; one's own names always are."""
    lax = PasswordPolicy(
        min_length=4,
        require_lowercase=False,
        require_uppercase=False,
        require_numbers=False,
        require_special_chars=False,
        reject_leaked=False,
    )
    require_acceptable("password", lax, field="password", personal=("alice",))
    with pytest.raises(Failure, match="auth/weak-password"):
        require_acceptable("ALICE", lax, field="password", personal=("alice",))
