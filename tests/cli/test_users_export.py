"""bkendctl users export: CSV and JSON lines, to stdout and into a file, with and without hashes."""

from __future__ import annotations

import csv
import io
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from shell import ALICE, Shell

from bkendctl.cli.formats import original_cell

FORMULAS = ("=HYPERLINK(1)", "+1", "-1", "@x", "\tx", "\rx", "'=1", "=1\n=2")


def rows_of(text: str) -> list[dict[str, Any]]:
    """Rows of a CSV document."""
    return list(csv.DictReader(io.StringIO(text, newline="")))


def lines_of(text: str) -> list[dict[str, Any]]:
    """Documents of JSON lines."""
    return [json.loads(line) for line in text.splitlines()]


def test_lines_are_the_users_that_the_api_shows(alice: Shell) -> None:
    """One document a line, oldest first, as users get has them; in CSV the same fields."""
    alice.ok("users", "create", "bob@example.com", "--name", "Bob \u2028 \x1b[31m")
    ids = [alice.json("users", "get", email)["id"] for email in (ALICE, "bob@example.com")]
    exported = lines_of(alice.ok("users", "export", "--to", "jsonl").out)
    assert exported == [alice.json("users", "get", id_) for id_ in ids]
    rows = rows_of(alice.ok("users", "export", "--to", "csv").out)
    assert [row["id"] for row in rows] == ids
    assert list(rows[0]) == list(exported[0])


def test_no_cell_is_a_formula_and_json_is_untouched(alice: Shell) -> None:
    """What a spreadsheet would run begins with an apostrophe, which import takes off again (T129)."""
    for number, name in enumerate(FORMULAS):
        alice.ok("users", "create", f"u{number}@example.com", f"--name={name}")
    names = [row["name"] for row in rows_of(alice.ok("users", "export", "--to", "csv").out)][1:]
    assert [name[:1] for name in names] == ["'"] * len(FORMULAS)
    assert tuple(map(original_cell, names)) == FORMULAS
    lines = lines_of(alice.ok("users", "export", "--to", "jsonl").out)
    assert tuple(line["name"] for line in lines[1:]) == FORMULAS


def test_filters_and_accounts(alice: Shell) -> None:
    """Role and state narrow it; linked accounts come on demand; without users CSV has its header."""
    alice.ok("users", "create", "bob@example.com", "--role", "guest")
    guests = lines_of(alice.ok("users", "export", "--to", "jsonl", "--role", "guest").out)
    assert [user["email"] for user in guests] == ["bob@example.com"]
    (own, _) = lines_of(alice.ok("users", "export", "--to", "jsonl", "--include-accounts").out)
    assert [account["provider"] for account in own["accounts"]] == ["email"]
    nobody = alice.ok("users", "export", "--to", "csv", "--status", "deleted").out
    assert nobody.splitlines() == [",".join(alice.json("users", "get", ALICE))]


@pytest.mark.parametrize("to", ["csv", "jsonl"])
def test_hashes_go_into_a_file_that_only_its_owner_may_read(to: str, alice: Shell, tmp_path: Path) -> None:
    """Mode 0600 also where a file of others was; who has no password has no hash."""
    alice.ok("users", "create", "bob@example.com")
    file = tmp_path / "users"
    file.write_text("old")
    file.chmod(0o644)
    said = alice.ok("users", "export", "--to", to, "--file", str(file), "--include-hashes")
    assert (said.out, said.err) == ("", f"done: 2 users written to {file}\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    read = rows_of if to == "csv" else lines_of
    with file.open(newline="") as written:
        own, bobs = read(written.read())
    assert own["passwordHash"] == alice.sql("SELECT hash FROM passwords")[0][0]
    assert not bobs["passwordHash"]
    assert list(tmp_path.glob(".*")) == []


def test_hashes_leave_no_other_way(alice: Shell, tmp_path: Path) -> None:
    """Not to stdout, not from a server; without the option there are none."""
    assert "argon2" not in alice.ok("users", "export", "--to", "jsonl", "--include-accounts").out
    alice.refused(2, "cli/usage", "users", "export", "--to", "csv", "--include-hashes")
    file = tmp_path / "users"
    alice.set(URL="http://127.0.0.1:9", API_KEY="sk_" + "0" * 64)
    remote = ("users", "export", "--to", "csv", "--include-hashes", "--file", str(file))
    alice.refused(1, "cli/not-offered", *remote)
    assert not file.exists()


@pytest.mark.parametrize(
    ("typed", "status", "code"),
    [
        (("--to", "xml"), 2, "cli/usage"),
        (("--to", "csv", "--role", "x"), 10, "common/invalid-parameters"),
        (("--to", "csv", "--as", "user"), 4, "user/forbidden"),
    ],
)
def test_a_refusal_leaves_the_file_as_it_was(
    typed: tuple[str, ...], status: int, code: str, alice: Shell, tmp_path: Path
) -> None:
    """Nothing is written before the export is granted."""
    file = tmp_path / "users.csv"
    file.write_text("old")
    alice.refused(status, code, "users", "export", *typed, "--file", str(file))
    assert file.read_text() == "old"


def test_api_writes_the_stream_line_by_line(alice: Shell) -> None:
    """As it comes; --jq filters each line."""
    alice.ok("users", "create", "bob@example.com")
    answer = alice.ok("api", "GET", "/v1/users/export", "--as", "key").out
    assert [user["email"] for user in lines_of(answer)] == [ALICE, "bob@example.com"]
    filtered = alice.ok("api", "GET", "/v1/users/export?role=user", "--as", "key", "--jq", ".email").out
    assert filtered.split() == [ALICE, "bob@example.com"]
