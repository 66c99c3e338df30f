"""An embedded core on PostgreSQL: the commands of the set-up, and no password shown or kept anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from shell import ALICE, Shell

from tests.postgres import GUARDED, PostgresServer

PASSWORD = "Hunter-2x"
SERVING = re.compile(r"done: serving at (http://\S+);")
CHECKS = [
    "files", "disk", "profile", "credentials", "postgresql", "schema", "integrity", "master key", "clock",
    "public url", "mail", "providers", "avatars", "smtp", "leaked passwords",
]  # fmt: skip


@pytest.fixture
def address(postgresql_server: PostgresServer) -> Iterator[str]:
    """URL of an empty database, without a password; the server asks for none."""
    with postgresql_server.copy("template0") as url:
        yield url


@pytest.fixture
def joined(shell: Shell, address: str) -> Iterator[Shell]:
    """A command line after init on PostgreSQL, whose profile leads there."""
    shell.set(DATABASE_URL=with_password(address))
    shell.ok("init")
    shell.unset("DATABASE_URL")
    yield shell
    held = [file.read_bytes() for file in shell.home.iterdir() if file.is_file()]
    assert not [file for file in held if PASSWORD.encode() in file]


def with_password(address: str) -> str:
    """The same by the name that hosters use, with a password."""
    return address.replace("bkendctl@", f"bkendctl:{PASSWORD}@").replace("postgresql:", "postgres:")


def test_init_makes_the_core_and_joins_it_again(shell: Shell, address: str) -> None:
    """All of JSON as on SQLite; the password is neither shown nor kept; again it changes nothing."""
    shell.set(DATABASE_URL=with_password(address))
    made = shell.json("init", "--name", "Acme")
    assert (made["created"], made["database"], made["profile"]) == (True, address, "default")
    found = shell.json("init")
    assert (found["created"], found["secretKey"], found["projectId"]) == (False, None, made["projectId"])
    assert shell.json("profiles", "show")["database"] == address
    assert PASSWORD not in (shell.home / "config.toml").read_text()
    assert not shell.database.exists()


def test_the_profile_leads_there_by_itself(joined: Shell) -> None:
    """Later commands need no variable."""
    joined.sign_up()
    assert joined.json("whoami")["email"] == ALICE
    assert [user["email"] for user in joined.json("users", "list")["items"]] == [ALICE]


def test_another_machine_joins(joined: Shell, address: str) -> None:
    """With the master key, and new keys by it; without it nothing is changed."""
    key = (joined.home / "master.key").read_text().strip()
    joined.set(HOME=str(joined.home.with_name("other")), DATABASE_URL=address)
    joined.refused(1, "cli/master-key", "init")
    joined.set(HOME=str(joined.home.with_name("third")), MASTER_KEY=key)
    assert joined.json("init", "--new-keys")["created"] is False
    assert joined.json("users", "list")["items"] == []


def test_db_works_on_a_server(joined: Shell, address: str) -> None:
    """status, check, migrate and purge, as on SQLite; what SQLite alone has is null."""
    joined.set(DATABASE_URL=with_password(address))
    found = joined.json("db", "status")
    assert (found["database"], found["state"], found["sqliteVersion"]) == (address, "ready", None)
    assert found["postgresqlVersion"].partition(".")[0].isdigit()
    assert found["bytes"] > 1_000_000
    assert joined.json("db", "check") == {"ok": True, "findings": []}
    assert joined.json("db", "migrate")["message"] == "Nothing to do."
    assert joined.json("db", "purge", "--yes")["removed"]["sessions"] == 0


def test_an_empty_database_is_migrated(
    shell: Shell, joined: Shell, postgresql_server: PostgresServer
) -> None:
    """All tables from nothing, and commands still name init."""
    with postgresql_server.copy("template0") as url:
        joined.set(DATABASE_URL=url)
        assert joined.json("db", "status")["state"] == "empty"
        assert joined.json("db", "migrate")["from"] is None
        assert joined.json("db", "status")["state"] == "ready"
        assert joined.refused(1, "cli/database-missing", "users", "list")["hint"] == "bkendctl init"


def test_the_master_key_is_replaced(joined: Shell, address: str) -> None:
    """Once, although the variable and the profile name the same database; sessions go on."""
    joined.sign_up()
    before = (joined.home / "master.key").read_bytes()
    joined.set(DATABASE_URL=with_password(address))
    assert joined.json("db", "rekey", "--yes")["databases"] == [address]
    assert (joined.home / "master.key").read_bytes() != before
    assert joined.json("whoami")["email"] == ALICE


def test_no_key_is_replaced_while_a_database_is_out_of_reach(joined: Shell) -> None:
    """A database left behind with the old key would be lost with it."""
    before = (joined.home / "master.key").read_bytes()
    config = joined.home / "config.toml"
    config.write_text(config.read_text().replace("?host=/", "?host=/nowhere/"))
    joined.refused(8, "cli/database-unreachable", "db", "rekey", "--yes")
    assert (joined.home / "master.key").read_bytes() == before
    assert not (joined.home / "master.key.next").exists()


@pytest.mark.parametrize(("verb", "tool"), [("backup", "pg_dump"), ("restore", "pg_restore")])
def test_copies_are_made_by_its_own_tools(joined: Shell, verb: str, tool: str) -> None:
    """Not offered, and the tool is named."""
    error = joined.refused(1, "cli/not-offered", "db", verb, str(joined.home / "copy"), "--yes")
    assert error["hint"].startswith(tool)
    assert not (joined.home / "copy").exists()


def test_doctor_finds_it_healthy(joined: Shell) -> None:
    """What SQLite alone has is not looked at."""
    found = joined.json("doctor")
    assert [each["check"] for each in found] == CHECKS
    assert {each["check"] for each in found if each["state"] != "ok"} == {"avatars"}
    avatars = next(each for each in found if each["check"] == "avatars")
    assert (avatars["state"], "BKENDCTL_AVATARS_URL" in avatars["mend"]) == ("warning", True)


@pytest.mark.parametrize("change", [("bkendctl:", f"{GUARDED}:"), ("?host=/", "?host=/nowhere/")])
def test_one_line_when_there_is_no_connection(joined: Shell, address: str, change: tuple[str, str]) -> None:
    """A wrong password or no server: exit 8 and what to mend, never the password; doctor says the same."""
    joined.set(DATABASE_URL=with_password(address).replace(*change))
    for command in (["users", "list"], ["init"], ["db", "status"], ["db", "check"]):
        error = joined.refused(8, "cli/database-unreachable", *command)
        assert PASSWORD not in str(error)
        assert "BKENDCTL_DATABASE_URL" in error["hint"]
    said = joined("doctor")
    assert said.status == 1
    assert "postgresql" in said.out
    assert PASSWORD not in said.out + said.err


def test_an_ambiguous_password_is_refused_unquoted(shell: Shell) -> None:
    """What follows an @ within a password would be shown as the host that cannot be found."""
    shell.set(DATABASE_URL="postgresql://u:Hunter@2x@h/d")
    assert "2x" not in shell.refused(2, "cli/usage", "init")["message"]
    assert not (shell.home / "config.toml").exists()


@pytest.fixture
def two_servers(joined: Shell, address: str) -> Iterator[list[str]]:
    """URLs of two servers on the one database."""
    joined.set(DATABASE_URL=with_password(address))
    command = ("serve", "--port", "0", "--no-access-log")
    with ExitStack() as stack:
        running = [stack.enter_context(joined.start(*command)) for _ in range(2)]
        try:
            yield [found[1] for server in running if (found := SERVING.match(server.stderr.readline()))]
        finally:
            for server in running:
                server.terminate()
            assert PASSWORD not in str([server.communicate(timeout=20) for server in running])


def test_two_servers_share_it(joined: Shell, two_servers: list[str]) -> None:
    """P3: who signs out at one is out at the other at once, and the password is not in what they say."""
    keys = f"{joined.credentials['publishable_key']}\n{joined.credentials['secret_key']}\n"
    one, other = two_servers
    joined.ok("profiles", "add", "one", "--url", one, "--api-key-stdin", stdin=keys)
    joined.sign_up()
    token = joined.ok("token", "print").out.strip()
    joined.set(URL=other, ACCESS_TOKEN=token, API_KEY=keys.splitlines()[0])
    assert joined.json("whoami")["email"] == ALICE
    joined.unset("URL", "ACCESS_TOKEN", "API_KEY")
    joined.ok("logout", "-p", "one")
    joined.set(URL=other, ACCESS_TOKEN=token, API_KEY=keys.splitlines()[0])
    joined.refused(3, "auth/invalid-token", "whoami")


def test_what_would_be_served_is_shown_without_the_password(joined: Shell, address: str) -> None:
    """--print-config is pasted into tickets."""
    joined.set(DATABASE_URL=with_password(address))
    assert joined.json("serve", "--print-config")["database"] == address
