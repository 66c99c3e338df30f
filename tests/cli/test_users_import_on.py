"""Imports that are held up: by a server that wants a pause, by Ctrl-C, by a kill; each goes on."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest
from shell import PROGRAM, Shell

from bkendctl.cli import user_import, waiting
from tests.http_server import HttpServer


def lines(count: int, start: int = 0) -> str:
    """Users as JSON lines."""
    rows = ({"email": f"u{number:05}@example.com", "name": "U"} for number in range(start, start + count))
    return "".join(json.dumps(row) + "\n" for row in rows)


def users_in(shell: Shell) -> int:
    """How many there are by now, Alice left out."""
    return int(shell.sql("SELECT count(*) FROM users WHERE email LIKE 'u0%'")[0][0])


def test_a_server_that_wants_a_pause_gets_it(
    alice: Shell, served: HttpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """429: it waits for as long as Retry-After says and sends the same users again; each is in once."""
    alice.ok("profiles", "add", "far", "--url", served.url, "--api-key-stdin",
             stdin=alice.credentials["secret_key"])  # fmt: skip
    alice.sql(
        "INSERT INTO settings SELECT id, 'sessions', ?, 0 FROM environments",
        json.dumps({"rateLimits": {"default": {"limit": 4, "windowSeconds": 60}}}),
    )
    waited: list[float] = []

    def pause(seconds: float) -> None:
        waited.append(seconds)
        alice.sql("DELETE FROM settings")

    monkeypatch.setattr(user_import, "MOST_ROWS", 1)
    monkeypatch.setattr(user_import.time, "sleep", pause)
    (tmp_path / "users.jsonl").write_text(lines(8))
    said = alice.json("users", "import", str(tmp_path / "users.jsonl"), "--from", "jsonl")
    assert (said["created"], said["skipped"], users_in(alice)) == (8, 0, 8)
    assert len(waited) == 1
    assert 1 <= waited[0] <= 60


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_an_import_that_was_broken_off_goes_on(end: signal.Signals, alice: Shell, tmp_path: Path) -> None:
    """Whole batches are in and nothing else; Ctrl-C says how to go on; run again it skips those and ends."""
    (tmp_path / "told").mkdir()
    report = str(tmp_path / "told" / "report.jsonl")
    command = [*PROGRAM, "users", "import", "-", "--from", "jsonl", "--report", report]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=alice.environment,
    ) as child:  # fmt: skip
        assert child.stdin is not None
        child.stdin.write(lines(user_import.MOST_ROWS + 1))
        child.stdin.flush()
        # The report is written, to a file beside it as yet, once the command knows what is done.
        told = tmp_path / "told"
        assert waiting.until(lambda: any(each.stat().st_size for each in told.iterdir()) or None, 30)
        assert users_in(alice) == user_import.MOST_ROWS
        child.send_signal(end)
        child.stdin.close()
        assert child.stderr is not None
        said, status = child.stderr.read(), child.wait(30)
    if end == signal.SIGINT:
        assert status == 130
        assert f"--skip-first {user_import.MOST_ROWS}" in said
    assert users_in(alice) == user_import.MOST_ROWS
    (tmp_path / "users.jsonl").write_text(lines(user_import.MOST_ROWS + 5))
    again = alice.json("users", "import", str(tmp_path / "users.jsonl"), "--from", "jsonl")
    assert (again["skipped"], again["created"]) == (user_import.MOST_ROWS, 5)
    assert alice.json("users", "list")["pagination"]["total"] == user_import.MOST_ROWS + 6
    assert alice.json("doctor")[0]["state"] == "ok"
