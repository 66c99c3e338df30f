"""bkendctl users import: the files of other services as they write them, and our own export come back."""

# ruff: noqa: E501 - lines are as the services write them

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from shell import PASSWORD, Shell

FIREBASE_CONFIG = """hash_config {
  algorithm: SCRYPT,
  base64_signer_key: jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==,
  base64_salt_separator: Bw==,
  rounds: 8,
  mem_cost: 14,
}
"""
FIREBASE_HASH = "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="
FIREBASE_USERS: list[dict[str, Any]] = [
    {
        "localId": "u1", "email": "ann@example.com", "emailVerified": True, "passwordHash": FIREBASE_HASH,
        "salt": "42xEC+ixf3L2lw==", "displayName": "Ann", "lastSignedInAt": "1700000000000",
        "createdAt": "1600000000123", "providerUserInfo": [],
    },
    {
        "localId": "u2", "email": "bob@example.com", "emailVerified": False, "createdAt": "1600000000456",
        "disabled": True, "customAttributes": '{"role":"admin"}',
        "providerUserInfo": [{"providerId": "google.com", "rawId": "117", "displayName": "Bob"}],
    },
    {"localId": "u3", "createdAt": "1600000000456", "phoneNumber": "+15555550100", "providerUserInfo": []},
]  # fmt: skip
# What psql's \copy of auth.users gives, with the columns that matter and some that do not.
SUPABASE = """instance_id,id,aud,role,email,encrypted_password,email_confirmed_at,last_sign_in_at,raw_app_meta_data,\
raw_user_meta_data,created_at,banned_until,deleted_at
0,s1,authenticated,authenticated,ann@example.com,$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW,\
2024-01-02 03:04:05.678901+00,,"{""provider"": ""email"", ""providers"": [""email""]}","{""full_name"": ""Ann""}",\
2024-01-01 00:00:00+00,,
0,s2,authenticated,authenticated,bob@example.com,,,,"{""provider"": ""github"", ""providers"": [""github""]}",\
"{""sub"": ""42"", ""user_name"": ""bob""}",2024-01-01 00:00:00+00,2999-01-01 00:00:00+00,
0,s3,authenticated,authenticated,gone@example.com,,,,{},{},2024-01-01 00:00:00+00,,2025-01-01 00:00:00+00
"""
AUTH0 = [
    {
        "user_id": "auth0|a1", "email": "ann@example.com", "email_verified": True, "name": "Ann", "nickname": "ann",
        "created_at": "2023-05-06T07:08:09.100Z", "blocked": True,
        "identities": [{"provider": "google-oauth2", "user_id": "9", "connection": "google-oauth2", "isSocial": True}],
    },
    {
        "_id": {"$oid": "5dea9f9c82dd7c0e76e4ec93"}, "email_verified": False, "email": "bob@example.com",
        "passwordHash": "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "password_set_date": {"$date": "2019-12-06T18:36:12.412Z"}, "tenant": "t", "connection": "c",
    },
    {"email": "old@example.com", "custom_password_hash": {"algorithm": "md5", "hash": {"value": "x"}}},
]  # fmt: skip


def told(shell: Shell, *typed: str, status: int = 0) -> dict[str, Any]:
    """Import with -o json, and what became of it."""
    said = shell("users", "import", *typed, "-o", "json")
    assert said.status == status, said
    return dict(said.json)


def counts(result: dict[str, Any]) -> tuple[int, ...]:
    """Created, updated, skipped, failed."""
    return tuple(result[name] for name in ("created", "updated", "skipped", "failed"))


def signs_in(shell: Shell, email: str, password: str) -> int:
    """The status of a sign-in."""
    return shell("login", email, "--password-stdin", stdin=password).status


