"""A million users: pages, searches and export of the core, on SQLite and PostgreSQL, beside plain SQLite.

    python bench/million.py [--users 1000000] [--database sqlite|postgresql|both] [--repeat 200]

The data is made anew in a temporary folder and removed. Each row is p50 and p99 of calls of the core in this
process, key check, decoding and audit rules included; plain SQLite reads the same file by one statement. The
machine is never quiet: compare ratios within a run.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bkendctl.contract import users
from bkendctl.contract.operation import place
from bkendctl.core import schema
from bkendctl.core.database import Database, create_private_file, sqlite_module
from bkendctl.core.dispatch import execute
from bkendctl.core.installation import initialize
from bkendctl.core.runtime import Core
from tests.postgres import own_server

CHUNK = 20_000
FIRST = ("Anna", "Bela", "Cem", "Dora", "Emil", "Fatma", "Gül", "Hugo", "Ida", "Jan", "Kaya", "Lea", "Mert")
LAST = ("Berg", "Çelik", "Dupont", "Eder", "Fischer", "García", "Huber", "Ivanov", "Jansen", "Kim", "Lopez")
START = 1_700_000_000_000
COLUMNS = (
    "id", "environment_id", "email", "name", "nickname", "is_public", "role", "banned_at", "deleted_at",
    "last_sign_in_at", "created_at", "updated_at",
)  # fmt: skip


def rows(count: int, environment: str, chance: random.Random) -> Iterator[list[dict[str, Any]]]:
    """Users in chunks: 1 in 1,000 an admin, 1 in 10 a guest, 1 in 200 banned, 1 in 50 deleted."""
    for start in range(0, count, CHUNK):
        chunk = []
        for number in range(start, min(start + CHUNK, count)):
            first, last = chance.choice(FIRST), chance.choice(LAST)
            role = "admin" if number % 1000 == 7 else "guest" if number % 10 == 3 else "user"
            address = f"{first}.{last}.{number}@example.com"
            made = START + number * 1000
            values = (
                f"{chance.getrandbits(128):032x}0000", environment, address.lower(),
                f"{first} {last}", f"{first[:2]}{number % 977}" if number % 3 else None, False, role,
                made if number % 200 == 11 else None, made if number % 50 == 17 else None,
                made + 5 if number % 2 else None, made, made,
            )  # fmt: skip
            chunk.append(dict(zip(COLUMNS, values, strict=True)))
        yield chunk


def fill(database: Database, environment: str, count: int) -> float:
    """Insert users through the table, so that triggers keep counts and index; gives users a second."""
    began = time.perf_counter()
    for chunk in rows(count, environment, random.Random(7)):
        with database.write() as transaction:
            transaction.fill(schema.users, COLUMNS, [tuple(row.values()) for row in chunk])
    return count / (time.perf_counter() - began)


def timed(action: Callable[[], Any], repeat: int) -> str:
    """p50 and p99 in milliseconds; the first call, which builds statements, is left out."""
    action()
    taken = []
    for _ in range(repeat):
        began = time.perf_counter()
        action()
        taken.append((time.perf_counter() - began) * 1000)
    taken.sort()
    return f"{taken[len(taken) // 2]:9.3f} {taken[int(len(taken) * 0.99)]:9.3f}"


def lists(count: int) -> dict[str, dict[str, Any]]:
    """What is asked for."""
    far = min(5_000, count // 20 // 2)
    return {
        "page 1": {},
        f"page {far:,}": {"page": far},
        "last page": {"page": (count - count // 50) // 20},
        "page 1, role admin": {"role": "admin"},
        "page 1, status active": {"status": "active"},
        "page 1 by name": {"sort_by": "name", "sort_direction": "asc"},
        "exact e-mail": {"search": EXACT.format(count // 2 + 3), "search_type": "email"},
        "e-mail prefix": {"search": "anna.berg.12", "search_type": "email"},
        "substring, rare": {"search": f"{count // 3}@"},
        "substring, common": {"search": "berg"},
        "substring, everybody": {"search": "example"},
        "two letters": {"search": "la"},
        "nothing found": {"search": "zzqqzz"},
    }


EXACT = ".{}@example.com"


def measure(core: Core, key: str, count: int, repeat: int) -> None:
    """Print a table of one database."""

    def ask(**wanted: Any) -> users.UserPage:
        raw = place(users.LIST, users.ListUsers(**wanted))
        raw.headers = {"x-api-key": key}
        answer: users.UserPage = execute(core, users.LIST, raw)
        return answer

    for name, wanted in lists(count).items():
        found = ask(**wanted).pagination
        about = f"{'' if found.total_is_exact else '>'}{found.total}"
        print(f"  {name:24} {timed(lambda w=wanted: ask(**w), repeat)}   {about}", flush=True)
    cursor, began, seen = None, time.perf_counter(), 0
    while seen < count // 10:
        page = ask(limit=100, **({"cursor": cursor} if cursor else {}))
        seen, cursor = seen + len(page.items), page.next_cursor
    print(f"  by cursor, 100 a page    {seen / (time.perf_counter() - began):9,.0f} users/s")
    raw = place(users.EXPORT, users.ExportUsers())
    raw.headers = {"x-api-key": key}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, exported = time.perf_counter(), sum(1 for _ in execute(core, users.EXPORT, raw))
    rate = exported / (time.perf_counter() - began)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"  export                   {rate:9,.0f} users/s, {grown:.1f} MiB more at its peak", flush=True)


def measure_plain(file: Path, environment: str, count: int, repeat: int) -> None:
    """The limit: one statement on the same file, without total, rules or our types."""
    connection = sqlite_module().connect(file)
    of, live = "SELECT * FROM users WHERE environment_id = ?", "deleted_at IS NULL ORDER BY created_at DESC"
    page = f"{of} AND {live}, id DESC LIMIT 20 OFFSET"
    hits = "SELECT count(*) FROM (SELECT rowid FROM user_search WHERE user_search MATCH ? LIMIT 10001)"
    far = min(5_000, count // 20 // 2)
    statements: dict[str, tuple[str, tuple[Any, ...]]] = {
        "page 1": (f"{page} 0", (environment,)),
        f"page {far:,}": (f"{page} {(far - 1) * 20}", (environment,)),
        "exact e-mail": (
            f"{of} AND email = ? AND deleted_at IS NULL",
            (environment, "anna.berg.1@example.com"),
        ),
        "e-mail prefix": (
            f"{of} AND email >= 'anna.berg.12' AND email < 'anna.berg.13' AND deleted_at IS NULL LIMIT 20",
            (environment,),
        ),
        "substring, rare, counted": (hits, (f'"{count // 3}@"',)),
        "substring, common, counted": (hits, ('"berg"',)),
        "count of all": ("SELECT count(*) FROM users", ()),
    }
    for name, (statement, values) in statements.items():
        times = timed(lambda s=statement, v=values: connection.execute(s, v).fetchall(), min(repeat, 50))
        print(f"  {name:27} {times}", flush=True)
    began = time.perf_counter()
    exported = sum(1 for _ in connection.execute(f"{of} AND deleted_at IS NULL", (environment,)))
    print(f"  export                   {exported / (time.perf_counter() - began):9,.0f} users/s")
    connection.close()


def run(url: str, arguments: argparse.Namespace) -> None:
    """Set up, fill and measure one database."""
    core = Core(Database(url), bytes(range(32)))
    installed = initialize(core, name="Bench", environment="prod")
    with core.database.write() as transaction:
        environment = str(transaction.value(schema.environments.select()))
        limits = {"rateLimits": {"default": {"limit": 1_000_000, "windowSeconds": 60}}}
        row = {"environment_id": environment, "section": "sessions", "stored": limits, "updated_at": 0}
        transaction.run(schema.settings.insert().values(row))
    print(f"{'SQLite' if core.database.file else 'PostgreSQL'}: {arguments.users:,} users", flush=True)
    print(f"  filled at {fill(core.database, environment, arguments.users):,.0f} users/s", flush=True)
    if core.database.file is None:
        with core.database.engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("VACUUM ANALYZE users")
    print(f"  {'ms':24} {'p50':>9} {'p99':>9}   total")
    measure(core, str(installed.secret_key), arguments.users, arguments.repeat)
    if core.database.file is not None:
        core.database.close()
        print("plain SQLite on the same file")
        measure_plain(core.database.file, environment, arguments.users, arguments.repeat)
        print(f"  file: {core.database.file.stat().st_size / 2**20:,.0f} MiB")
    core.database.close()


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--repeat", type=int, default=200)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bkendctl-million-"))
    try:
        if arguments.database != "postgresql":
            create_private_file(folder / "bench.db")
            run(f"sqlite:///{folder / 'bench.db'}", arguments)
        if arguments.database != "sqlite":
            with own_server() as (url, _stop):
                run(url, arguments)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    os.umask(0o077)
    main()
