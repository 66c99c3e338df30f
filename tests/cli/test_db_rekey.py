"""db rekey: a new master key for everything at once, and killed at any moment nothing is lost."""

from __future__ import annotations

from base64 import b64encode

import pytest
from machine import Machine

from bkendctl.client.embedded import core_at
from bkendctl.core import schema
from bkendctl.core.database import Database
from bkendctl.core.master_key import installation

NEW_KEY = b64encode(bytes(32)).decode()

WHOAMI = "import sys; from bkendctl.__main__ import main; sys.exit(main(['whoami']))"
KILLED = """
import os, signal, sys

countdown = int(sys.argv[1])
home = os.environ["BKENDCTL_HOME"]

def hook(event, args):
    global countdown
    if event in ("open", "os.rename") and str(args[0]).startswith(home + "/master.key"):
        countdown -= 1
        if countdown < 0:
            os.kill(os.getpid(), signal.SIGKILL)

from bkendctl.__main__ import main
import bkendctl.client.rekey
sys.addaudithook(hook)
sys.exit(main(["db", "rekey", "--yes"]))
"""


def is_between(machine: Machine) -> bool:
    """Whether the database was wrapped anew and the key file not yet replaced."""
    core = core_at(f"sqlite:///{machine.paths.database_file}", machine.paths)
    with core.database.read() as transaction:
        return not core.master_keys[0].fits(installation(transaction).master_key_check)


def assert_whole(machine: Machine) -> None:
    """The access token is accepted, which takes signing key and data key, and the audit chain holds."""
    assert machine.json("whoami")["email"] == "alice@example.com"
    assert machine.json("audit", "verify")["state"] == "intact"


def test_a_new_key_opens_everything_and_the_old_one_nothing(machine: Machine) -> None:
    """After rekey the new key file opens what was sealed before; the former key is refused."""
    machine.run("audit", "verify")
    before, data_key = machine.paths.master_key_file.read_bytes(), machine.core().vault.keyed_hash("x")
    shown = machine.json("db", "rekey", "--yes")
    assert shown["replaced"] is True
    assert machine.paths.master_key_file.read_bytes() != before
    assert machine.core().vault.keyed_hash("x") == data_key
    assert_whole(machine)
    machine.paths.master_key_file.write_bytes(before)
    assert "cli/master-key" in machine.run("whoami", status=1).err


def test_it_is_written_down_who_did_it(machine: Machine) -> None:
    """The audit has a row of actor local."""
    machine.run("db", "rekey", "--yes")
    newest = machine.json("audit", "list", "--action", "db.rekey")["items"]
    assert [event["actor"]["type"] for event in newest] == ["local"]


def test_the_key_may_be_brought(machine: Machine) -> None:
    """--new-key-stdin takes the key from stdin, and refuses what is none."""
    refused = machine.run("db", "rekey", "--yes", "--new-key-stdin", stdin=b"c2hvcnQ=\n", status=1)
    assert "32 bytes" in refused.err
    machine.run("db", "rekey", "--yes", "--new-key-stdin", stdin=NEW_KEY.encode() + b"\n")
    assert machine.paths.master_key_file.read_text().strip() == NEW_KEY
    assert_whole(machine)


def test_a_key_in_the_environment_is_replaced_by_a_key_that_somebody_has(machine: Machine) -> None:
    """With BKENDCTL_MASTER_KEY a generated key would be lost; a given one works, also when given twice."""
    old = machine.paths.master_key_file.read_text().strip()
    machine.paths.master_key_file.unlink()
    machine.shell.set(MASTER_KEY=old)
    assert "--new-key-stdin" in machine.run("db", "rekey", "--yes", status=2).err
    for _ in range(2):
        machine.run("db", "rekey", "--yes", "--new-key-stdin", stdin=NEW_KEY.encode())
    assert not machine.paths.master_key_file.exists()
    assert machine.run("whoami", status=1).err.startswith("error: The database was made with another")
    machine.shell.set(MASTER_KEY=NEW_KEY)
    assert_whole(machine)


def test_every_database_of_this_machine_gets_the_new_key(machine: Machine) -> None:
    """One key file serves all embedded profiles, so all their databases are wrapped anew."""
    other = f"sqlite:///{machine.home / 'other.db'}"
    machine.shell.set(DATABASE_URL=other)
    machine.run("init", "--profile", "other")
    machine.shell.unset("DATABASE_URL")
    assert len(machine.json("db", "rekey", "--yes")["databases"]) == 2
    for profile in ("default", "other"):
        machine.run("keys", "list", "--profile", profile)


def test_nothing_changes_when_one_database_has_another_key(machine: Machine) -> None:
    """A database that the key does not open is named before anything is written."""
    other = machine.home / "other.db"
    machine.shell.set(DATABASE_URL=f"sqlite:///{other}")
    machine.run("init", "--profile", "other")
    machine.shell.unset("DATABASE_URL")
    machine.run("profiles", "use", "default")
    with Database(f"sqlite:///{other}").write() as transaction:
        transaction.run(schema.installation.update().values(master_key_check="0" * 64))
    before = machine.paths.master_key_file.read_bytes()
    assert "other.db" in machine.run("db", "rekey", "--yes", status=1).err
    assert machine.paths.master_key_file.read_bytes() == before
    assert "master.key.next" not in machine.files()
    assert_whole(machine)


def test_it_asks_before(machine: Machine) -> None:
    """Without --yes and without a terminal it is a usage error, and nothing changes."""
    before = machine.paths.master_key_file.read_bytes()
    assert "--yes" in machine.run("db", "rekey", status=2).err
    assert machine.paths.master_key_file.read_bytes() == before


@pytest.mark.parametrize("every", [3, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_at_any_moment_it_can_be_typed_again(machine: Machine, every: int) -> None:
    """kill -9 at each step on the key files: the database opens, and the next run leaves one key."""
    interrupted = 0
    for point in range(0, 40, every):
        ended = machine.python(KILLED, str(point))
        if ended.returncode == 0:
            break
        assert ended.returncode == -9, ended.stderr
        if is_between(machine):
            interrupted += 1
            with pytest.warns(RuntimeWarning, match="db rekey"):
                machine.core()
        assert machine.python(WHOAMI).returncode == 0
        machine.run("db", "rekey", "--yes")
        assert "master.key.next" not in machine.files()
        assert_whole(machine)
    else:
        pytest.fail("the child was killed at every point")
    assert point > 4
    assert interrupted, "no kill came between the commit and the renaming"
