"""Pages of other origins: admitted by the project's corsOrigins (decision 24), never with credentials."""

from __future__ import annotations

import pytest

from bkendctl.core import schema
from tests.conftest import World
from tests.server.wire import Line

PAGE = "https://app.example.com"
OTHER = "https://evil.example.net"


def admit(world: World, *origins: str) -> None:
    """Set the project's list."""
    with world.core.database.write() as transaction:
        wanted = schema.projects.c.id == world.installed.project_id
        transaction.run(schema.projects.update().where(wanted).values(cors_origins=list(origins)))


def admitted(line: Line, origin: str, **headers: str) -> str | None:
    """What an answer to that origin allows."""
    return line.ask("GET", "/v1/users", origin=origin, **headers).headers.get("access-control-allow-origin")


def test_an_empty_list_admits_any_in_dev_and_none_elsewhere(world: World, line: Line) -> None:
    """So that nothing has to be set up to begin with, and nothing stays open by oversight."""
    live = world.beside("production", "prod")
    assert admitted(line, OTHER, x_api_key=world.sk) == OTHER
    assert admitted(line, OTHER, x_api_key=live.sk) is None


def test_a_list_admits_who_is_on_it(world: World, line: Line) -> None:
    """Exactly: neither another case, port, scheme, ending or subdomain; refusals may be read as well."""
    admit(world, PAGE)
    assert admitted(line, PAGE, x_api_key=world.sk) == PAGE
    assert admitted(line, PAGE, x_api_key=world.pk) == PAGE
    for origin in (OTHER, PAGE + ":8443", "http://app.example.com", PAGE + ".evil.net", "null", PAGE.upper()):
        assert admitted(line, origin, x_api_key=world.sk) is None


def test_a_star_admits_any_and_nobody_with_credentials(world: World, line: Line) -> None:
    """bkend's default has to be said; cookies are asked for nowhere."""
    live = world.beside("production", "prod")
    admit(world, "*")
    reply = line.ask("GET", "/v1/users", origin=OTHER, x_api_key=live.sk)
    assert reply.headers["access-control-allow-origin"] == OTHER
    assert "access-control-allow-credentials" not in reply.headers
    assert "x-request-id" in reply.headers["access-control-expose-headers"]


@pytest.mark.parametrize("path", ["/v1/users", "/v1/auth/email/signin"])
def test_answers_differ_by_origin(world: World, line: Line, path: str) -> None:
    """Vary keeps caches from giving one page's answer to another, whether or not an origin is named."""
    admit(world, PAGE)
    for headers in ({}, {"origin": PAGE}, {"origin": OTHER}):
        for method in ("GET", "POST", "OPTIONS"):
            assert "origin" in line.ask(method, path, **headers).headers["vary"]


def test_a_preflight_tells_what_may_be_sent(world: World, line: Line) -> None:
    """Methods and headers of the path to an admitted origin, nothing to others."""
    admit(world, PAGE)
    asked = {"access_control_request_method": "POST", "access_control_request_headers": "x-api-key"}
    reply = line.ask("OPTIONS", "/v1/users", origin=PAGE, **asked)
    assert reply.status == 204
    assert reply.headers["access-control-allow-origin"] == PAGE
    assert reply.headers["access-control-allow-methods"] == "GET, POST"
    assert {"x-api-key", "authorization", "content-type", "idempotency-key"} <= set(
        reply.headers["access-control-allow-headers"].split(", ")
    )
    refused = line.ask("OPTIONS", "/v1/users", origin=OTHER, **asked)
    assert not [name for name in refused.headers if name.startswith("access-control-")]


def test_a_page_learns_why_its_key_is_refused(world: World, line: Line) -> None:
    """Where no environment is known, the origin need only be admitted by one."""
    admit(world, PAGE)
    assert admitted(line, PAGE) == PAGE
    assert admitted(line, OTHER) is None


def test_a_database_that_is_away_admits_nobody(world: World, line: Line) -> None:
    """And is no 500: neither for a preflight nor for an answer."""
    with world.core.database.write() as transaction:
        transaction.connection.exec_driver_sql("ALTER TABLE projects RENAME TO elsewhere")
    assert line.ask("OPTIONS", "/v1/users", origin=PAGE).status == 204
    reply = line.ask("GET", "/v1/users", origin=PAGE)
    assert reply.status == 401
    assert "access-control-allow-origin" not in reply.headers
