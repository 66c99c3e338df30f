"""Many real processes at once on one home: one refresh, one set-up, nobody logged out."""

from __future__ import annotations

import json
import subprocess

import pytest
from shell import ALICE, Shell


def many(short: int, whole: int) -> pytest.MarkDecorator:
    """So many processes in the ordinary run, and as many as are promised in the slow one."""
    return pytest.mark.parametrize("count", [short, pytest.param(whole, marks=pytest.mark.slow)])


def finished(processes: list[subprocess.Popen[str]]) -> list[tuple[int, str, str]]:
    """Wait for all and give status, stdout and stderr of each."""
    ends = []
    for process in processes:
        out, err = process.communicate(timeout=120)
        ends.append((process.returncode, out, err))
    return ends


@many(5, 50)
def test_processes_with_one_expired_token(alice: Shell, count: int) -> None:
    """All succeed, the token is renewed once, the session is the same, and all stay signed in."""
    session = alice.json("token", "show")["claims"]["sid"]
    alice.pass_time(3601)
    ends = finished([alice.start("whoami", "-o", "json") for _ in range(count)])
    assert [(status, err) for status, _, err in ends] == [(0, "")] * count
    assert {json.loads(out)["email"] for _, out, _ in ends} == {ALICE}
    assert alice.sql("SELECT count(*) FROM audit_events WHERE action = 'sessions.refresh'") == [(1,)]
    assert alice.sql("SELECT count(*), max(generation) FROM refresh_tokens") == [(2, 2)]
    assert alice.sql("SELECT count(*) FROM sessions WHERE ended_at IS NOT NULL") == [(0,)]
    assert alice.json("token", "show")["claims"]["sid"] == session
    alice.ok("token", "refresh")


@many(4, 20)
def test_inits_at_once(shell: Shell, count: int) -> None:
    """Exactly one makes the core; there is one project, one key pair, and the kept keys work."""
    ends = finished([shell.start("init", "-o", "json") for _ in range(count)])
    assert [(status, err) for status, _, err in ends] == [(0, "")] * count
    told = [json.loads(out) for _, out, _ in ends]
    (maker,) = [each for each in told if each["created"]]
    assert {each["secretKey"] for each in told} == {maker["secretKey"], None}
    assert len({each["projectId"] for each in told}) == 1
    for table, count in (("organizations", 1), ("projects", 1), ("environments", 1), ("api_keys", 2)):
        assert shell.sql(f"SELECT count(*) FROM {table}") == [(count,)]
    assert shell.credentials["secret_key"] == maker["secretKey"]
    assert shell.json("users", "list")["items"] == []


@many(4, 20)
def test_changes_at_once(ready: Shell, count: int) -> None:
    """Writers wait for each other: every user that was acknowledged is there."""
    ends = finished([ready.start("users", "create", f"user{n}@example.com", "-q") for n in range(count)])
    assert [(status, err) for status, _, err in ends] == [(0, "")] * count
    made = {out.strip() for _, out, _ in ends}
    assert {user["id"] for user in ready.json("users", "list", "--limit", "100")["items"]} == made
    assert len(made) == count
