"""db restore: checked before, refused while in use, all or nothing, and the replaced database is kept."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
from machine import NEW, OLD, Machine, assert_works, users_of
from shell import ROOT

from bkendctl.core.database import Database, sqlite_module
from bkendctl.core.occupancy import serving

OTHER_KEY = b64encode(bytes(32)).decode()

OPENS_AND_WAITS = """
import sys
from bkendctl.core.database import Database
database = Database("sqlite:///" + sys.argv[1])
database.require()
print("open", flush=True)
sys.stdin.read()
"""


def test_a_backup_takes_the_place_of_the_database(machine: Machine, monday: Path) -> None:
    """What came after the backup is in the copy that is kept, and the audit says who did it."""
    shown = machine.json("db", "restore", str(monday), "--yes")
    kept = Path(shown["before"])
    assert shown["masterKey"] == "same"
    assert kept.name.startswith("bkendctl.db.before-restore-")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert users_of(machine, kept) == NEW
    assert_works(machine, OLD)
    assert machine.json("audit", "list", "--action", "db.restore")["items"][0]["actor"]["type"] == "local"
    machine.run("db", "restore", str(kept), "--yes")
    assert_works(machine, NEW)


def test_it_asks_before(machine: Machine, monday: Path) -> None:
    """Without --yes and without a terminal nothing happens."""
    before = machine.files()
    assert "--yes" in machine.run("db", "restore", str(monday), status=2).err
    assert machine.files() == before
    assert_works(machine, NEW)


def test_it_is_refused_while_another_process_has_the_database_open(machine: Machine, monday: Path) -> None:
    """Also when that process is idle: it would go on with what it remembers."""
    before = machine.files()
    code = [sys.executable, "-c", OPENS_AND_WAITS, str(machine.paths.database_file)]
    environment = {**machine.shell.environment, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        code, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        told = machine.run("db", "restore", str(monday), "--yes", status=1)
        assert told.code == "cli/database-in-use"
        other.communicate("")
    assert machine.files() == before
    assert_works(machine, NEW)
    machine.run("db", "restore", str(monday), "--yes")
    assert_works(machine, OLD)


def test_a_server_is_not_robbed_of_its_database(machine: Machine, monday: Path) -> None:
    """Neither restore nor migrate goes on while a server serves, even one that has no connection open."""
    with serving(Database(f"sqlite:///{machine.paths.database_file}")):
        for command in (["db", "restore", str(monday), "--yes"], ["db", "migrate"]):
            assert machine.run(*command, status=1).code == "cli/database-in-use"
    assert_works(machine, NEW)
    machine.run("db", "migrate")


def truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def overwritten(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 8192] = b"\xff" * 8192
    file.write_bytes(content)


def no_database(file: Path) -> None:
    file.write_text("hello\n" * 1000)


def empty(file: Path) -> None:
    file.write_bytes(b"")


def of_another_program(file: Path) -> None:
    file.unlink()
    _change(file, "CREATE TABLE users (email)")


def from_the_future(file: Path) -> None:
    _change(file, "UPDATE alembic_version SET version_num = '9999'")


def never_set_up(file: Path) -> None:
    _change(file, "DELETE FROM installation")


def archive_without_key(file: Path) -> None:
    _pack(file, {"bkendctl.db": file.read_bytes()})


def archive_with_a_wrong_key(file: Path) -> None:
    _pack(file, {"bkendctl.db": file.read_bytes(), "master.key": OTHER_KEY.encode()})


def archive_with_more_in_it(file: Path) -> None:
    _pack(file, {"bkendctl.db": file.read_bytes(), "master.key": b"x", "../../escaped": b"x"})


def archive_that_names_a_member_twice(file: Path) -> None:
    with tarfile.open(file, "w") as made:
        for name in ("bkendctl.db", "master.key", "master.key"):
            made.addfile(tarfile.TarInfo(name), io.BytesIO())


def archive_of_a_path(file: Path) -> None:
    _pack(file, {"/tmp/bkendctl.db": file.read_bytes(), "master.key": b"x"})


def with_secrets_that_do_not_open(file: Path) -> None:
    _change(file, "UPDATE installation SET data_key = zeroblob(61)")


def archive_of_links(file: Path) -> None:
    with tarfile.open(file, "w") as made:
        for name in ("bkendctl.db", "master.key"):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            made.addfile(link)


def _change(file: Path, statement: str) -> None:
    connection = sqlite_module().connect(file, isolation_level=None)
    connection.execute(statement)
    connection.close()


def _pack(file: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(file, "w") as made:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            made.addfile(member, io.BytesIO(content))


BREAKAGES = [
    truncated, overwritten, no_database, empty, of_another_program, from_the_future, never_set_up,
    archive_without_key, archive_of_links, archive_with_more_in_it, archive_that_names_a_member_twice,
    archive_of_a_path, with_secrets_that_do_not_open,
]  # fmt: skip


@pytest.mark.parametrize("damage", BREAKAGES, ids=lambda each: each.__name__)
def test_a_backup_that_cannot_be_used_changes_nothing(
    machine: Machine, monday: Path, damage: Callable[[Path], None]
) -> None:
    """One line says why, and the database stays as it was."""
    damage(monday)
    before = machine.files()
    told = machine.run("db", "restore", str(monday), "--yes", status=1)
    assert told.code == ("cli/database-newer" if damage is from_the_future else "cli/database-damaged")
    assert str(monday) in told.err
    assert machine.files() == before
    assert_works(machine, NEW)


@pytest.mark.parametrize("kind", ["none", "folder", "pipe"])
def test_what_is_no_file_is_named(machine: Machine, tmp_path: Path, kind: str) -> None:
    """It is no damaged backup, and a pipe does not hang it."""
    if kind == "folder":
        (tmp_path / kind).mkdir()
    if kind == "pipe":
        os.mkfifo(tmp_path / kind)
    told = machine.run("db", "restore", str(tmp_path / kind), "--yes", status=1)
    assert told.code == "cli/file"
    assert kind in told.err


def test_a_backup_of_another_master_key_needs_its_key(machine: Machine, monday: Path) -> None:
    """Alone it cannot be opened, and the key it lacks is named as the reason."""
    machine.run("db", "rekey", "--yes")
    assert machine.run("db", "restore", str(monday), "--yes", status=1).code == "cli/master-key"
    assert_works(machine, NEW)


def test_an_archive_comes_under_the_key_of_this_machine(machine: Machine, archive: Path) -> None:
    """The key in use stays, so that other databases and whoever keeps it are not cut off."""
    machine.run("db", "rekey", "--yes")
    key = machine.paths.master_key_file.read_bytes()
    assert machine.json("db", "restore", str(archive), "--yes")["masterKey"] == "rewrapped"
    assert machine.paths.master_key_file.read_bytes() == key
    assert_works(machine, OLD)


def test_an_archive_comes_under_the_key_of_the_environment(machine: Machine, archive: Path) -> None:
    """BKENDCTL_MASTER_KEY is not contradicted by a file."""
    machine.paths.master_key_file.unlink()
    machine.shell.set(MASTER_KEY=OTHER_KEY)
    assert machine.json("db", "restore", str(archive), "--yes")["masterKey"] == "rewrapped"
    assert not machine.paths.master_key_file.exists()
    assert_works(machine, OLD)


def test_an_archive_brings_back_what_was_lost(machine: Machine, archive: Path) -> None:
    """With neither database nor key left, both come from the archive."""
    for name in ("bkendctl.db", "bkendctl.db-wal", "bkendctl.db-shm", "master.key"):
        (machine.home / name).unlink(missing_ok=True)
    shown = machine.json("db", "restore", str(archive), "--yes")
    assert (shown["masterKey"], shown["before"]) == ("restored", None)
    assert machine.paths.master_key_file.stat().st_mode & 0o777 == 0o600
    assert_works(machine, OLD)


def test_an_archive_whose_key_is_wrong_is_refused(machine: Machine, monday: Path) -> None:
    """Only where this machine's key does not open it does the archive's matter."""
    archive_with_a_wrong_key(monday)
    machine.run("db", "rekey", "--yes")
    assert machine.run("db", "restore", str(monday), "--yes", status=1).code == "cli/database-damaged"
    assert_works(machine, NEW)


def test_a_database_that_nobody_can_read_is_replaced_and_kept(machine: Machine, monday: Path) -> None:
    """A damaged database is what backups are for; its bytes are kept."""
    for beside in ("-wal", "-shm"):
        Path(f"{machine.paths.database_file}{beside}").unlink(missing_ok=True)
    machine.paths.database_file.write_bytes(b"garbage" * 1000)
    kept = Path(machine.json("db", "restore", str(monday), "--yes")["before"])
    assert kept.read_bytes() == b"garbage" * 1000
    assert_works(machine, OLD)


def test_a_database_with_damage_in_its_midst_is_replaced_and_kept(machine: Machine, monday: Path) -> None:
    """Its head can be read, so SQLite copies it as it is."""
    machine.sql("PRAGMA wal_checkpoint(TRUNCATE)")
    overwritten(machine.paths.database_file)
    kept = Path(machine.json("db", "restore", str(monday), "--yes")["before"])
    assert b"\xff" * 8192 in kept.read_bytes()
    assert_works(machine, OLD)


def test_the_log_of_an_unreadable_database_is_not_played_into_the_new_one(
    machine: Machine, monday: Path
) -> None:
    """It is kept beside the file it belonged to."""
    file = machine.paths.database_file
    log = Path(f"{file}-wal")
    connection = sqlite_module().connect(file, isolation_level=None)
    connection.execute("UPDATE users SET name = 'Mallory'")
    stale = log.read_bytes()
    connection.close()
    file.write_bytes(b"garbage" * 1000)
    log.write_bytes(stale)
    kept = machine.json("db", "restore", str(monday), "--yes")["before"]
    assert Path(f"{kept}-wal").read_bytes() == stale
    assert_works(machine, OLD)


def test_two_restores_of_one_second_keep_both(machine: Machine, monday: Path) -> None:
    """A kept database is never replaced by the next."""
    kept = {machine.json("db", "restore", str(monday), "--yes")["before"] for _ in range(3)}
    assert len(kept) == 3
