"""Many real processes at once on one home: one refresh, one set-up, nobody logged out."""

from __future__ import annotations

import json
import subprocess

from shell import ALICE, Shell


def finished(processes: list[subprocess.Popen[str]]) -> list[tuple[int, str, str]]:
    """Wait for all and give status, stdout and stderr of each."""
    ends = []
    for process in processes:
        out, err = process.communicate(timeout=120)
        ends.append((process.returncode, out, err))
    return ends


def test_fifty_processes_with_one_expired_token(alice: Shell) -> None:
    """All fifty succeed, the token is renewed once, the session is the same, and all stay signed in."""
    session = alice.json("token", "show")["claims"]["sid"]
    alice.pass_time(3601)
    ends = finished([alice.start("whoami", "-o", "json") for _ in range(50)])
    assert [(status, err) for status, _, err in ends] == [(0, "")] * 50
    assert {json.loads(out)["email"] for _, out, _ in ends} == {ALICE}
    assert alice.sql("SELECT count(*) FROM audit_events WHERE action = 'sessions.refresh'") == [(1,)]
    assert alice.sql("SELECT count(*), max(generation) FROM refresh_tokens") == [(2, 2)]
    assert alice.sql("SELECT count(*) FROM sessions WHERE ended_at IS NOT NULL") == [(0,)]
    assert alice.json("token", "show")["claims"]["sid"] == session
    alice.ok("token", "refresh")


def test_twenty_inits_at_once(shell: Shell) -> None:
    """Exactly one makes the core; there is one project, one key pair, and the kept keys work."""
    ends = finished([shell.start("init", "-o", "json") for _ in range(20)])
    assert [(status, err) for status, _, err in ends] == [(0, "")] * 20
    told = [json.loads(out) for _, out, _ in ends]
    (maker,) = [each for each in told if each["created"]]
    assert {each["secretKey"] for each in told} == {maker["secretKey"], None}
    assert len({each["projectId"] for each in told}) == 1
    for table, count in (("organizations", 1), ("projects", 1), ("environments", 1), ("api_keys", 2)):
        assert shell.sql(f"SELECT count(*) FROM {table}") == [(count,)]
    assert shell.credentials["secret_key"] == maker["secretKey"]
    assert shell.json("users", "list")["items"] == []


def test_eight_changes_at_once(ready: Shell) -> None:
    """Writers wait for each other: every user that was acknowledged is there."""
    ends = finished([ready.start("users", "create", f"user{n}@example.com", "-q") for n in range(8)])
    assert [(status, err) for status, _, err in ends] == [(0, "")] * 8
    made = {out.strip() for _, out, _ in ends}
    assert {user["id"] for user in ready.json("users", "list", "--limit", "100")["items"]} == made
    assert len(made) == 8