def test_a_firebase_export_signs_in_with_its_old_passwords(ready: Shell, tmp_path: Path) -> None:
    """As `firebase auth:export` writes it; a user without an address fails, a disabled one comes in banned."""
    file, config, report = tmp_path / "users.json", tmp_path / "hash_config", tmp_path / "report.csv"
    file.write_text('{"users": [' + ",\n".join(json.dumps(each, indent=2) for each in FIREBASE_USERS) + "]}")
    config.write_text(FIREBASE_CONFIG)
    ready.refused(2, "cli/usage", "users", "import", str(file), "--from", "firebase")
    typed = (str(file), "--from", "firebase", "--firebase-config", str(config))
    assert counts(told(ready, *typed, "--dry-run", status=10)) == (2, 0, 0, 1)
    assert counts(told(ready, *typed, "--report", str(report), status=10)) == (2, 0, 0, 1)
    assert signs_in(ready, "ann@example.com", "wrong") == 3
    assert signs_in(ready, "ann@example.com", "user1password") == 0
    assert "$argon2id$" in ready.sql("SELECT hash FROM passwords")[0][0]
    ann, bob = (ready.json("users", "get", name) for name in ("ann@example.com", "bob@example.com"))
    assert (ann["name"], ann["createdAt"]) == ("Ann", "2020-09-13T12:26:40.123Z")
    assert (bob["role"], bob["status"], bob["name"]) == ("user", "banned", "Bob")
    with report.open(newline="") as written:
        rows = list(csv.DictReader(written))
    assert [(row["line"], row["externalId"], row["status"]) for row in rows] == [
        ("1", "u1", "created"), ("2", "u2", "created"), ("3", "", "failed")
    ]  # fmt: skip
    assert counts(told(ready, *typed, status=10)) == (0, 0, 2, 1)
    assert counts(told(ready, *typed, "--skip-first", "2", status=10)) == (0, 0, 0, 1)


def test_a_firebase_export_as_csv(ready: Shell, tmp_path: Path) -> None:
    """Without a header, in its fixed columns."""
    cells = [
        "u1",
        "ann@example.com",
        "true",
        FIREBASE_HASH,
        "42xEC+ixf3L2lw==",
        "Ann",
        "",
        "117",
        "a@g",
        "",
        "",
    ]
    cells += [""] * 12 + ["1600000000123", "1700000000000", "", "false", "", ""]
    file = tmp_path / "users.csv"
    file.write_text(",".join(cells) + "\n")
    config = ("--firebase-config", "-")
    said = ready(
        "users", "import", str(file), "--from", "firebase", *config, "-o", "json", stdin=FIREBASE_CONFIG
    )
    assert counts(said.json) == (1, 0, 0, 0), said
    assert signs_in(ready, "ann@example.com", "user1password") == 0
    assert ready.sql("SELECT provider_account_id FROM linked_accounts WHERE provider = 'google'") == [
        ("117",)
    ]


def test_a_supabase_export_signs_in_with_its_old_passwords(ready: Shell, tmp_path: Path) -> None:
    """auth.users as CSV and as JSON; deleted users stay behind, banned ones come in banned."""
    file = tmp_path / "users.csv"
    file.write_bytes(b"\xef\xbb\xbf" + SUPABASE.encode())
    assert counts(told(ready, str(file), "--from", "supabase")) == (2, 0, 1, 0)
    assert signs_in(ready, "ann@example.com", "U*U") == 0
    ann, bob = (ready.json("users", "get", name) for name in ("ann@example.com", "bob@example.com"))
    assert (ann["name"], ann["emailVerified"], ann["role"]) == ("Ann", "2024-01-02T03:04:05.678Z", "user")
    assert (bob["status"], bob["bannedUntil"], bob["emailVerified"]) == (
        "banned",
        "2999-01-01T00:00:00.000Z",
        None,
    )
    assert ready.sql("SELECT provider_account_id FROM linked_accounts WHERE provider = 'github'") == [("42",)]
    rows = list(csv.DictReader(SUPABASE.splitlines()))
    file.write_text(json.dumps(rows))
    assert counts(told(ready, str(file), "--from", "supabase")) == (0, 0, 3, 0)


