"""Headers of answers: what every one has, what some have, and what none has."""

from __future__ import annotations

import re

import pytest

from bkendctl.contract import dev_clock
from tests.conftest import World
from tests.server.wire import Line

A_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
PATHS = ["/healthz", "/readyz", "/metrics", "/v1/auth/me", "/v1/users", "/nowhere", "/v1/nowhere"]


@pytest.mark.parametrize("path", PATHS)
def test_every_answer(world: World, line: Line, path: str) -> None:
    """A request id of its own, nothing kept by caches, and not what it was made with."""
    first, second = (line.ask("GET", path, x_api_key=world.sk) for _ in range(2))
    assert A_UUID.fullmatch(first.headers["x-request-id"])
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert "server" not in first.headers
    assert "x-powered-by" not in first.headers
    if path != "/metrics":
        assert first.headers["cache-control"] == "no-store"
        assert first.headers["x-content-type-options"] == "nosniff"


def test_a_good_request_id_is_kept(line: Line) -> None:
    """So that a caller's log and ours meet, also where the request is refused."""
    for path in PATHS:
        assert line.ask("GET", path, x_request_id="trace-1.a:B_2").headers["x-request-id"] == "trace-1.a:B_2"


@pytest.mark.parametrize("given", ["a" * 65, "a b", "<script>", "a,b", "\xe9", "{}"])
def test_a_bad_request_id_is_replaced(line: Line, given: str) -> None:
    """What could confuse a log, or is too long for it, never gets there."""
    assert A_UUID.fullmatch(line.ask("GET", "/healthz", x_request_id=given).headers["x-request-id"])


def test_the_moved_clock_is_told(world: World, line: Line) -> None:
    """In seconds, on good answers and on refusals of that environment, and nowhere while it is not moved."""
    assert "x-dev-clock-offset" not in line.ask("GET", "/v1/users", x_api_key=world.sk).headers
    world.call(dev_clock.SET, dev_clock.SetClock(offset_seconds=90), key="sk")
    for key, path in ((world.sk, "/v1/users"), (world.pk, "/v1/users"), (world.sk, "/v1/users?page=x")):
        assert line.ask("GET", path, x_api_key=key).headers["x-dev-clock-offset"] == "90"
    assert "x-dev-clock-offset" not in line.ask("GET", "/v1/users").headers


def test_401_says_how_to_authenticate(world: World, line: Line) -> None:
    """WWW-Authenticate is required there (RFC 9110, section 15.5.2), and is in no other answer."""
    for headers in ({}, {"x_api_key": "pk_x"}, {"x_api_key": world.pk}):
        reply = line.ask("GET", "/v1/auth/me", **headers)
        assert (reply.status, reply.headers["www-authenticate"]) == (401, "Bearer")
    assert "www-authenticate" not in line.ask("GET", "/v1/users", x_api_key=world.sk).headers


def test_429_says_when_to_come_back(world: World, line: Line) -> None:
    """Retry-After in whole seconds, at least one."""
    body = b'{"method": "password", "email": "nobody@example.com", "password": "Wr0ng-horse!"}'
    for _ in range(101):  # 20 times looser in dev
        reply = line.ask("POST", "/v1/auth/email/signin", body, x_api_key=world.pk)
        if reply.status == 429:
            break
    assert reply.status == 429
    assert int(reply.headers["retry-after"]) >= 1


def test_repeated_credentials_are_none(world: World, line: Line) -> None:
    """Two keys or tokens never mean one of them: a proxy might have looked at the other."""
    line.send(f"GET /v1/users HTTP/1.1\r\nhost: t\r\n{f'x-api-key: {world.sk}' + chr(13) + chr(10)}".encode())
    line.send(f"x-api-key: {world.pk}\r\n\r\n".encode())
    assert line.reply().status == 401
