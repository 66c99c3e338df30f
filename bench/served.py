"""bkendctl serve as a process of its own, on a throw-away core without limits of rate; what is asked of it.

Who wants it pinned sets the affinity of this process first: a child inherits it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from load import Asker, once, request
from million import fill
from sqlalchemy import select

from bkendctl.core import schema
from bkendctl.core.database import Database

PASSWORD = "Corr3ct-horse!"
TICKS = os.sysconf("SC_CLK_TCK")
UNLIMITED = {
    name: {"limit": 1_000_000, "windowSeconds": 60, "limitPerSource": 1_000_000}
    for name in ("default", "login", "loginSource", "code")
}


class Served:
    """A running server. askers: by row, what one connection asks again and again."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self.port = port
        self.askers: dict[str, Callable[[], Asker]] = {}

    def cpu(self) -> float:
        """Seconds of CPU used so far, user and system."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self) -> float:
        """MiB resident."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def always(self, row: str, method: str, path: str, headers: dict[str, str], body: Any = None) -> None:
        """A row whose request is always the same."""
        wanted = request(method, path, headers, body)
        self.askers[row] = lambda: Asker(lambda: wanted)


@contextmanager
def served(folder: Path, database_url: str | None = None, users: int = 0) -> Iterator[Served]:
    """Set up in an empty folder, with so many users besides; ended with the block."""
    environment = os.environ | {"BKENDCTL_HOME": str(folder), "BKENDCTL_STORE": "file"}
    if database_url:
        environment["BKENDCTL_DATABASE_URL"] = database_url
    program = [sys.executable, "-m", "bkendctl"]
    told = subprocess.run([*program, "init", "-o", "json"], env=environment, check=True, capture_output=True)
    _prepare(Database(database_url or f"sqlite:///{folder / 'bkendctl.db'}"), users)
    process = subprocess.Popen(
        [*program, "serve", "--port", "0", "--no-access-log"],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        found = re.search(r":(\d+);", process.stderr.readline())
        assert found is not None
        server = Served(process, int(found[1]))
        _learn(server, json.loads(told.stdout))
        yield server
    finally:
        process.terminate()
        process.wait(20)


def _prepare(database: Database, users: int) -> None:
    with database.write() as transaction:
        environment = str(transaction.value(select(schema.environments.c.id)))
        row = {"environment_id": environment, "section": "sessions", "stored": {"rateLimits": UNLIMITED}}
        transaction.run(schema.settings.insert().values(row | {"updated_at": 0}))
    fill(database, environment, users)
    database.close()


def _learn(server: Served, installed: dict[str, str]) -> None:
    """Make a user, and say what is asked."""
    key, admin = {"x-api-key": installed["publishableKey"]}, {"x-api-key": installed["secretKey"]}
    sign_up = {"method": "password", "password": PASSWORD, "name": "A"}
    credentials = {"email": "me@example.com", "password": PASSWORD}
    made = once(server.port, request("POST", "/v1/auth/email/signup", key, sign_up | credentials))
    numbers = count()

    def signing_up() -> bytes:
        email = f"new{next(numbers)}@example.com"
        return request("POST", "/v1/auth/email/signup", key, sign_up | {"email": email})

    def refreshing() -> Asker:
        held = once(server.port, request("POST", "/v1/auth/email/signin", key, credentials))

        def ask() -> bytes:
            return request("POST", "/v1/auth/refresh", key, {"refreshToken": held["refreshToken"]})

        return Asker(ask, lambda _status, body: held.update(json.loads(body)))

    server.always("healthz", "GET", "/healthz", {})
    server.always("who am I", "GET", "/v1/auth/me", key | {"authorization": f"Bearer {made['accessToken']}"})
    server.always("list of 20 with total", "GET", "/v1/users?limit=20", admin)
    found = "/v1/users?search=anna.berg&searchType=email&limit=20"
    server.always("search by e-mail", "GET", found, admin)
    server.always("sign-in", "POST", "/v1/auth/email/signin", key, credentials)
    server.askers["sign-up"] = lambda: Asker(signing_up)
    server.askers["refresh"] = refreshing
