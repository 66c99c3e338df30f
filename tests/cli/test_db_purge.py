"""db purge: what it says, and that a dry run only looks."""

from __future__ import annotations

from shell import Shell

COUNTS = {
    "refreshTokens",
    "sessions",
    "mailTokens",
    "hostedCodes",
    "spentStates",
    "keptIdentities",
    "throttles",
    "knownSources",
    "mails",
    "uploads",
    "droppedFiles",
    "users",
}


def expire(shell: Shell) -> None:
    """Let Alice's session have ended long ago."""
    shell.sql("UPDATE sessions SET ended_at = 1, end_reason = 'signed-out', expires_at = 2")


def test_a_dry_run_changes_nothing(alice: Shell) -> None:
    """It counts what the purge after it removes, asks nothing, and leaves all rows and the audit alone."""
    expire(alice)
    before = [alice.sql(f"SELECT count(*) FROM {table}") for table in ("refresh_tokens", "audit_events")]
    shown = alice.json("db", "purge", "--dry-run")
    assert shown["dryRun"] is True
    assert set(shown["removed"]) == COUNTS
    assert shown["removed"]["sessions"] == shown["removed"]["refreshTokens"] == 1
    after = [alice.sql(f"SELECT count(*) FROM {table}") for table in ("refresh_tokens", "audit_events")]
    assert after == before
    assert alice.json("db", "purge", "--yes")["removed"] == shown["removed"]


def test_the_second_purge_removes_nothing(alice: Shell) -> None:
    """What was removed is told once in the audit, with the counts."""
    expire(alice)
    first = alice.json("db", "purge", "--yes")
    assert first["dryRun"] is False
    assert first["removed"]["sessions"] == 1
    second = alice.json("db", "purge", "--yes")["removed"]
    assert set(second.values()) == {0}
    [event] = alice.json("audit", "list", "--action", "db.purge")["items"]
    assert event["details"]["removed"] == first["removed"]
    assert alice.json("db", "check")["ok"] is True


def test_without_yes_nothing_is_removed(alice: Shell) -> None:
    """Nobody is there to answer: status 2, and the rows stay."""
    expire(alice)
    before = alice.sql("SELECT count(*) FROM sessions")
    said = alice("db", "purge")
    assert said.status == 2
    assert "--yes" in said.err
    assert alice.sql("SELECT count(*) FROM sessions") == before
