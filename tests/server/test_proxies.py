"""Whom a request comes from (T014): the peer, unless that is a proxy we were told to believe."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import World
from tests.http_server import HttpServer
from tests.server.wire import Line


@pytest.fixture(params=["", "10.0.0.0/8", "127.0.0.0/8,10.0.0.0/8"])
def proxied(request: pytest.FixtureRequest, world: World) -> Iterator[tuple[Line, bool]]:
    """A connection to a server that believes these proxies, and whether the peer is one of them."""
    server = HttpServer(proxies=request.param)
    server.use(world.core)
    line = Line(server.url)
    yield line, "127" in request.param
    line.close()
    server.close()


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"x_forwarded_for": "203.0.113.7"}, "203.0.113.7"),
        ({"x_forwarded_for": "198.51.100.1, 203.0.113.7"}, "203.0.113.7"),
        ({"x_forwarded_for": "198.51.100.1, 203.0.113.7, 10.1.2.3"}, "203.0.113.7"),
        ({"x_forwarded_for": "2001:db8::7"}, "2001:db8::7"),
        ({"x_forwarded_for": "[2001:db8::7]:443"}, "2001:db8::7"),
        ({"x_forwarded_for": "203.0.113.7:8080"}, "203.0.113.7"),
        ({"x_forwarded_for": "203.0.113.7, not an address"}, "0.0.0.0"),
        ({"x_forwarded_for": ""}, "127.0.0.1"),
        ({"x_real_ip": "203.0.113.7", "forwarded": "for=203.0.113.7"}, "127.0.0.1"),
        ({"true_client_ip": "203.0.113.7", "cf_connecting_ip": "203.0.113.7"}, "127.0.0.1"),
    ],
)
def test_only_a_known_proxy_names_the_source(
    world: World, proxied: tuple[Line, bool], headers: dict[str, str], told: str
) -> None:
    """The right-most address that is no known proxy's; the caller wrote what stands before it."""
    line, believed = proxied
    email = b'{"name": "A", "email": "a@example.com", "method": "password", "password": "Corr3ct-horse!"}'
    assert line.ask("POST", "/v1/auth/email/signup", email, x_api_key=world.pk, **headers).status == 201
    seen = {session.ip_address for session in world.sessions(world.sign_in("a@example.com"))}
    assert seen == {told if believed else "127.0.0.1", "127.0.0.1"}
