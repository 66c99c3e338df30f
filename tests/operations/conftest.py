"""What tests of operations are given beyond the world."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import World
from tests.operations.providing import PROVIDERS, Providing
from tests.provider_server import ProviderServer


@pytest.fixture
def providing(world: World, provider_server: ProviderServer) -> Iterator[Providing]:
    """The world, with Google and GitHub set up."""
    found = Providing(world, provider_server)
    provider_server.reset()
    for provider in PROVIDERS:
        found.configure(provider)
    yield found
    provider_server.reset()
