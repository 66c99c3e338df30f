"""db backup: online, checked, all or nothing."""

from __future__ import annotations

import os
import stat
import sys
import tarfile
from pathlib import Path

import pexpect
import pytest
from machine import Machine
from shell import ROOT
from sqlalchemy import select

from bkendctl.core import schema
from bkendctl.core.backup import check, copy
from bkendctl.core.database import SCHEMA, sqlite_module

IN_CHILD = """
import os, resource, signal, sys

def too_full():
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

def interrupted():
    def at(frame, event, arg):
        if event == "call" and frame.f_code.co_name == sys.argv[2] and "bkendctl" in frame.f_code.co_filename:
            sys.setprofile(None)
            signal.raise_signal(signal.SIGINT)
    sys.setprofile(at)

from bkendctl.__main__ import main
globals()[sys.argv[1]]()
sys.exit(main(["db", "backup", "--yes", *sys.argv[3:]]))
"""


def users_in(file: Path) -> list[str]:
    """E-mail addresses in a copy, read without writing to it."""
    connection = sqlite_module().connect(f"file:{file}?mode=ro&immutable=1", uri=True)
    try:
        return [row[0] for row in connection.execute("SELECT email FROM users ORDER BY created_at")]
    finally:
        connection.close()


def corrupt(machine: Machine) -> None:
    """Overwrite pages in the middle, as a failing disk does; the head stays."""
    machine.sql("PRAGMA wal_checkpoint(TRUNCATE)")
    file = machine.paths.database_file
    with file.open("r+b") as content:
        content.seek(file.stat().st_size // 2 // 4096 * 4096)
        content.write(b"\xff" * 8192)


def test_a_copy_is_whole_private_and_stands_alone(machine: Machine, tmp_path: Path) -> None:
    """One file of mode 0600 in a folder that is left as it was; what is only in the log is in it too."""
    folder = tmp_path / "backups"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    core = machine.core()
    with core.database.read():  # keeps the log from being emptied
        machine.run("users", "create", "bob@example.com", "--name", "Bob")
        shown = machine.json("db", "backup", str(folder / "monday.db"))
    core.database.close()
    assert [file.name for file in folder.iterdir()] == ["monday.db"]
    assert stat.S_IMODE((folder / "monday.db").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert users_in(folder / "monday.db") == ["alice@example.com", "bob@example.com"]
    assert shown == {
        "file": str(folder / "monday.db"),
        "bytes": (folder / "monday.db").stat().st_size,
        "schema": SCHEMA,
        "masterKeyInside": False,
    }


def test_writers_go_on_during_a_copy(machine: Machine, tmp_path: Path) -> None:
    """Whoever writes between two steps is not held up, and the copy shows one moment."""
    core = machine.core()
    table = schema.throttles
    with core.database.write() as transaction:
        environment = transaction.value(select(schema.environments.c.id))
        row = {
            "environment_id": environment,
            "kind": "x",
            "attempts": list(range(400)),
            "requests": 0,
            "expires_at": 0,
        }
        transaction.run(table.insert(), [row | {"key": f"{number:064}"} for number in range(2_000)])
    steps = []

    def write(done: int, total: int) -> None:
        steps.append(done)
        with core.database.write() as transaction:
            transaction.run(table.delete().where(table.c.key == f"{len(steps):064}"))

    (tmp_path / "copy.db").touch()
    copy(machine.paths.database_file, tmp_path / "copy.db", write)
    check(tmp_path / "copy.db")
    assert machine.sql("SELECT count(*) FROM throttles WHERE kind = 'x'", file=tmp_path / "copy.db") == [
        (2_000,)
    ]
    core.database.close()
    assert len(steps) > 2
    assert steps == sorted(steps), "the copy began anew"


def test_an_archive_holds_database_and_key(machine: Machine, tmp_path: Path) -> None:
    """--with-files makes one private tar whose members are private too."""
    file = tmp_path / "all.tar"
    assert machine.json("db", "backup", str(file), "--with-files")["masterKeyInside"] is True
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with tarfile.open(file) as archive:
        members = {member.name: member.mode for member in archive.getmembers()}
        key = archive.extractfile("master.key")
        assert key is not None
        assert key.read() == machine.paths.master_key_file.read_bytes()
    assert members == {"master.key": 0o600, "bkendctl.db": 0o600}
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["all.tar"]


def test_a_file_that_is_there_is_replaced_only_when_told(machine: Machine, tmp_path: Path) -> None:
    """Without --yes the old file stays as it is."""
    file = tmp_path / "b.db"
    file.write_text("precious")
    assert "--yes" in machine.run("db", "backup", str(file), status=2).err
    assert file.read_text() == "precious"
    machine.run("db", "backup", str(file), "--yes")
    assert users_in(file) == ["alice@example.com"]


@pytest.mark.parametrize("name", ["bkendctl.db", "bkendctl.db-wal", "master.key", "config.toml"])
def test_the_core_is_never_overwritten(machine: Machine, name: str) -> None:
    """Not even with --yes does a backup take the place of a file of the core, by whatever path."""
    before = machine.paths.master_key_file.read_bytes()
    detour = machine.home / ".." / machine.home.name / name
    machine.run("db", "backup", str(detour), "--yes", status=2)
    assert machine.paths.master_key_file.read_bytes() == before
    assert machine.json("whoami")["email"] == "alice@example.com"


def test_a_link_is_not_followed(machine: Machine, tmp_path: Path) -> None:
    """A link in the file's place may lead to what is another's."""
    (tmp_path / "other").write_text("precious")
    (tmp_path / "b.db").symlink_to(tmp_path / "other")
    assert "cli/unsafe-file" in machine.run("db", "backup", str(tmp_path / "b.db"), "--yes", status=1).err
    assert (tmp_path / "other").read_text() == "precious"


@pytest.mark.parametrize("more", [[], ["--with-files"]])
def test_a_full_disk_leaves_nothing_behind(machine: Machine, tmp_path: Path, more: list[str]) -> None:
    """One line, status 1, the file that was there untouched, no piece of a copy."""
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "b.db").write_text("older")
    ended = machine.python(IN_CHILD, "too_full", "-", str(folder / "b.db"), *more)
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: ")
    assert "cannot be written" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert [file.name for file in folder.iterdir()] == ["b.db"]
    assert (folder / "b.db").read_text() == "older"


@pytest.mark.parametrize("moment", ["_create", "tell", "check", "_pack", "replace_private"])
def test_ctrl_c_leaves_nothing_behind(machine: Machine, tmp_path: Path, moment: str) -> None:
    """Whenever it comes, the status is 130 and no secret lies about."""
    folder = tmp_path / "backups"
    folder.mkdir()
    ended = machine.python(IN_CHILD, "interrupted", moment, str(folder / "b.tar"), "--with-files")
    assert ended.returncode == 130, ended.stderr
    assert "[cli/interrupted]" in ended.stderr
    assert list(folder.iterdir()) == []


def test_a_damaged_database_is_not_passed_for_a_backup(machine: Machine, tmp_path: Path) -> None:
    """The copy is checked before it gets its name."""
    corrupt(machine)
    folder = tmp_path / "backups"
    folder.mkdir()
    assert "cli/database-damaged" in machine.run("db", "backup", str(folder / "b.db"), status=1).err
    assert list(folder.iterdir()) == []


def test_a_bar_is_drawn_on_a_terminal_alone(machine: Machine, tmp_path: Path) -> None:
    """Where stderr is a pipe there is no trace of it; -q draws none either."""
    ended = machine.python(
        "import sys; from bkendctl.__main__ import main; sys.exit(main(sys.argv[1:]))",
        "db", "backup", str(tmp_path / "piped.db"),
    )  # fmt: skip
    assert ended.returncode == 0
    assert "Copying" not in ended.stderr
    for options, expected in (((), True), (("-q",), False)):
        arguments = ["-m", "bkendctl", "db", "backup", str(tmp_path / "b.db"), "--yes", *options]
        child = pexpect.spawn(
            sys.executable,
            arguments,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            encoding="utf-8",
            timeout=30,
        )
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == 0
        assert ("Copying" in child.before) is expected
