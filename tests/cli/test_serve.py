"""bkendctl serve, as a process that is reached over the network and ended by signals."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from shell import ALICE, PASSWORD, Shell

from tests.certificate import certificate

Serve = Callable[..., "Served"]
SECONDS = 30


class Served:
    """A running server: its process and where it is."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stderr is not None
        said = process.stderr.readline()
        found = re.search(r"serving at (\S+);", said)
        assert found is not None, said + process.stderr.read()
        self.url = found[1]

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Ask for something."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.get(self.url + path, headers=sent, timeout=SECONDS)

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; gives the exit status and what was said on stderr."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, said


@pytest.fixture
def serve(alice: Shell) -> Iterator[Serve]:
    """Start servers of Alice's core; those still running in the end are killed."""
    running: list[Served] = []

    def start(*arguments: str) -> Served:
        running.append(Served(alice.start("serve", "--port", "0", *arguments)))
        return running[-1]

    yield start
    for each in running:
        each.process.kill()
        each.process.communicate()


def test_it_serves_until_a_signal_and_logs_each_request(alice: Shell, serve: Serve) -> None:
    """Exit 0 after SIGTERM; a line of JSON for each request, without keys."""
    key = alice.credentials["secret_key"]
    server = serve()
    users = server.get("/v1/users", x_api_key=key)
    assert [user["email"] for user in users.json()["items"]] == [ALICE]
    status, said = server.end()
    assert status == 0
    (line,) = [json.loads(line) for line in said.splitlines()]
    assert (line["path"], line["status"], line["operation"]) == ("/v1/users", 200, "users.list")
    assert key not in said


def test_ctrl_c_ends_it_in_order(serve: Serve) -> None:
    """The usual way to stop it is no failure."""
    assert serve("--no-access-log").end(signal.SIGINT) == (0, "")


def test_a_running_request_is_finished(alice: Shell, serve: Serve) -> None:
    """A request whose body is still under way when the signal comes gets its answer."""
    server = serve("--no-access-log")
    body = json.dumps({"email": ALICE, "password": PASSWORD}).encode()
    place = httpx.URL(server.url)
    with socket.create_connection((place.host, place.port or 0), timeout=SECONDS) as line:
        head = (
            f"POST /v1/auth/email/signin HTTP/1.1\r\nhost: t\r\ncontent-length: {len(body)}\r\n"
            f"content-type: application/json\r\nx-api-key: {alice.credentials['publishable_key']}\r\n\r\n"
        )
        line.sendall(head.encode() + body[:5])
        server.get("/healthz")  # by now the head above was taken up
        server.process.send_signal(signal.SIGTERM)
        line.sendall(body[5:])
        assert line.makefile("rb").readline().split()[1] == b"200"
    assert server.process.wait(SECONDS) == 0


def test_workers_share_what_is_revoked(alice: Shell, serve: Serve) -> None:
    """Two processes: one that dies is replaced, and a revoked key is refused by both at once (P3)."""
    server = serve("--workers", "2", "--no-access-log")
    made = alice.json("keys", "create", "--type", "secret", "--name", "other")
    answers = [server.get("/v1/users", x_api_key=made["key"]).status_code for _ in range(8)]
    assert set(answers) == {200}
    os.kill(_children(server.process.pid)[-1], signal.SIGKILL)
    alice.ok("keys", "revoke", made["id"], "--yes")
    answers = [server.get("/v1/users", x_api_key=made["key"]).status_code for _ in range(8)]
    assert set(answers) == {401}
    _until(lambda: len(_children(server.process.pid)) >= 2)
    assert server.end()[0] == 0


def _children(process: int) -> list[int]:
    """The worker processes of a server; the one that tracks resources is none."""
    told = Path(f"/proc/{process}/task/{process}/children")
    if not told.exists():
        pytest.skip("the system does not tell children")
    found = [int(child) for child in told.read_text().split()]
    return [child for child in found if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def _until(holds: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    ends = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < ends
        threading.Event().wait(0.05)


def test_a_database_in_use_is_not_replaced(alice: Shell, serve: Serve, tmp_path: Path) -> None:
    """restore and migrate keep off while a server runs, and go on once it ended."""
    copy = str(tmp_path / "copy.db")
    alice.ok("db", "backup", copy)
    server = serve("--no-access-log")
    server.get("/healthz")
    alice.refused(1, "cli/database-in-use", "db", "restore", copy, "--yes")
    server.end()
    alice.ok("db", "restore", copy, "--yes")


def test_tls(alice: Shell, serve: Serve, tmp_path: Path) -> None:
    """With certificate and key it speaks https; a client checks them, and a remote profile works over it."""
    cert, private = certificate(tmp_path)
    server = serve("--tls-cert", str(cert), "--tls-key", str(private), "--no-access-log")
    assert server.url.startswith("https://127.0.0.1:")
    trusting = ssl.create_default_context(cafile=str(cert))
    assert httpx.get(f"{server.url}/healthz", verify=trusting).status_code == 200
    key = alice.credentials["secret_key"]
    alice.set(URL=server.url, API_KEY=key)
    refused = alice("users", "list")
    assert (refused.status, refused.code) == (8, "cli/network")
    assert "certificate" in refused.err.lower()
    listed = alice.process("users", "list", "-q", wrapper=("env", f"SSL_CERT_FILE={cert}"))
    assert listed.returncode == 0, listed.stderr


def test_an_empty_machine_is_told_what_to_type(shell: Shell) -> None:
    """Nothing is made by serving."""
    refused = shell("serve")
    assert refused.status != 0
    assert "bkendctl init" in refused.err
    assert not (shell.home / "bkendctl.db").exists()


def test_a_database_without_tables_is_refused(shell: Shell, tmp_path: Path) -> None:
    """An empty file passes for no installation."""
    file = tmp_path / "empty.db"
    file.touch(0o600)
    shell.set(DATABASE_URL=f"sqlite:///{file}", MASTER_KEY="A" * 43 + "=")
    error = shell.refused(1, "cli/database-missing", "serve")
    assert error["hint"] == "bkendctl init"


def test_a_taken_port_is_one_clear_line(alice: Shell) -> None:
    """With what to type instead."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        error = alice.refused(1, "cli/address", "serve", "--port", str(port))
    assert str(port) in error["message"]


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (["--host", "0.0.0.0"], 2, "cli/usage"),
        (["--host", "no such host"], 2, "cli/usage"),
        (["--tls-cert", "cert.pem"], 2, "cli/usage"),
        (["--tls-cert", "/nowhere/cert.pem", "--tls-key", "/nowhere/key.pem"], 1, "cli/file"),
        (["--trusted-proxy", "proxy.example.com"], 2, "cli/usage"),
        (["--public-url", "auth.example.com"], 2, "cli/usage"),
    ],
)
def test_wrong_options_start_nothing(alice: Shell, arguments: list[str], status: int, code: str) -> None:
    """Each is refused with its reason."""
    said = alice("serve", *arguments)
    assert said.status == status
    assert not said.code or said.code == code
    assert "Traceback" not in said.err


def test_the_configuration_can_be_looked_at_first(alice: Shell) -> None:
    """--print-config serves nothing and shows no password of a database."""
    shown: dict[str, Any] = alice.json(
        "serve", "--print-config", "--workers", "3", "--trusted-proxy", "10.1.2.3", "--host", "0.0.0.0",
        "--plain-http",
    )  # fmt: skip
    assert shown["url"] == "http://0.0.0.0:8787"
    assert (shown["workers"], shown["trustedProxies"]) == (3, ["10.1.2.3/32"])
    assert shown["database"] == f"sqlite:///{alice.database}"
