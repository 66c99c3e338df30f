"""bkendctl db: status, migrate, check."""

from __future__ import annotations

from shell import Shell

from bkendctl.core.database import SCHEMA


def test_status_of_a_ready_database(ready: Shell) -> None:
    """Where it is, its schema and its size, journal included."""
    found = ready.json("db", "status")
    assert found["database"] == f"sqlite:///{ready.database}"
    assert found["state"] == "ready"
    assert found["schema"] == found["newestSchema"]
    assert found["sqliteSafe"] is True
    assert found["bytes"] > 100_000


def test_migrate_has_nothing_to_do(ready: Shell) -> None:
    """Exit 0, and the database is not touched."""
    before = ready.sql("SELECT count(*) FROM api_keys")
    assert ready.json("db", "migrate")["message"] == "Nothing to do."
    assert ready.sql("SELECT count(*) FROM api_keys") == before


def test_an_empty_database_is_migrated(ready: Shell) -> None:
    """All tables from nothing; commands still name init, which was not done in it."""
    ready.database.write_bytes(b"")
    assert ready.json("db", "status")["state"] == "empty"
    assert ready.json("db", "migrate")["from"] is None
    assert ready.json("db", "status")["state"] == "ready"
    assert ready.refused(1, "cli/database-missing", "users", "list")["hint"] == "bkendctl init"


def test_an_older_database_names_migrate(alice: Shell) -> None:
    """Every command refuses it with what to type next, and db status says so."""
    alice.sql("UPDATE alembic_version SET version_num = '0000'")
    assert alice.refused(1, "cli/database-older", "whoami")["hint"] == "bkendctl db migrate"
    assert alice.json("db", "status")["state"] == "needs db migrate"


def test_a_newer_database_is_left_alone(alice: Shell) -> None:
    """Both versions are named, and nothing changes it: not whoami, not init, not migrate."""
    alice.sql("UPDATE alembic_version SET version_num = '9999'")
    before = alice.database.read_bytes()
    for arguments in (["whoami"], ["init"], ["db", "migrate"], ["db", "check"]):
        error = alice.refused(1, "cli/database-newer", *arguments)
        assert "9999" in error["message"]
        assert SCHEMA in error["message"]
    assert alice.json("db", "status")["state"] == "newer than this program"
    assert alice.database.read_bytes() == before


def test_a_sound_database_passes_the_check(alice: Shell) -> None:
    """Exit 0 and no findings."""
    assert alice.json("db", "check") == {"ok": True, "findings": []}


def test_findings_fail_the_check(alice: Shell) -> None:
    """A broken foreign key or a table that differs is named, exit 1."""
    alice.sql("PRAGMA foreign_keys = OFF")
    alice.sql("UPDATE sessions SET user_id = 'nobody'")
    said = alice("db", "check", "-o", "json")
    assert said.status == 1
    assert "foreign key" in said.json["findings"][0]
    assert said.error["code"] == "cli/database-damaged"


def test_a_damaged_database_is_left_as_it_is(alice: Shell) -> None:
    """Whatever is asked, exit 1, one line, and not a byte changed; above all it is not made anew."""
    alice.database.write_bytes(b"SQLite format 3\0" + b"\xff" * 8000)
    for suffix in ("-wal", "-shm"):
        alice.database.with_name(alice.database.name + suffix).unlink(missing_ok=True)
    before = alice.database.read_bytes()
    for arguments in (["whoami"], ["users", "list"], ["init"], ["db", "status"], ["db", "migrate"]):
        alice.refused(1, "cli/database-damaged", *arguments)
    assert alice.database.read_bytes() == before


def test_a_missing_database_names_init(alice: Shell) -> None:
    """Nothing makes one by the way."""
    alice.database.unlink()
    for arguments in (["whoami"], ["db", "status"], ["db", "migrate"], ["db", "check"]):
        assert alice.refused(1, "cli/database-missing", *arguments)["hint"] == "bkendctl init"
    assert not alice.database.exists()


def test_a_server_has_no_database_here(ready: Shell) -> None:
    """A remote profile is refused."""
    ready.ok("profiles", "add", "prod", "--url", "https://auth.example.com")
    ready.refused(1, "cli/not-offered", "db", "status")
