"""Start-up of each class of commands, as ratios to `python -c pass` in the same run (`make bench-cold`).

Runs are interleaved, so that a noisy machine is noisy for all; medians are printed, with the budget.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "15"))
BARE = [sys.executable, "-c", "pass"]
PROGRAM = [str(Path(sys.executable).with_name("bkendctl"))]

# Command, ratio it must keep, aim (performance.md).
CASES = [
    ("--version", ["--version"], 2.5, 2.5),
    ("token print", ["token", "print"], 7, 7),
    ("profiles list", ["profiles", "list"], 7, 7),
    ("completion values users", ["completion", "values", "users"], 7, 7),
    ("whoami (embedded)", ["whoami"], 40, 25),
    ("sessions list (embedded)", ["sessions", "list"], 40, 25),
    ("users list (embedded)", ["users", "list"], 40, 25),
    ("login (embedded, with its hash)", ["login", "alice@example.com"], None, None),
]


def seconds_of(command: list[str], environment: dict[str, str]) -> float:
    """Wall time of one process."""
    started = time.perf_counter()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return time.perf_counter() - started


def main() -> int:
    """Print the table; exit 1 when a budget is missed."""
    with tempfile.TemporaryDirectory() as home:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("BKENDCTL_")}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its bytecode
        environment |= {
            "BKENDCTL_HOME": home,
            "BKENDCTL_STORE": "file",
            "BKENDCTL_PASSWORD": "Corr3ct-horse!",
        }
        for setup in (["init"], ["signup", "alice@example.com", "--name", "Alice"]):
            subprocess.run(PROGRAM + setup, env=environment, check=True, capture_output=True)
        samples: dict[str, list[float]] = {"python -c pass": []}
        samples |= {name: [] for name, *_ in CASES}
        for _, arguments, *_ in CASES:
            seconds_of(PROGRAM + arguments, environment)
        for _ in range(ROUNDS):
            samples["python -c pass"].append(seconds_of(BARE, environment))
            for name, arguments, *_ in CASES:
                samples[name].append(seconds_of(PROGRAM + arguments, environment))
    bare = statistics.median(samples["python -c pass"])
    print(f"{'command':34} {'ms':>7} {'ratio':>7} {'budget':>7} {'aim':>5}")
    print(f"{'python -c pass':34} {bare * 1000:7.1f} {1:7.1f}")
    missed = 0
    for name, _, budget, aim in CASES:
        median = statistics.median(samples[name])
        ratio = median / bare
        verdict = "" if budget is None or ratio <= budget else "  over budget"
        missed += bool(verdict)
        limits = f"{budget or '-':>7} {aim or '-':>5}"
        print(f"{name:34} {median * 1000:7.1f} {ratio:7.1f} {limits}{verdict}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
