"""Which path and method lead where, and what is told of the others."""

from __future__ import annotations

import pytest

from tests.conftest import World
from tests.server.wire import Line

UNKNOWN = (404, "common/not-found")


@pytest.mark.parametrize(
    "path",
    [
        "/", "/v1", "/v1/", "/v2/auth/me", "/v1/auth/me/", "//v1/auth/me", "/v1//auth/me", "/v1/auth//me",
        "/v1/./auth/me", "/v1/users/../auth/me", "/v1/auth/me%2F", "/v1%2Fauth%2Fme", "/v1/auth%2Fme",
        "/%76%31/auth/me", "/V1/auth/me", "/v1/auth/me;x=1", "/v1/users//sessions", "/healthz/", "/HEALTHZ",
        "/v1/healthz", "/.well-known/", "/.well-known/jwks.json/", "/%2e%2e/%2e%2e/etc/passwd", "/v1/{id}",
    ],
)  # fmt: skip
def test_a_path_is_what_the_contract_says(world: World, line: Line, path: str) -> None:
    """Nothing is tidied up: another spelling is another path, without a redirect."""
    reply = line.ask("GET", path, x_api_key=world.sk)
    assert reply.refusal == UNKNOWN
    assert "location" not in reply.headers


def test_an_escaped_slash_stays_in_its_segment(world: World, line: Line) -> None:
    """%2F in an id is part of the id, which then fits no user: no other route is reached by it."""
    reply = line.ask("GET", "/v1/users/x%2Fsessions", x_api_key=world.sk)
    assert reply.status in (400, 404)
    assert reply.code != "common/not-found"


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/v1/auth/me", "GET"),
        ("DELETE", "/v1/users", "GET, POST"),
        ("TRACE", "/v1/auth/me", "GET"),
        ("GET", "/v1/auth/email/signin", "POST"),
        ("HEAD", "/v1/auth/email/signin", "POST"),
        ("POST", "/healthz", "GET"),
        ("DELETE", "/metrics", "GET"),
    ],
)
def test_another_method_is_told_the_right_ones(line: Line, method: str, path: str, allow: str) -> None:
    """405 with Allow (RFC 9110, section 15.5.6), and no need of a key for it."""
    reply = line.ask(method, path)
    assert reply.status == 405
    assert set(allow.split(", ")) <= set(reply.headers["allow"].split(", "))
    if method != "HEAD":
        assert reply.code == "common/method-not-allowed"


@pytest.mark.parametrize("path", ["/healthz", "/v1/users", "/.well-known/jwks.json", "/v1/auth/me"])
def test_head_is_get_without_its_body(world: World, line: Line, path: str) -> None:
    """Same status, same length, no body: the next answer on the connection is whole."""
    whole = line.ask("GET", path, x_api_key=world.sk)
    head = line.ask("HEAD", path, x_api_key=world.sk)
    assert (head.status, head.headers["content-length"]) == (whole.status, str(len(whole.body)))
    assert line.ask("GET", "/healthz").status == 200


def test_options_names_the_methods(line: Line) -> None:
    """Without a key; of what does not exist, nothing."""
    reply = line.ask("OPTIONS", "/v1/users")
    assert (reply.status, reply.headers["allow"], reply.body) == (204, "GET, POST, OPTIONS", b"")
    assert line.ask("OPTIONS", "/v1/nowhere").refusal == UNKNOWN
