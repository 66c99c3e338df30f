"""Can sign-in's answering time tell a known address from an unknown one? (P1)

python bench/timing_classifier.py [N]   (default 1000 samples of each; about 50 ms a pair)
Prints the AUC of the best possible threshold on N + N interleaved failed sign-ins; exit 1 above 0.55.
A missing dummy hash gives about 1.0. The error of an AUC of 0.5 is about 0.41 / sqrt(N): 0.013 for 1000.
"""

from __future__ import annotations

import argparse
import gc
import random
import sys
import tempfile
import time
from bisect import bisect_left, bisect_right
from pathlib import Path

from bkendctl.contract import accounts, users
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Operation, Raw, place
from bkendctl.core.call import Source
from bkendctl.core.database import Database, create_private_file
from bkendctl.core.dispatch import execute
from bkendctl.core.installation import initialize
from bkendctl.core.runtime import Core

MOST = 0.55
TRIES_PER_ADDRESS = 80
"""Below the hundred failures that lock an account; each comes from a source of its own."""
WARM_UP = 5
PASSWORD, WRONG = "Corr3ct-horse!", "Batt3ry-staple!"


def raw(operation: Operation, request: accounts.SignIn | users.CreateUser, key: str | None) -> Raw:  # type: ignore[type-arg]
    """A request as it travels."""
    placed = place(operation, request)
    placed.headers["x-api-key"] = str(key)
    return placed


def failed_sign_in(core: Core, key: str | None, email: str, number: int) -> int:
    """Nanoseconds that a wrong password takes."""
    request = raw(accounts.SIGN_IN, accounts.SignIn(email=email, password=WRONG), key)
    source = Source(f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}")
    begun = time.perf_counter_ns()
    try:
        execute(core, accounts.SIGN_IN, request, source)
    except Failure as failure:
        taken = time.perf_counter_ns() - begun
        if failure.code != "auth/invalid-credentials":
            raise
        return taken
    raise AssertionError("a wrong password signed in")


def auc(first: list[int], second: list[int]) -> float:
    """Probability that a sample of the second is the slower one (Mann-Whitney), folded to 0.5 and above."""
    ordered = sorted(first)
    below = sum(bisect_left(ordered, it) + bisect_right(ordered, it) for it in second) / 2
    share = below / (len(first) * len(second))
    return max(share, 1 - share)


def measure(core: Core, keys: tuple[str | None, str | None], samples: int) -> tuple[list[int], list[int]]:
    """Times for known and for unknown addresses, in pairs of random order."""
    publishable, secret = keys
    known = [f"known{number}@example.com" for number in range(-(-samples // TRIES_PER_ADDRESS))]
    for email in [*known, "warm@example.com"]:
        made = users.CreateUser(email=email, name="Known", role="user", password=PASSWORD)
        execute(core, users.CREATE, raw(users.CREATE, made, secret))
    for number in range(WARM_UP):
        for email in ("warm@example.com", "cold@example.com"):
            failed_sign_in(core, publishable, email, (1 << 20) + number)
    times: dict[str, list[int]] = {"known": [], "unknown": []}
    gc.disable()
    for number in range(samples):
        index = number // TRIES_PER_ADDRESS
        for kind in random.sample(["known", "unknown"], 2):
            times[kind].append(failed_sign_in(core, publishable, f"{kind}{index}@example.com", number))
        gc.collect(0)
    gc.enable()
    return times["known"], times["unknown"]


def main() -> int:
    """Measure in a fresh installation and judge."""
    parser = argparse.ArgumentParser(description="Tell known from unknown addresses by time.")
    parser.add_argument("samples", nargs="?", type=int, default=1000, help="of each kind")
    samples = parser.parse_args().samples
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bkendctl.db"
        create_private_file(file)
        core = Core(Database(f"sqlite:///{file}"), bytes(32))
        installed = initialize(core, name="Demo", environment="dev")
        known, unknown = measure(core, (installed.publishable_key, installed.secret_key), samples)
        core.database.close()
    found = auc(known, unknown)
    medians = (sorted(times)[samples // 2] / 1e6 for times in (known, unknown))
    print(f"AUC {found:.3f} (at most {MOST}); medians {', '.join(f'{it:.2f} ms' for it in medians)}")
    return 0 if found <= MOST else 1


if __name__ == "__main__":
    sys.exit(main())
