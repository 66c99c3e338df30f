"""What was acknowledged is there, however a process dies."""

from __future__ import annotations

import random
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from bkendctl.core.installation import Installed
from bkendctl.core.upgrade import integrity
from tests.core.processes import open_world, start


def sign_up_for_ever(connection: Connection, url: str, installed: Installed, prefix: str) -> None:
    """Make users until killed, and tell of each one once it is acknowledged."""
    world = open_world(url, installed)
    count = 0
    while True:
        email = f"{prefix}-{count}@example.com"
        pair = world.sign_up(email)
        connection.send((email, world.refresh(pair).refresh_token))
        count += 1


def kill_and_look(file: Path, rounds: int, chance: random.Random) -> int:
    """Kill a writer at a random moment, as often as said; gives how many acknowledged writes were checked."""
    world = open_world(f"sqlite:///{file}")
    acknowledged: list[tuple[str, str]] = []
    for number in range(rounds):
        process, connection = start(
            sign_up_for_ever, world.core.database.url, world.installed, f"round{number}"
        )
        acknowledged += [connection.recv() for _ in range(chance.randint(1, 3))]
        process.join(chance.uniform(0, 0.1))  # the moment; it never ends by itself
        process.kill()
        process.join()
        try:
            while connection.poll():
                acknowledged.append(connection.recv())
        except EOFError:
            pass
        assert integrity(world.core.database) == []
    for email, refresh_token in acknowledged:
        world.sign_in(email)
        world.refresh(refresh_token)
    return len(acknowledged)


def test_no_acknowledged_write_is_lost(tmp_path: Path) -> None:
    """T147: a writer is killed ten times in mid-write; every user and token it told of is usable."""
    assert kill_and_look(tmp_path / "bkendctl.db", 10, random.Random()) >= 10


@pytest.mark.slow
def test_no_acknowledged_write_is_lost_in_fifty_rounds(tmp_path: Path) -> None:
    """T147: the same 50 times, as promised."""
    assert kill_and_look(tmp_path / "bkendctl.db", 50, random.Random()) >= 50
