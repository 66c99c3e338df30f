"""Connections to the worker's server, and servers with other limits."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from bkendctl.server.protocol import Protocol
from tests.conftest import World
from tests.http_server import HttpServer
from tests.operations.providing import PROVIDERS, Providing
from tests.provider_server import ProviderServer
from tests.server.browsing import Browser
from tests.server.wire import Line

HURRY = 0.15
"""Seconds after which the hurried server loses patience."""

Connect = Callable[[], Line]


class HurriedProtocol(Protocol):
    """Limits of time that a test can wait for."""

    head_seconds = HURRY
    rest_seconds = HURRY


@pytest.fixture
def connect(world: World) -> Iterator[Connect]:
    """Open connections to the server; they are closed in the end."""
    assert world.server is not None
    yield from _connections(world.server.url)


@pytest.fixture
def line(connect: Connect) -> Line:
    """One connection."""
    return connect()


@pytest.fixture(scope="session")
def hurried_server() -> Iterator[HttpServer]:
    """A server that waits for nobody."""
    server = HttpServer(protocol=HurriedProtocol)
    yield server
    server.close()


@pytest.fixture
def connect_hurried(world: World, hurried_server: HttpServer) -> Iterator[Connect]:
    """Open connections to a server that waits for nobody."""
    hurried_server.use(world.core, body_seconds=HURRY)
    yield from _connections(hurried_server.url)


def _connections(url: str) -> Iterator[Connect]:
    with ExitStack() as stack:

        def connect() -> Line:
            line = Line(url)
            stack.callback(line.close)
            return line

        yield connect


@contextmanager
def every_core(world: World) -> Iterator[None]:
    """Keep every core that hashes passwords busy, so that who wants one waits."""
    with ExitStack() as stack:
        for _ in range(os.cpu_count() or 1):
            stack.enter_context(world.core.hasher.slot())
        yield


@pytest.fixture
def browser(world: World) -> Iterator[Browser]:
    """A browser of somebody who reads English."""
    assert world.server is not None
    yield (browser := Browser(world.server.url))
    browser.close()


@pytest.fixture
def providing(world: World, provider_server: ProviderServer) -> Iterator[Providing]:
    """The world, with Google and GitHub set up."""
    found = Providing(world, provider_server)
    provider_server.reset()
    for provider in PROVIDERS:
        found.configure(provider)
    yield found
    provider_server.reset()
