"""One writer at a time: processes, threads, and holders that die."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from subprocess import Popen

import pytest

from bkendctl.contract.errors import Failure
from bkendctl.local.credentials import CredentialStore
from bkendctl.local.locks import exclusive, exclusive_thread
from bkendctl.local.paths import Paths
from tests.local.conftest import refused, silent


def test_threads_exclude_each_other(store: CredentialStore) -> None:
    """Two threads that each count up 25 times under the lock count to 50."""

    def count() -> None:
        for _ in range(25):
            with store.locked("a") as held:
                held.save(held.credentials.replace(expires_at=(held.credentials.expires_at or 0) + 1))

    threads = [threading.Thread(target=count) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.load("a").expires_at == 50


UPDATE = """
import sys
from bkendctl.local.credentials import CredentialStore
from bkendctl.local.paths import paths
store = CredentialStore.open(paths(), print)
print("ready", flush=True)
sys.stdin.readline()
profile, field, value = sys.argv[1:]
store.update(profile, **{field: value})
"""


def test_twenty_processes_lose_nothing(
    home: Paths, monkeypatch: pytest.MonkeyPatch, start: Callable[..., Popen[str]]
) -> None:
    """Twenty processes that set different fields of four profiles at once leave all twenty values."""
    monkeypatch.setenv("BKENDCTL_STORE", "file")
    fields = ("publishable_key", "secret_key", "access_token", "refresh_token", "email")
    values = {(profile, field): f"{profile}-{field}" for profile in "abcd" for field in fields}
    processes = [start(UPDATE, *place, value) for place, value in values.items()]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate() for process in processes] == [("", "")] * len(values)
    store = CredentialStore.open(home, silent)
    assert {place: getattr(store.load(place[0]), place[1]) for place in values} == values


HOLD = """
import sys
from bkendctl.local.credentials import CredentialStore
from bkendctl.local.paths import paths
with CredentialStore.open(paths(), print).locked("a") as held:
    held.save(held.credentials.replace(email="holder"))
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_a_killed_holder_frees_the_lock(files: CredentialStore, start: Callable[..., Popen[str]]) -> None:
    """Kill -9 of the process that holds a profile lets the next one in, which sees what was saved."""
    holder = start(HOLD)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    assert files.update("b", email="not held up").email == "not held up"
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    assert files.update("a", user_id="u").email == "holder"


def test_a_held_profile_is_waited_for_and_read_afterwards(
    files: CredentialStore, start: Callable[..., Popen[str]]
) -> None:
    """Whoever waits for the lock sees what the holder saved, not what was there before."""
    files.update("a", email="before")
    holder = start(HOLD)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    seen: list[str | None] = []

    def wait() -> None:
        with files.locked("a") as held:
            seen.append(held.credentials.email)

    waiter = threading.Thread(target=wait)
    waiter.start()
    assert seen == []
    holder.communicate("go\n")
    waiter.join()
    assert seen == ["holder"]


def test_a_lock_held_too_long_is_an_error(home: Paths) -> None:
    """Waiting ends after the limit with the path of the lock, for files and for threads."""

    def second(held: Callable[[], object]) -> None:
        with held():  # type: ignore[attr-defined]
            raise AssertionError("two holders")

    with exclusive(home.credentials_lock), exclusive_thread("k"):
        for held in (
            lambda: exclusive(home.credentials_lock, seconds=0.05),
            lambda: exclusive_thread("k", seconds=0.05),
        ):
            result: list[Failure] = []
            thread = threading.Thread(
                target=lambda held=held, result=result: result.append(
                    refused("cli/store-unavailable", lambda: second(held))
                )
            )
            thread.start()
            thread.join()
            assert "0.05 s" in result[0].message
