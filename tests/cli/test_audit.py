"""bkendctl audit: what happened, as a table, as lines, and whether the record is whole."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from shell import Shell


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