def test_an_auth0_export_and_its_file_of_hashes(ready: Shell, tmp_path: Path) -> None:
    """Lines of either kind; an algorithm that cannot be kept fails its user, or leaves the hash out."""
    file = tmp_path / "users.ndjson"
    file.write_text("".join(json.dumps(each) + "\n" for each in AUTH0))
    result = told(ready, str(file), "--from", "auth0", status=10)
    assert counts(result) == (2, 0, 0, 1)
    assert "md5" in result["failures"][0]["message"]
    assert signs_in(ready, "bob@example.com", "U*U") == 0
    assert ready.json("users", "get", "ann@example.com")["status"] == "banned"
    assert counts(told(ready, str(file), "--from", "auth0", "--without-hashes")) == (1, 0, 2, 0)


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_an_export_of_ours_comes_back(ready: Shell, tmp_path: Path, kind: str) -> None:
    """T129: names with formulas, roles, dates, bans, accounts and hashes, of Firebase too, are the same there."""
    config, old = tmp_path / "hash_config", tmp_path / "old.json"
    config.write_text(FIREBASE_CONFIG)
    old.write_text(json.dumps({"users": FIREBASE_USERS[:2]}))
    told(ready, str(old), "--from", "firebase", "--firebase-config", str(config))
    names = ("=HYPERLINK(1)", "+1", "-1", "@x", "\tx", "\rx", "'=1", "=1\n=2", 'a "q", b', "\u2028\U0001f510")
    for number, name in enumerate(names):
        typed = ("users", "create", f"u{number}@example.com", f"--name={name}", "--role", "admin")
        ready.ok(*typed, "--password-stdin", stdin=PASSWORD)
    files = tmp_path / f"first.{kind}", tmp_path / f"second.{kind}"
    export = ("users", "export", "--to", kind, "--include-hashes", "--include-accounts", "--file")
    ready.ok(*export, str(files[0]))
    ready.set(DATABASE_URL=f"sqlite:///{tmp_path / 'fresh.db'}")
    ready.ok("init", "--profile", "fresh")
    refused = told(ready, str(files[0]), "--from", kind, "-p", "fresh", status=10)
    assert (refused["created"], refused["failed"]) == (2, len(names))
    both = (str(files[0]), "--from", kind, "--allow-roles", "-p", "fresh")
    assert counts(told(ready, *both)) == (len(names), 0, 2, 0)
    ready.ok(*export, str(files[1]), "-p", "fresh")
    kept = ("email", "name", "role", "emailVerified", "createdAt", "lastSignInAt", "status", "passwordHash")

    def users_of(file: Path) -> list[dict[str, Any]]:
        with file.open(newline="") as written:
            rows = csv.DictReader(written) if kind == "csv" else map(json.loads, written)
            found = [{**{name: row.get(name) for name in kept}, "key": row["hashParameters"]} for row in rows]
        return sorted(found, key=lambda row: str(row["email"]))

    assert users_of(files[0]) == users_of(files[1])
    assert signs_in(ready, "ann@example.com", "user1password") == 0


def test_what_cannot_be_read_is_told_by_its_line(ready: Shell, tmp_path: Path) -> None:
    """T128: broken lines, columns, encodings and ends stop no other user, and nothing is half there."""
    file = tmp_path / "users"
    good = '{"email":"a%d@example.com"}\n'
    file.write_bytes(
        (good % 1 + '{"email": \n[1]\n\n' + good % 2).encode() + b'{"email":"\xff@example.com"}\n{"ema'
    )
    result = told(ready, str(file), "--from", "jsonl", status=10)
    assert (result["created"], [row["line"] for row in result["failures"]]) == (2, [2, 3, 6, 7])
    file.write_bytes(
        b'email,name\nb1@example.com,B\nb2@example.com\n"b3@example.com","\xff"\nb4@example.com,"x'
    )
    result = told(ready, str(file), "--from", "csv", status=10)
    assert (result["created"], [row["line"] for row in result["failures"]]) == (1, [3, 4, 5])
    file.write_text('{"users": [{"email": "c1@example.com"}, {"email": "c2@exam')
    result = told(ready, str(file), "--from", "firebase", status=10)
    assert (result["created"], [row["line"] for row in result["failures"]]) == (1, [2])
    twice = "email,role\nd1@example.com,user\nD1@example.com,user\nd2@example.com,admin\n"
    file.write_text(twice)
    assert counts(told(ready, str(file), "--from", "csv", status=10)) == (1, 0, 1, 1)
    for content in (twice.encode("utf-16"), b"", b"mail,name\nx,y\n"):
        file.write_bytes(content)
        ready.refused(1, "cli/file", "users", "import", str(file), "--from", "csv")
    ready.refused(1, "cli/file", "users", "import", str(tmp_path / "none"), "--from", "csv")
    ready.refused(2, "cli/usage", "users", "import", str(file), "--from", "okta")


def test_a_line_without_end_takes_no_memory(ready: Shell, tmp_path: Path) -> None:
    """What is longer than a user can be is passed over."""
    file = tmp_path / "users"
    file.write_text('{"name":"' + "x" * 3_000_000 + '"}\n{"email":"a@example.com"}\n')
    result = told(ready, str(file), "--from", "jsonl", status=10)
    assert (counts(result), result["failures"][0]["line"]) == ((1, 0, 0, 1), 1)
