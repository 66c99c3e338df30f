"""Whether memory stays flat: minutes of mixed load on one server, its memory told as it goes.

    python bench/soak.py [--minutes 10] [--connections 4] [--database-url URL]

Each connection asks every kind of request in turn. The first minute fills caches and threads; from then on
growth would be a leak, so the verdict compares the second minute with the last.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

from load import Asker, load
from served import Served, served

ROWS = ("who am I", "refresh", "list of 20 with total", "search by e-mail", "sign-in", "sign-up")


def mixed(server: Served) -> Asker:
    """Every row in turn, on one connection."""
    askers = [server.askers[row]() for row in ROWS]
    turn = cycle(askers)
    current = askers[0]

    def ask() -> bytes:
        nonlocal current
        current = next(turn)
        return current.ask()

    def took(status: int, body: bytes) -> None:
        if current.took is not None and status < 400:
            current.took(status, body)

    return Asker(ask, took)


def soak(server: Served, minutes: int, connections: int, say: Callable[[str], None]) -> bool:
    """Load it for so long; gives whether memory grew by less than a tenth after the second minute."""
    askers = [mixed(server) for _ in range(connections)]
    memory: list[float] = []
    for minute in range(1, minutes + 1):
        got = load(server.port, askers, 60)
        memory.append(server.memory())
        say(f"minute {minute:3} {got.rate:7.0f}/s {got.refused:4} refused {memory[-1]:7.1f} MiB")
    return len(memory) < 3 or memory[-1] <= memory[1] * 1.1


def main() -> None:
    """Load and judge; the exit status tells."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--minutes", type=int, default=10)
    options.add_argument("--connections", type=int, default=4)
    options.add_argument("--database-url")
    given = options.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="bkendctl-bench-") as folder,
        served(Path(folder), given.database_url, users=1_000) as server,
    ):
        flat = soak(server, given.minutes, given.connections, lambda line: print(line, flush=True))
    print("memory is flat" if flat else "memory grows")
    raise SystemExit(not flat)


if __name__ == "__main__":
    main()
