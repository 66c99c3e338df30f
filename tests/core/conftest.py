"""The parts of the core are looked at where they run: in this process, on either database."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conftest import World


@pytest.fixture(params=["embedded", "embedded-postgresql"])
def world(request: pytest.FixtureRequest, make_world: Callable[[str], World]) -> World:
    """A fresh installation, without a server in between."""
    return make_world(request.param)
