"""bkendctl audit: what happened, as a table, as lines, and whether the record is whole."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from shell import Shell

from bkendctl.cli import audit


def test_the_list_is_a_table(alice: Shell) -> None:
    """One event a row, newest first, with who did it; the count is told beside it."""
    said = alice.ok("audit", "list")
    head, *rows = said.out.splitlines()
    assert head.split()[:5] == ["Seq", "When", "Action", "Outcome", "Actor"]  # About, where there is room
    assert " installation.init " in rows[-1]
    assert len(rows) == len(alice.json("audit", "list")["items"])
    assert f"{len(rows)} events" in said.err


def test_what_there_is_beyond_the_limit_is_said(alice: Shell) -> None:
    """A list that was cut does not look whole."""
    said = alice.ok("audit", "list", "--limit", "1")
    assert "1 event" in said.err
    assert "--limit" in said.err


def test_events_are_chosen_by_action_and_person(alice: Shell) -> None:
    """--action takes a noun's whole family, --user whom it was about."""
    alice.ok("users", "create", "bob@example.com", "--name", "Bob")
    items = alice.json("audit", "list", "--action", "users.*", "--user", "bob@example.com")["items"]
    assert [each["action"] for each in items] == ["users.create"]
    assert alice.json("audit", "list", "--since", "0s")["items"] == []


def test_the_export_holds_every_event(alice: Shell, tmp_path: Path) -> None:
    """One JSON document a line, also to a file that only its owner can read and that is not overwritten."""
    file = tmp_path / "audit.jsonl"
    told = alice.ok("audit", "export", "--file", str(file))
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert lines == [json.loads(line) for line in alice.ok("audit", "export").out.splitlines()]
    assert [each["sequence"] for each in lines] == list(range(len(lines), 0, -1))
    assert f"{len(lines)} events" in told.err
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_an_altered_event_is_found(alice: Shell) -> None:
    """Exit status 1, with the sequence of the first that does not fit."""
    assert alice.json("audit", "verify")["state"] == "intact"
    alice.sql("UPDATE audit_events SET action = 'nothing' WHERE sequence = 2")
    said = alice("audit", "verify", "-o", "json")
    assert said.status == 1
    assert (said.json["state"], said.json["firstBadSequence"]) == ("broken", 2)


def test_following_shows_a_burst_whole_and_ends_with_ctrl_c(
    alice: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More events than a page come between two looks: all are printed, oldest first; Ctrl-C is status 130."""
    monkeypatch.setattr(audit, "LARGEST_PAGE", 2)
    looks = iter(range(2))

    def meanwhile(_seconds: float) -> None:
        if next(looks, None) is None:
            raise KeyboardInterrupt
        for number in range(5):
            name = f"u{number}-{len(alice.sql('SELECT 1 FROM users'))}"
            alice.sql(
                "INSERT INTO audit_events (id, environment_id, occurred_at, action, outcome, actor_type, "
                "actor_label, details) SELECT lower(hex(randomblob(16))), id, 1, 'users.create', 'success', "
                f"'system', '{name}' || char(27), '{{}}' FROM environments"
            )

    monkeypatch.setattr(audit.time, "sleep", meanwhile)
    said = alice("audit", "list", "--follow", "--action", "users.*", "--limit", "1")
    assert said.status == 130
    assert len(said.out.splitlines()) == 10
    assert [line.split()[3][:2] for line in said.out.splitlines()] == ["u0", "u1", "u2", "u3", "u4"] * 2
    assert "\x1b" not in said.out


def test_old_events_go_and_the_rest_verifies(alice: Shell) -> None:
    """By age, when an age is named; in dry run only counted."""
    told = alice.json("db", "purge", "--audit-older-than", "0s", "--dry-run")["removed"]["auditEvents"]
    assert told == len(alice.json("audit", "list")["items"]) > 1
    assert "auditEvents" not in alice.json("db", "purge", "--yes")["removed"]
    alice.ok("db", "purge", "--audit-older-than", "0s", "--yes")
    assert [each["action"] for each in alice.json("audit", "list")["items"]] == ["db.purge"]
    assert alice.json("audit", "verify")["state"] == "intact"
    assert alice.json("audit", "list", "--outcome", "failure")["items"] == []
