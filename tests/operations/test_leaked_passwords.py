"""Passwords known from leaks, by a range API in the place of Have I Been Pwned's, where one is chosen."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from bkendctl.contract import accounts, password_resets, users
from bkendctl.core.leaks import Leaks
from tests.conftest import PASSWORD, World
from tests.operations.mailed import token_of
from tests.provider_server import ProviderServer

LEAKED = "Tr0ub4dor&3-and-more"


class RangeApi:
    """Knows one password. outcomes: of all questions; status: what it answers with."""

    def __init__(self, world: World, server: ProviderServer) -> None:
        self.asked = server.asked
        self.outcomes: list[str] = []
        self.status = 200
        server.reset(Starlette(routes=[Route("/range/{prefix}", self._answer)]))
        world.core.leaks = Leaks(f"{server.url}/range/", seconds=30)
        world.core.leaks.tell = lambda outcome, _why: self.outcomes.append(outcome)

    async def _answer(self, request: Request) -> PlainTextResponse:
        digest = hashlib.sha1(LEAKED.encode(), usedforsecurity=False).hexdigest().upper()
        lines = [f"{'0' * 35}:2", f"{digest[5:]}:{41 if request.path_params['prefix'] == digest[:5] else 0}"]
        return PlainTextResponse("\r\n".join(lines), self.status)


@pytest.fixture
def range_api(world: World, provider_server: ProviderServer) -> Iterator[RangeApi]:
    """The world, with a range API configured."""
    yield RangeApi(world, provider_server)
    provider_server.reset()


def test_a_leaked_password_is_taken_nowhere(world: World, range_api: RangeApi) -> None:
    """Sign-up, change, reset and creation ask about it and refuse; nothing changes; others are taken."""
    pair = world.sign_up()
    world.call(password_resets.REQUEST, password_resets.Request(email="alice@example.com"))
    token = token_of(world, "password_reset")
    refused = [
        (
            accounts.SIGN_UP,
            {"email": "bob@example.com", "password": LEAKED, "name": "B", "method": "password"},
            {},
        ),
        (accounts.CHANGE_PASSWORD, {"current_password": PASSWORD, "new_password": LEAKED}, {"token": pair}),
        (
            password_resets.CONFIRM,
            {"email": "alice@example.com", "token": token, "new_password": LEAKED},
            {},
        ),
        (users.CREATE, {"email": "bob@example.com", "password": LEAKED, "name": "B"}, {"key": "sk"}),
    ]
    for operation, fields, how in refused:
        range_api.outcomes.clear()
        failure = world.refused(operation, operation.request(**fields), **how)
        assert (failure.code, range_api.outcomes) == ("auth/weak-password", ["leaked"]), operation.name
    assert world.call(users.LIST, key="sk").pagination.total == 1
    range_api.outcomes.clear()
    world.sign_in()
    assert range_api.outcomes == []  # who signs in is asked nothing, as passwords that exist stay good
    reset = password_resets.Confirm(email="alice@example.com", token=token, new_password="An0ther-one!")
    world.call(password_resets.CONFIRM, reset)
    assert range_api.outcomes == ["unknown"]


def test_what_needs_no_asking_asks_nobody(world: World, range_api: RangeApi) -> None:
    """What policy or bundled list refuse is not asked about; nor anything where rejectLeaked is off."""
    for password in ("short", "P@ssw0rd"):
        world.refusal(world.sign_up, password=password)
    world.configure("email", passwordPolicy={"rejectLeaked": False})
    world.sign_up(password=LEAKED)
    assert range_api.outcomes == []


def test_a_service_that_is_down_keeps_nobody_out(world: World, range_api: RangeApi) -> None:
    """People sign up all the same, one waits and the others not at all; the bundled list goes on refusing."""
    range_api.status = 503
    for name in "abc":
        world.sign_up(f"{name}@example.com", password=LEAKED)
    assert range_api.outcomes == ["fault", "unasked", "unasked"]
    assert world.refusal(world.sign_up, password="P@ssw0rd") == "auth/weak-password"
