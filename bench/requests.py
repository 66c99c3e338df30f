"""What a request costs the server: CPU time and rate of the common ones, over real HTTP on loopback.

    python bench/requests.py [--seconds 4] [--connections 16] [--database-url URL]

CPU per request is the server's own (user and system), so it holds on a busy machine and with a slow client. A
password hash is measured in the same run: sign-in is told as a share of it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

PASSWORD = "Corr3ct-horse!"
TICKS = os.sysconf("SC_CLK_TCK")
UNLIMITED = {
    name: {"limit": 1_000_000, "windowSeconds": 60, "limitPerSource": 1_000_000}
    for name in ("default", "login", "loginSource", "code")
}


class Measured(NamedTuple):
    """seconds: each answer's time."""

    name: str
    requests: int
    wall: float
    cpu: float
    seconds: list[float]
    refused: int

    def line(self) -> str:
        """One row of the table."""
        ordered = sorted(self.seconds)
        p99 = ordered[int(len(ordered) * 0.99)] * 1000 if ordered else 0.0
        per_request = self.cpu / max(1, self.requests) * 1e6
        rate = self.requests / self.wall
        used = f"{rate:9.0f}/s {per_request:9.0f} us CPU"
        return f"{self.name:24} {used} {p99:8.1f} ms p99 {self.refused:5} refused"


