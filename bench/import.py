"""Users that come in and go out: by the core, by the CLI embedded, over HTTP, beside plain SQLite in one run.

    python bench/import.py [--users 100000] [--database sqlite|postgresql|both]

Every user has a hash and a proven address, so three rows are written: user, password, account. Plain
SQLite is the limit: it writes the same three rows into the same tables with the same indexes, and a batch's
trigrams by one statement, through no line of ours. All commit every 1,000 users, durably. Rates are by the
clock and by the CPU time of all processes; the second holds on a busy machine. Compare within a run.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bkendctl.contract import users
from bkendctl.contract.operation import Raw
from bkendctl.core import schema
from bkendctl.core.database import Database, create_private_file, sqlite_module
from bkendctl.core.dispatch import execute
from bkendctl.core.installation import initialize
from bkendctl.core.randomness import SystemRandomness, new_ids
from bkendctl.core.runtime import Core
from tests.postgres import own_server

AT_ONCE = 1_000
HASH = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$" + "A" * 43
FIRST = ("Anna", "Bela", "Cem", "Dora", "Emil", "Fatma", "Gül", "Hugo", "Ida", "Jan", "Kaya", "Lea", "Mert")
LAST = ("Berg", "Çelik", "Dupont", "Eder", "Fischer", "García", "Huber", "Ivanov", "Jansen", "Kim", "Lopez")


def made_up(count: int) -> Iterator[list[dict[str, Any]]]:
    """Users as an import takes them, in batches; addresses in no order."""
    chance = random.Random(7)
    for start in range(0, count, AT_ONCE):
        batch = []
        for number in range(start, min(start + AT_ONCE, count)):
            first, last = chance.choice(FIRST), chance.choice(LAST)
            address = f"{chance.choice('abcdefghijkl')}{chance.getrandbits(32)}.{number}@bench.example.com"
            row = {"email": address, "name": f"{first} {last}", "passwordHash": HASH, "emailVerified": True}
            batch.append({**row, "createdAt": "2024-01-01T00:00:00.000Z", "externalId": str(number)})
        yield batch


def cpu() -> float:
    """Seconds of CPU that this process and those it has waited for have used."""
    own, below = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + below.ru_utime + below.ru_stime


def told(name: str, count: int, action: Callable[[], str]) -> None:
    """Do it and print a row. action: gives what else is to be said."""
    began, used = time.perf_counter(), cpu()
    more = action()
    wall, used = time.perf_counter() - began, cpu() - used
    print(f"  {name:32} {count / wall:9,.0f} {count / used:9,.0f}   {more}", flush=True)


def plain(file: Path, batches: list[list[dict[str, Any]]]) -> str:
    """Write by the driver alone what an import writes; gives nothing to add."""
    connection = sqlite_module().connect(file)
    connection.isolation_level = None
    for pragma in ("synchronous=FULL", "journal_mode=WAL", "foreign_keys=ON", "cache_size=-16384"):
        connection.execute(f"PRAGMA {pragma}")
    for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {trigger}")
    (environment,) = connection.execute("SELECT id FROM environments").fetchone()
    number, ids = 1 << 40, new_ids(SystemRandomness(), 2 * AT_ONCE * len(batches))
    for batch in batches:
        rows = [(next(ids), row["email"], row["name"]) for row in batch]
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            "INSERT INTO users (id, environment_id, email, email_verified_at, name, is_public, role, "
            f"created_at, updated_at) VALUES (?1, '{environment}', ?2, 1, ?3, 0, 'user', 1, 1)",
            rows,
        )
        connection.executemany(
            "INSERT INTO passwords (user_id, environment_id, hash, changed_at) VALUES (?, ?, ?, 1)",
            [(row[0], environment, HASH) for row in rows],
        )
        connection.executemany(
            "INSERT INTO linked_accounts (id, environment_id, user_id, provider, provider_account_id, email, "
            "connected_at) VALUES (?1, ?2, ?3, 'email', ?4, ?4, 1)",
            [(next(ids), environment, row[0], row[1]) for row in rows],
        )
        numbered = [(number + place, row[0]) for place, row in enumerate(rows)]
        connection.executemany("INSERT INTO user_search_rows (number, user_id) VALUES (?, ?)", numbered)
        connection.execute(
            "INSERT INTO user_search (rowid, name, nickname, email) SELECT number, name, '', email "
            "FROM user_search_rows JOIN users ON id = user_id WHERE number >= ?",
            (number,),
        )
        connection.execute("COMMIT")
        number += len(rows)
    connection.close()
    return ""


class Home:
    """An installation of its own. url: of an empty PostgreSQL database, None for a file."""

    def __init__(self, folder: Path, url: str | None) -> None:
        self.environment = os.environ | {"BKENDCTL_HOME": str(folder), "BKENDCTL_STORE": "file"}
        if url:
            self.environment["BKENDCTL_DATABASE_URL"] = url
        self.installed = json.loads(self.run("init", "-o", "json"))
        self.file = folder / "bkendctl.db"

    def run(self, *arguments: str) -> str:
        """A command's stdout."""
        command = [sys.executable, "-m", "bkendctl", *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def peak(self, *arguments: str) -> str:
        """Run a command and say how much memory it had at its peak."""
        # Of /proc: what getrusage tells begins with the parent's.
        code = (
            "import atexit, runpy, sys; atexit.register(lambda: print([line.split()[1] for line in "
            "open('/proc/self/status') if line.startswith('VmHWM')][0], file=sys.stderr)); "
            "runpy.run_module('bkendctl', run_name='__main__')"
        )
        command = [sys.executable, "-c", code, *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True)
        return f"{int(done.stderr.split()[-1]) // 1024} MiB at its peak"


def by_core(batches: list[list[dict[str, Any]]], url: str) -> Callable[[], str]:
    """The core in this process, on a database that is made for it."""
    core = Core(Database(url), bytes(32))
    key = str(initialize(core, name="Bench", environment="prod").secret_key)

    def run() -> str:
        for batch in batches:
            raw = Raw(body={"users": batch})
            raw.headers = {"x-api-key": key}
            result = execute(core, users.IMPORT, raw)
            assert result.created == len(batch), result.results[0]
        with core.database.read() as transaction:
            kept = sum(row.number for row in transaction.all(schema.user_counts.select()))
        core.database.close()
        return f"{kept:,} counted"

    return run


def over_http(home: Home, folder: Path, file: Path) -> Callable[[], str]:
    """The CLI beside a server: both are counted."""
    serve = [sys.executable, "-m", "bkendctl", "serve", "--port", "0", "--no-access-log"]

    def run() -> str:
        server = subprocess.Popen(serve, env=home.environment, stderr=subprocess.PIPE, text=True)
        try:
            assert server.stderr is not None
            found = re.search(r":(\d+);", server.stderr.readline())
            assert found is not None
            environment = home.environment | {
                "BKENDCTL_HOME": str(folder),
                "BKENDCTL_URL": f"http://127.0.0.1:{found[1]}",
                "BKENDCTL_API_KEY": home.installed["secretKey"],
            }
            command = [sys.executable, "-m", "bkendctl", "users", "import", str(file), "--from", "jsonl"]
            subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()
        return "server and CLI"

    return run


def measure(count: int, url: str | None, folder: Path) -> None:
    """Print the table of one database. url: of an empty PostgreSQL database, None for SQLite."""
    batches = list(made_up(count))
    file = folder / "users.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for batch in batches for row in batch))
    print(f"{'PostgreSQL' if url else 'SQLite'}: {count:,} users; a second {'by clock':>12} {'by CPU':>9}")
    if not url:
        limit = Home(folder / "plain", None)
        told("import, plain SQLite", count, lambda: plain(limit.file, batches))
        create_private_file(folder / "core.db")
        told("import, core", count, by_core(batches, f"sqlite:///{folder / 'core.db'}"))
    home = Home(folder / "cli", url)
    load = ("users", "import", str(file), "--from", "jsonl")
    told("import, CLI embedded", count, lambda: home.peak(*load))
    told("the same again: all skipped", count, lambda: home.peak(*load))
    for kind in ("jsonl", "csv"):
        typed = ("users", "export", "--to", kind, "--file", str(folder / f"out.{kind}"))
        told(f"export to {kind}, CLI embedded", count, lambda typed=typed: home.peak(*typed))
    if not url:
        served = Home(folder / "http", None)
        told("import, over HTTP", count, over_http(served, folder / "client", file))


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="sqlite")
    arguments = parser.parse_args()
    if arguments.database != "postgresql":
        with tempfile.TemporaryDirectory(prefix="bkendctl-import-") as folder:
            measure(arguments.users, None, Path(folder))
    if arguments.database != "sqlite":
        print("(the server's own CPU time is not in these)")
        with tempfile.TemporaryDirectory(prefix="bkendctl-import-") as folder, own_server() as (url, _stop):
            measure(arguments.users, url, Path(folder))


if __name__ == "__main__":
    os.umask(0o077)
    main()
