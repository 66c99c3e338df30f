"""bkendctl init: the core, its keys and its profile."""

from __future__ import annotations

import json
import stat

import pytest
from shell import Shell

from bkendctl.core.database import Database
from bkendctl.core.occupancy import serving

KEYS = {
    "created", "organizationId", "projectId", "environment", "publishableKey", "secretKey", "database",
    "profile",
}  # fmt: skip


def test_the_first_init_makes_the_core(shell: Shell) -> None:
    """JSON has exactly the documented keys; profile and keys are kept, so that the next command works."""
    made = shell.json("init", "--name", "Acme")
    assert set(made) == KEYS
    assert made["created"] is True
    assert made["environment"] == "dev"
    assert made["profile"] == "default"
    assert made["publishableKey"].startswith("pk_")
    assert made["secretKey"].startswith("sk_")
    assert made["database"] == f"sqlite:///{shell.database}"
    assert shell.credentials["secret_key"] == made["secretKey"]
    assert shell.json("users", "list")["items"] == []
    assert shell.sql("SELECT name, slug FROM organizations") == [("Acme", "acme")]


def test_a_second_init_changes_nothing(ready: Shell) -> None:
    """Exit 0, created false, keys null, and the same ids; keys and config stay as they were."""
    before = {name: (ready.home / name).read_bytes() for name in ("config.toml", "credentials.json")}
    found = ready.json("init", "--name", "Other", "--environment", "dev")
    assert set(found) == KEYS
    assert (found["created"], found["publishableKey"], found["secretKey"]) == (False, None, None)
    assert {name: (ready.home / name).read_bytes() for name in before} == before
    assert "nothing was changed" in ready.ok("init").err
    assert ready.sql("SELECT count(*) FROM api_keys") == [(2,)]


def test_new_keys_are_issued_and_kept(ready: Shell) -> None:
    """--new-keys gives a fresh pair to whoever holds database and master key, audited as local."""
    old = ready.credentials["secret_key"]
    found = ready.json("init", "--new-keys")
    assert found["created"] is False
    assert found["secretKey"] != old
    assert ready.credentials["secret_key"] == found["secretKey"]
    assert ready.ok("users", "list").status == 0
    assert ready.sql("SELECT actor_type FROM audit_events WHERE action = 'installation.init'") == [
        ("local",), ("local",),
    ]  # fmt: skip


def test_quiet_prints_the_secret_key_alone(shell: Shell) -> None:
    """-q leaves one line, which a script can take as it is."""
    assert shell.ok("init", "-q").out == shell.credentials["secret_key"] + "\n"


@pytest.mark.parametrize("by", ["option", "variable"])
def test_another_profile_is_another_core(by: str, alice: Shell) -> None:
    """--profile NAME, or BKENDCTL_PROFILE, makes a core of its own and becomes current; both can be used."""
    if by == "option":
        made = alice.json("init", "--profile", "second")
    else:
        alice.set(PROFILE="second")
        made = alice.json("init")
        alice.unset("PROFILE")
    assert (made["created"], made["profile"]) == (True, "second")
    assert alice.json("profiles", "show")["name"] == "second"
    assert alice.json("users", "list")["items"] == []
    assert len(alice.json("users", "list", "-p", "default")["items"]) == 1


def test_a_lost_profile_joins_the_database_again(alice: Shell) -> None:
    """Without config and credentials init joins what is there, and --new-keys gives the way back in."""
    before = alice.json("init")
    (alice.home / "config.toml").unlink()
    (alice.home / "credentials.json").unlink()
    joined = alice.ok("init")
    assert "--new-keys" in joined.err
    found = alice.json("init")
    assert found == before
    alice.refused(3, "cli/not-signed-in", "users", "list")
    alice.ok("init", "--new-keys")
    assert len(alice.json("users", "list")["items"]) == 1


def test_an_existing_database_is_joined_from_another_home(alice: Shell) -> None:
    """BKENDCTL_DATABASE_URL and the master key lead a second home to the same core."""
    key = (alice.home / "master.key").read_text().strip()
    alice.set(HOME=str(alice.home.with_name("other")), DATABASE_URL=f"sqlite:///{alice.database}")
    alice.refused(1, "cli/master-key", "init")
    alice.set(MASTER_KEY=key, HOME=str(alice.home.with_name("third")))
    found = alice.json("init", "--new-keys")
    assert found["created"] is False
    assert len(alice.json("users", "list")["items"]) == 1


def test_a_database_that_was_deleted_is_made_anew(alice: Shell) -> None:
    """Deleting the database and init start over: new ids in the profile, nobody signed in, all usable."""
    before = alice.json("init")
    for name in ("bkendctl.db", "bkendctl.db-wal", "bkendctl.db-shm"):
        (alice.home / name).unlink(missing_ok=True)
    alice.refused(1, "cli/database-missing", "whoami")
    made = alice.json("init")
    assert made["created"] is True
    assert made["projectId"] != before["projectId"]
    assert alice.json("profiles", "show")["projectId"] == made["projectId"]
    alice.refused(3, "cli/not-signed-in", "whoami")
    alice.ok("invitations", "create", "bob@example.com")


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (["--name", ""], 10, "common/invalid-parameters"),
        (["--name", "x" * 101], 10, "common/invalid-parameters"),
        (["--environment", "Not a name"], 10, "common/invalid-parameters"),
        (["--profile", "no/name"], 2, "cli/usage"),
    ],
)
def test_names_are_checked_before_anything_is_made(
    arguments: list[str], status: int, code: str, shell: Shell
) -> None:
    """A bad name leaves no profile and no tables behind, and init can be typed rightly after it."""
    shell.refused(status, code, "init", *arguments)
    assert not (shell.home / "config.toml").exists()
    assert shell.json("init")["created"] is True


def test_an_unknown_environment_of_a_database_is_refused(ready: Shell) -> None:
    """Joining names the environments that are there."""
    (ready.home / "config.toml").unlink()
    error = ready.refused(5, "data/environment-not-found", "init", "--environment", "prod")
    assert "dev" in error["message"]


def test_a_profile_of_a_server_is_not_taken_over(ready: Shell) -> None:
    """init does not turn a remote profile into an embedded one."""
    ready.ok("profiles", "add", "prod", "--url", "https://auth.example.com")
    ready.refused(6, "cli/profile-exists", "init")
    assert ready.json("profiles", "show", "prod")["kind"] == "remote"


def test_everything_made_is_for_its_owner_alone(alice: Shell) -> None:
    """0600 files in 0700 folders, database with its journal included, whatever the umask."""
    for path in [alice.home, *alice.home.rglob("*")]:
        wanted = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path


def test_config_holds_no_secret(alice: Shell) -> None:
    """Keys and tokens are in the credentials alone."""
    config = (alice.home / "config.toml").read_text()
    held = json.loads((alice.home / "credentials.json").read_text())["profiles"]["default"]
    assert not [
        name for name, value in held.items() if name not in ("email", "expires_at") and value in config
    ]


def test_a_database_in_use_is_joined_but_not_brought_up(ready: Shell) -> None:
    """Beside a running server init goes on working; the tables of an older database it leaves alone."""
    with serving(Database(f"sqlite:///{ready.database}")):
        ready.ok("init")
        ready.sql("UPDATE alembic_version SET version_num = '0000'")
        said = ready("init")
    assert (said.status, said.code) == (1, "cli/database-in-use")