class Connection:
    """One HTTP/1.1 connection that is kept."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")

    def send(self, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> tuple[int, bytes]:
        """Ask, and give status and body."""
        head = [f"{method} {path} HTTP/1.1", "host: bench", f"content-length: {len(body)}"]
        head += [f"{name}: {value}" for name, value in headers.items()]
        self._socket.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        status = int(self._file.readline().split()[1])
        length = 0
        while (line := self._file.readline()) != b"\r\n":
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        return status, self._file.read(length)


class Server:
    """bkendctl serve as a process of its own, on a throw-away core with no rate limits."""

    def __init__(self, home: Path, database_url: str | None) -> None:
        self._environment = os.environ | {"BKENDCTL_HOME": str(home), "BKENDCTL_STORE": "file"}
        if database_url:
            self._environment["BKENDCTL_DATABASE_URL"] = database_url
        installed = json.loads(self._run("init", "-o", "json"))
        self.key = {"x-api-key": installed["publishableKey"], "content-type": "application/json"}
        self.admin = {"x-api-key": installed["secretKey"], "content-type": "application/json"}
        self._lift_limits(home, database_url)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bkendctl", "serve", "--port", "0", "--no-access-log"],
            env=self._environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        found = re.search(r":(\d+);", self.process.stderr.readline())
        assert found is not None
        self.port = int(found[1])

    def _run(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "bkendctl", *arguments]
        return subprocess.run(
            command, env=self._environment, check=True, capture_output=True, text=True
        ).stdout

    def _lift_limits(self, home: Path, database_url: str | None) -> None:
        from sqlalchemy import select

        from bkendctl.core import schema
        from bkendctl.core.database import Database

        database = Database(database_url or f"sqlite:///{home / 'bkendctl.db'}")
        with database.write() as transaction:
            environment = transaction.value(select(schema.environments.c.id))
            row = {"environment_id": environment, "section": "sessions", "stored": {"rateLimits": UNLIMITED}}
            transaction.run(schema.settings.insert().values(row | {"updated_at": 0}))
        database.close()

    def cpu(self) -> float:
        """Seconds of CPU used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self) -> float:
        """MiB resident."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+)", text)
        return int(found[1]) / 1024 if found else 0.0

    def measure(
        self, name: str, seconds: float, connections: int, ask: Callable[[Connection, int], int]
    ) -> Measured:
        """Ask over and over on so many connections. ask(connection, number) gives a status."""
        times: list[float] = []
        refused = 0
        lock = threading.Lock()
        ends = time.monotonic() + seconds
        number = iter(range(10**9))

        def one() -> None:
            nonlocal refused
            connection, mine, bad = Connection(self.port), [], 0
            while time.monotonic() < ends:
                started = time.perf_counter()
                status = ask(connection, next(number))
                mine.append(time.perf_counter() - started)
                bad += status >= 400
            with lock:
                times.extend(mine)
                refused += bad

        threads = [threading.Thread(target=one) for _ in range(connections)]
        before, started = self.cpu(), time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return Measured(name, len(times), time.monotonic() - started, self.cpu() - before, times, refused)

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(10)


def hash_cpu() -> float:
    """Seconds of CPU that one password hash takes here."""
    from bkendctl.core.passwords import Hasher

    hasher = Hasher()
    hashed = hasher.hash(PASSWORD)
    started = time.process_time()
    for _ in range(40):
        hasher.matches(hashed, PASSWORD)
    return (time.process_time() - started) / 40


def walk(server: Server, seconds: float, connections: int) -> None:
    """Measure each kind of request and print a row."""
    first = Connection(server.port)
    signup = {"method": "password", "password": PASSWORD, "name": "A"}

    def body(**fields: str) -> bytes:
        return json.dumps(fields).encode()

    def sign_up(connection: Connection, number: int) -> int:
        told = body(**signup, email=f"user{number}@example.com")
        return connection.send("POST", "/v1/auth/email/signup", server.key, told)[0]

    sign_in_body = body(email="a@example.com", password=PASSWORD)
    _, made = first.send("POST", "/v1/auth/email/signup", server.key, body(**signup, email="a@example.com"))
    token = json.loads(made)["accessToken"]
    user = server.key | {"authorization": f"Bearer {token}"}
    tokens = threading.local()

    def refresh(connection: Connection, _number: int) -> int:
        if not hasattr(tokens, "value"):
            status, opened = connection.send("POST", "/v1/auth/email/signin", server.key, sign_in_body)
            if status != 200:  # shed: too many hash at once
                return status
            tokens.value = json.loads(opened)["refreshToken"]
        status, pair = connection.send(
            "POST", "/v1/auth/refresh", server.key, body(refreshToken=tokens.value)
        )
        tokens.value = json.loads(pair).get("refreshToken", "")
        return status

    one = hash_cpu()
    print(f"{'one password hash':24} {1 / one:9.0f}/s {one * 1e6:9.0f} us CPU")
    rows: list[tuple[str, Callable[[Connection, int], int]]] = [
        ("healthz", lambda c, _: c.send("GET", "/healthz", {})[0]),
        ("who am I", lambda c, _: c.send("GET", "/v1/auth/me", user)[0]),
        ("sign-up", sign_up),
        ("sign-in", lambda c, _: c.send("POST", "/v1/auth/email/signin", server.key, sign_in_body)[0]),
        ("refresh", refresh),
        ("list users, page of 20", lambda c, _: c.send("GET", "/v1/users?limit=20", server.admin)[0]),
        (
            "search by e-mail",
            lambda c, n: c.send("GET", f"/v1/users?search=user{n % 9}&searchType=email", server.admin)[0],
        ),
    ]
    for name, ask in rows:
        measured = server.measure(name, seconds, connections, ask)
        print(measured.line(), flush=True)
        if name in ("sign-up", "sign-in"):
            share = one * measured.requests / measured.cpu if measured.cpu else 0.0
            print(f"{'':24} {share:9.0%} of its CPU is the hash")
    print(f"{'memory after load':24} {server.memory():9.0f} MiB")


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--seconds", type=float, default=4.0)
    options.add_argument("--connections", type=int, default=16)
    options.add_argument("--database-url")
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="bkendctl-bench-") as folder:
        server = Server(Path(folder), given.database_url)
        try:
            walk(server, given.seconds, given.connections)
        finally:
            server.close()


if __name__ == "__main__":
    main()
