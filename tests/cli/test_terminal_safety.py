"""What users write never commands the terminal: in tables and cards, prompts, progress, refusals."""

from __future__ import annotations

import json
import re
from pathlib import Path

from shell import ALICE, PASSWORD, Shell

from bkendctl.cli.tree import command_tree

# Clear, colour, home (C1 too), a link (OSC 8), a title, bell, return, bidi overrides, zero width.
EVIL = (
    "\x1b[2J\x1b[31m\x9b1;1H\x1b]8;;https://evil.example\x07link\x1b]8;;\x1b\\\x1b]0;title\x07\a\r\b\x7f\n\t"
    "\u202e\u202d\u2066\u2067\u2069\u200e\u200f\u200b\u200d\u2060\ufeff\u2028\u00adevil"
)
COMMANDING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
TOLD_BY_USERS = {
    "name", "nickname", "bio", "ban_reason", "user_agent", "device_name", "actor_label", "subject",
    "first_name", "last_name", "body_text", "text", "reason", "inviter_name",
}  # fmt: skip
READS = {"list", "show", "get", "status", "export", "diff", "whoami", "doctor", "members", "sessions"}


def poison(shell: Shell) -> int:
    """Put EVIL behind every text of users that there is in the database; gives the number of columns."""
    count = 0
    for (table,) in shell.sql(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%fts5%'"
    ):
        for _, column, kind, *_ in shell.sql(f"PRAGMA table_info({table})"):
            if column in TOLD_BY_USERS and kind.startswith(("VARCHAR", "TEXT")):
                count += len(shell.sql(f"UPDATE {table} SET {column} = {column} || ? RETURNING 1", EVIL))
    details = json.dumps({EVIL: EVIL, "nested": {"name": [EVIL]}})
    shell.sql("UPDATE audit_events SET details = ?", details)
    return count


def prepared(alice: Shell) -> None:
    """One of each thing that has a name."""
    alice.ok("users", "create", "bob@example.com", "--name", "Bob")
    alice.ok("users", "ban", "bob@example.com", "--reason", "because", "--yes")
    alice.ok("invitations", "create", "carol@example.com")
    alice.ok("profile", "set", "--nickname", "al", "--bio", "hello")
    alice.ok("keys", "create", "--name", "second", "--type", "publishable")
    assert poison(alice) > 8


def test_nothing_that_is_read_commands_the_terminal(alice: Shell) -> None:
    """Each command that reads, as table, YAML and JSON: nothing in it controls, reorders or hides."""
    prepared(alice)
    seen = ""
    more = {("users", "get"): [ALICE], ("users", "sessions"): [ALICE]}
    for command in command_tree().walk():
        given = more.get(command.path, [])
        needs = any(each.required for each in (*command.options, *command.arguments)) and not given
        if command.children or needs or command.path[-1:] not in {(verb,) for verb in READS}:
            continue
        for form in ("table", "yaml", "json"):
            said = alice(*command.path, *given, "-o", form)
            found = COMMANDING.search(said.out + said.err)
            assert found is None, (command.path, form, found)
            seen += said.out
    assert seen.count("evil") > 30
    assert "\\x1b[2J" in seen
    assert "\\u202e" in seen


def test_a_person_at_the_terminal_sees_the_text_and_no_more(alice: Shell, tmp_path: Path) -> None:
    """A list, a plan with its question and its bar, a refused file: colours are ours, the screen stays."""
    prepared(alice)
    users = alice.terminal("users", "list")
    assert users.end() == 0
    plan = alice.terminal(
        "users", "set-role", "guest", "--where", "name~evil and role=user", "--undo-file", str(tmp_path / "u")
    )
    plan.answer(" [y/N] ", "y")
    assert plan.end() == 0
    row = {"email": f"{EVIL}@example.com", "name": EVIL}
    (tmp_path / "users.jsonl").write_text(json.dumps(row) + "\n")
    bad = alice.terminal("users", "import", str(tmp_path / "users.jsonl"), "--from", "jsonl")
    assert bad.end() == 10
    missing = alice.terminal("profile", "avatar", "set", str(tmp_path / f"{EVIL.replace('/', '')}.png"))
    assert missing.end() == 1
    for person in (users, plan, bad, missing):
        shown = re.sub(r"\x1b\[[0-9;]*m|\x1b\[\?25[hl]|\x1b\[[12]?[AK]|\r\n?|\t", "", person.seen)
        assert COMMANDING.search(shown) is None, shown
        assert "\x1b[2J" not in person.seen
        assert "\x1b]" not in person.seen
    assert PASSWORD not in bad.seen
