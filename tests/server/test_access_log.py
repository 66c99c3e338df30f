"""The access log: a JSON object a line, and no secret in any (T140)."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from bkendctl.server.access_log import AccessLog
from tests.conftest import PASSWORD, World
from tests.server.wire import Line, request


class FullDisk(io.StringIO):
    """Takes nothing."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def log_to(world: World, stream: io.StringIO) -> None:
    """Serve the world with a log on a stream."""
    assert world.server is not None
    world.server.use(world.core, log=AccessLog(world.clock, stream))


@pytest.fixture
def stream(world: World) -> io.StringIO:
    """What was logged."""
    stream = io.StringIO()
    log_to(world, stream)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """Each line, decoded."""
    return [json.loads(text) for text in stream.getvalue().splitlines()]


def test_a_line_tells_who_did_what(world: World, line: Line, stream: io.StringIO) -> None:
    """Operation, status, code, environment, caller, source and request id; the path without its query."""
    user = world.sign_up()
    line.ask("GET", "/v1/users?search=zoe", x_api_key=world.sk, x_request_id="one")
    token = f"Bearer {user.access_token}"
    line.ask("GET", "/v1/users", x_api_key=world.pk, authorization=token, x_request_id="two")
    line.ask("GET", "/nowhere", x_request_id="three")
    line.ask("GET", "/healthz")
    _, first, second, third, *_ = lines(stream)
    assert first | {"actor": "", "milliseconds": 0} == {
        "time": "2027-01-15T08:00:00.000Z", "requestId": "one", "address": "127.0.0.1", "method": "GET",
        "path": "/v1/users", "operation": "users.list", "status": 200, "code": None, "milliseconds": 0,
        "environment": "dev", "actor": "",
    }  # fmt: skip
    assert first["actor"]
    assert (second["requestId"], second["status"], second["code"]) == ("two", 403, "user/forbidden")
    assert second["actor"].startswith("user:")
    assert (third["operation"], third["status"], third["code"]) == (None, 404, "common/not-found")


def test_no_secret_is_logged(world: World, line: Line, stream: io.StringIO) -> None:
    """Neither keys nor tokens nor passwords, wherever in a request they stand, nor what a query holds."""
    user = world.sign_up()
    canary = "canary0123456789"
    secrets = [world.sk, world.pk, user.access_token, user.refresh_token, PASSWORD, canary]
    for secret in secrets:
        authorization = f"Bearer {secret}"
        line.ask("GET", f"/v1/auth/me?token={secret}", x_api_key=secret, authorization=authorization)
        line.ask("GET", f"/healthz?code={secret}", cookie=secret, referer=secret, user_agent=secret)
        line.ask(
            "POST", "/v1/auth/email/signin", json.dumps({"password": secret}).encode(), x_api_key=world.pk
        )
        line.ask(
            "POST", "/v1/auth/refresh", json.dumps({"refreshToken": secret}).encode(), x_api_key=world.pk
        )
    assert len(lines(stream)) > 4 * len(secrets)
    assert [secret for secret in secrets if secret in stream.getvalue()] == []


def test_nobody_writes_lines_of_their_own(line: Line, stream: io.StringIO) -> None:
    """Line ends and control characters in a path stay inside their line; a long one is cut."""
    line.ask("GET", '/a%0A{"status":200}%0D%00%1b[31m%E2%80%A8')
    line.ask("GET", "/" + "b" * 5_000)
    first, second = lines(stream)
    assert first["status"] == 404
    assert "\x1b" not in stream.getvalue()
    assert len(second["path"]) == 512


def test_who_hung_up_is_logged_without_a_status(world: World, line: Line, stream: io.StringIO) -> None:
    """0 tells that no answer was given."""
    line.send(request("POST", "/v1/auth/email/signin", b"", x_api_key=world.pk, content_length="9"), b"{")
    line.close()
    other = Line(world.server.url)  # type: ignore[union-attr]
    while len(lines(stream)) < 1:
        other.ask("HEAD", "/healthz")
        if any(said["status"] == 0 for said in lines(stream)):
            break
    while not any(said["status"] == 0 for said in lines(stream)):
        assert other.ask("GET", "/healthz").status == 200
    other.close()


def test_a_log_that_cannot_be_written_stops_nobody(world: World, line: Line) -> None:
    """A full disk under the log is no fault of who asks."""
    log_to(world, FullDisk())
    assert [line.ask("GET", "/healthz").status for _ in range(2)] == [200, 200]
