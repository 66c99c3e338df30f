"""db restore cut short: Ctrl-C, kill -9 and full disks leave the old database or the new, with its key."""

from __future__ import annotations

import signal
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
from machine import NEW, OLD, Machine, assert_works, users_of

TOO_FULL = """
import resource, sys
from bkendctl.__main__ import main

resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
sys.exit(main(["db", "restore", "--yes", sys.argv[1]]))
"""

FULL_WHILE_REPLACING = """
import resource, sys
from bkendctl.__main__ import main

def at(frame, event, arg):
    if event == "call" and frame.f_code.co_name == "put" and "backup" in frame.f_code.co_filename:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

sys.setprofile(at)
sys.exit(main(["db", "restore", "--yes", sys.argv[1]]))
"""

INTERRUPTED = """
import signal, sys
from bkendctl.__main__ import main
from bkendctl.core import backup

backup.PAGES = 8
countdown = int(sys.argv[1])

def at(frame, event, arg):
    global countdown
    if event == "call" and frame.f_code.co_name == "tell" and "bkendctl" in frame.f_code.co_filename:
        countdown -= 1
        if countdown == 0:
            signal.raise_signal(int(sys.argv[2]))

sys.setprofile(at)
sys.exit(main(["db", "restore", "--yes", sys.argv[3]]))
"""


STEPS = ("keep_key", "replace_private", "_sync_dir", "put", "tell")
INTERRUPTIONS = (signal.SIGINT, signal.SIGKILL)


def lose_key(machine: Machine) -> None:
    """The master key is gone; the database cannot be opened any more, but read."""
    machine.paths.master_key_file.unlink()


def lose_both(machine: Machine) -> None:
    """Key and database are gone."""
    lose_key(machine)
    for beside in ("", "-wal", "-shm"):
        Path(f"{machine.paths.database_file}{beside}").unlink(missing_ok=True)


def ruin_database(machine: Machine) -> None:
    """The key is gone and SQLite cannot read the database."""
    lose_both(machine)
    machine.paths.database_file.write_bytes(b"garbage" * 1000)


LOSSES = (lose_key, lose_both, ruin_database)
TELLING = (
    (lose_key, signal.SIGINT, "keep_key"),
    (lose_both, signal.SIGKILL, "replace_private"),
    (ruin_database, signal.SIGINT, "put"),
    (lose_both, signal.SIGINT, "tell"),
)
"""What the ordinary run tries: each loss, each interruption, before, at and after the replacement."""


@pytest.mark.parametrize(
    ("lose", "number", "name"),
    [
        pytest.param(*moment, marks=[] if moment in TELLING else pytest.mark.slow)
        for moment in product(LOSSES, INTERRUPTIONS, STEPS)
    ],
    ids=lambda each: getattr(each, "__name__", None),
)
def test_interrupted_it_never_leaves_a_key_without_its_database(
    machine: Machine, archive: Path, lose: Callable[[Machine], None], number: signal.Signals, name: str
) -> None:
    """Where the archive brings the key: it is there with its database, or gone; and it can be done again."""
    lose(machine)
    before = machine.files()
    code = INTERRUPTED.replace('== "tell"', f'== "{name}"')
    for step in (1, 2, 3, 6):
        ended = machine.python(code, str(step), str(int(number)), str(archive))
        if ended.returncode == 0:
            break
        assert ended.returncode == (130 if number is signal.SIGINT else -9), ended.stderr
        if machine.paths.master_key_file.exists() and number is signal.SIGINT:
            assert_works(machine, OLD if lose is not lose_key else users_of(machine))
        elif number is signal.SIGINT:
            left = {found for found in machine.files() - before if ".before-restore-" not in found}
            assert left == set()
    machine.run("db", "restore", str(archive), "--yes")
    assert_works(machine, OLD)


def test_a_full_disk_takes_the_key_of_an_archive_back(machine: Machine, archive: Path) -> None:
    """With nothing of the old left, a disk that fills up leaves nothing of the new."""
    lose_both(machine)
    before = machine.files()
    ended = machine.python(TOO_FULL, str(archive))
    assert ended.returncode == 1
    assert "cli/file" in ended.stderr
    assert machine.files() == before


def test_a_disk_that_fills_while_replacing_changes_nothing(machine: Machine, monday: Path) -> None:
    """The copy of the old fits, the new content does not: SQLite rolls back."""
    before = machine.files()
    ended = machine.python(FULL_WHILE_REPLACING, str(monday))
    assert ended.returncode == 1, ended.stderr
    assert "cli/file" in ended.stderr
    assert machine.files() == before
    assert_works(machine, NEW)


def test_a_full_disk_changes_nothing(machine: Machine, monday: Path) -> None:
    """One line, exit 1, and neither a copy nor a key is left."""
    before = machine.files()
    ended = machine.python(TOO_FULL, str(monday))
    assert ended.returncode == 1
    assert "cli/file" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert machine.files() == before
    assert_works(machine, NEW)


@pytest.mark.parametrize(
    ("step", "number"),
    [
        (3, signal.SIGINT),
        (30, signal.SIGKILL),
        *(
            pytest.param(*moment, marks=pytest.mark.slow)
            for moment in product((3, 14, 30), INTERRUPTIONS)
            if moment not in ((3, signal.SIGINT), (30, signal.SIGKILL))
        ),
    ],
)
def test_interrupted_it_leaves_the_database_of_before(
    machine: Machine, monday: Path, step: int, number: signal.Signals
) -> None:
    """At each stage: taking the backup over, keeping the old one, replacing it."""
    before = machine.files()
    ended = machine.python(INTERRUPTED, str(step), str(int(number)), str(monday))
    assert ended.returncode == (130 if number is signal.SIGINT else -9), ended.stderr
    assert_works(machine, NEW)
    if number is signal.SIGINT:
        left = {name for name in machine.files() - before if ".before-restore-" not in name}
        assert left == set()
    machine.run("db", "restore", str(monday), "--yes")
    assert_works(machine, OLD)
