"""users set-role|ban|revoke-sessions --where, users undo, and the filter language."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from shell import Shell

from bkendctl.cli.user_filter import parse
from bkendctl.contract.accounts import User
from bkendctl.contract.errors import Failure


def user(**fields: Any) -> User:
    """A guest who never signed in."""
    given = {
        "id": "1", "role": "guest", "name": "Ann Lee", "nickname": None, "email": "ann@example.com",
        "email_verified": None, "image": None, "onboarding_status": "pending", "mfa_enabled": False,
        "last_sign_in_at": None, "created_at": "2026-01-02T00:00:00.000Z",
        "updated_at": "2026-01-02T00:00:00.000Z",
        "status": "active",
    }  # fmt: skip
    return User(**(given | fields))


def instant(text: str) -> datetime:
    """ISO-8601 alone, in UTC."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        raise Failure("cli/usage") from None


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("role=guest and lastSignInAt<2026-01-01", True),
        ("role=guest and lastSignInAt>2026-01-01", False),
        ("not role=guest", False),
        ("role=admin or role=guest and mfaEnabled=true", False),
        ("(role=admin or role=guest) and mfaEnabled=false", True),
        ('name="ann lee" and email~EXAMPLE', True),
        ("emailVerified=true or nickname=x", False),
        ("lastSignInAt=never AND createdAt>=2026-01-02", True),
        ("bannedUntil<2030-01-01", False),
        ("not (role!=guest or status=banned)", True),
    ],
)
def test_a_filter_holds_for_whom_it_says(text: str, holds: bool) -> None:
    """and binds tighter than or; parentheses, not, case and never."""
    assert parse(text, instant).holds(user()) is holds


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("", 1),
        ("roel=guest", 1),
        ("role=guest or", 14),
        ("role guest", 6),
        ("role<guest", 5),
        ("role=boss", 6),
        ("(role=guest", 12),
        ("role=guest)", 11),
        ("createdAt<soon", 11),
        ("mfaEnabled=maybe", 12),
        ("role=guest & id=1", 12),
        ('name="x', 6),
        ("(" * 10_000, 52),
        ("not " * 10_000, 205),
    ],
)
def test_a_misspelt_filter_is_pointed_at(text: str, column: int) -> None:
    """The refusal names the column, however deep somebody nests."""
    with pytest.raises(Failure) as caught:
        parse(text, instant)
    assert caught.value.code == "cli/usage"
    assert f"(column {column})" in caught.value.message


def test_only_what_all_must_fulfil_is_asked_of_the_api() -> None:
    """A role in an alternative, after not or in parentheses is held against users alone."""
    assert parse("role=guest and status=banned", instant)[2:] == ("guest", "banned")
    for text in ("role=guest or id=1", "id=1 or role=guest", "not role=guest", "(role=guest)", "role!=guest"):
        assert parse(text, instant).role is None


def test_roles_change_by_plan_and_are_put_back(alice: Shell, tmp_path: Path) -> None:
    """A dry run changes nothing; a second run finds nobody left; undo restores who was not changed since."""
    for number in range(4):
        alice.ok("users", "create", f"u{number}@example.com", "--role", "guest")
    file = tmp_path / "undo.jsonl"
    wanted = (
        "users",
        "set-role",
        "user",
        "--where",
        "role=guest and email~u",
        "--undo-file",
        str(file),
        "--yes",
    )
    assert alice.json(*wanted, "--dry-run") == {"planned": 4, "changed": 0, "refused": 0, "undoFile": None}
    assert not file.exists()
    assert alice.json(*wanted)["changed"] == 4
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    # As a kill between the third change and its successors would have left it, with a torn line.
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:-1]) + '{"do')
    last = json.loads(lines[-1])["done"]
    alice.ok("users", "set-role", last, "guest")
    assert alice.json(*wanted)["changed"] == 1
    assert alice.json(*wanted)["planned"] == 0
    alice.ok("users", "set-role", "u1@example.com", "admin")
    assert alice.json("users", "undo", str(file), "--yes") == {"undone": 3, "changedSince": 1}
    assert alice.json("users", "get", "u0@example.com")["role"] == "guest"
    assert alice.json("users", "get", "u1@example.com")["role"] == "admin"
    other = ("users", "ban", "--where", "id=1", "--undo-file", str(file), "--yes")
    assert "another change" in alice.refused(2, "cli/usage", *other)["message"]


def test_the_last_admin_is_kept_and_bans_are_lifted_again(alice: Shell, tmp_path: Path) -> None:
    """A refusal is told and counted, the others are changed, and the status is 1."""
    alice.ok("users", "create", "root@example.com", "--role", "admin")
    alice.ok("users", "create", "bob@example.com")
    file = tmp_path / "undo.jsonl"
    wanted = ("users", "ban", "--where", "role=admin or email~bob", "--undo-file", str(file))
    said = alice(*wanted, "--yes", "-o", "json")
    assert said.status == 1
    assert "user/last-admin" in said.err
    assert json.loads(said.out)["refused"] == 1
    assert alice.json("users", "get", "bob@example.com")["status"] == "banned"
    alice.ok("users", "undo", str(file), "--yes")
    assert alice.json("users", "get", "bob@example.com")["status"] == "active"
