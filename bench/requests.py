"""What a request costs the server: CPU time and rate of the common ones, over real HTTP on loopback.

    python bench/requests.py [--seconds 4] [--connections 16] [--users 1000] [--database-url URL]

CPU per request is the server's own (user and system), so it holds on a busy machine and with a slow client. A
password hash is measured in the same run: sign-in is told as a share of it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from load import load
from served import PASSWORD, Served, served

ROWS = (
    "healthz", "who am I", "sign-up", "sign-in", "refresh", "list of 20 with total", "search by e-mail",
)  # fmt: skip


def hash_cpu() -> float:
    """Seconds of CPU that one password hash takes here."""
    from bkendctl.core.passwords import Hasher

    hasher = Hasher()
    hashed = hasher.hash(PASSWORD)
    started = time.process_time()
    for _ in range(40):
        hasher.matches(hashed, PASSWORD)
    return (time.process_time() - started) / 40


def walk(server: Served, seconds: float, connections: int) -> None:
    """Measure each kind of request and print a row."""
    one = hash_cpu()
    print(f"{'one password hash':24} {1 / one:9.0f}/s {one * 1e6:9.0f} us CPU")
    for name in ROWS:
        askers = [server.askers[name]() for _ in range(connections)]
        before = server.cpu()
        got = load(server.port, askers, seconds)
        used, answers = server.cpu() - before, max(1, len(got.seconds))
        cost = f"{got.rate:9.0f}/s {used / answers * 1e6:9.0f} us CPU"
        print(f"{name:24} {cost} {got.quantile(0.99):8.1f} ms p99 {got.refused:5} refused", flush=True)
        if name in ("sign-up", "sign-in") and used:
            print(f"{'':24} {one * answers / used:9.0%} of its CPU is the hash")
    print(f"{'memory after load':24} {server.memory():9.0f} MiB")


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--seconds", type=float, default=4.0)
    options.add_argument("--connections", type=int, default=16)
    options.add_argument("--users", type=int, default=1_000)
    options.add_argument("--database-url")
    given = options.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="bkendctl-bench-") as folder,
        served(Path(folder), given.database_url, given.users) as server,
    ):
        walk(server, given.seconds, given.connections)


if __name__ == "__main__":
    main()
