"""Which token counts for which key, and how it is handed in."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from bkendctl.contract import accounts, keys, sessions
from bkendctl.contract.operation import Raw
from bkendctl.core import schema
from bkendctl.core.dispatch import execute
from bkendctl.core.tokens import new_signing_key
from tests.conftest import PASSWORD, World

INVALID = "auth/invalid-token"


@pytest.fixture
def prod_key(world: World) -> str:
    """A publishable key of a second environment of the same project."""
    core, now = world.core, world.clock.now()
    with core.database.write() as transaction:
        environment = dict(transaction.one(select(schema.environments))._mapping)
        environment |= {"id": "11111111-1111-4111-8111-111111111111", "name": "prod", "type": "prod"}
        transaction.run(schema.environments.insert().values(environment))
        signing = new_signing_key(core.vault, core.randomness, environment["id"], now)
        transaction.run(schema.signing_keys.insert().values(signing))
    request = keys.Create(name="prod", type="publishable", environment="prod", scopes=[])
    return str(world.call(keys.CREATE, request, key="sk").key)


def test_tokens_of_another_environment(world: World, prod_key: str) -> None:
    """T053, T066: environments are apart: neither token of one is taken in the other, and nothing ends."""
    pair = world.sign_up()
    failure = world.refused(accounts.GET_ME, key=prod_key, token=pair)
    assert failure.code == INVALID
    request = sessions.Refresh(refresh_token=pair.refresh_token)
    assert world.refused(sessions.REFRESH, request, key=prod_key).code == "auth/invalid-refresh-token"
    request = accounts.SignIn(email="alice@example.com", password=PASSWORD)
    assert world.refused(accounts.SIGN_IN, request, key=prod_key).code == "auth/invalid-credentials"
    world.me(world.refresh(pair))


def authorized(world: World, form: str) -> str:
    """Who the header stands for when a good token is written in this form."""
    token = world.sign_up().access_token
    raw = Raw(headers={"x-api-key": world.pk, "authorization": form.format(token, token)})
    return str(execute(world.core, accounts.GET_ME, raw).email)


@pytest.mark.parametrize("form", ["bearer {}", "BEARER {}", "Bearer {}"])
def test_the_scheme_in_any_case(world: World, form: str) -> None:
    """The scheme is Bearer, in whatever case of letters."""
    assert authorized(world, form) == "alice@example.com"


@pytest.mark.parametrize("form", ["{}", "Basic {}", "Bearer", "Bearer ", "Bearer {} {}", "Bearer  {}", ""])
def test_other_forms_of_the_header(world: World, form: str) -> None:
    """Anything but one token after Bearer and one space is refused."""
    assert world.refusal(authorized, world, form) == INVALID


def test_guests_are_not_asked_for_their_token(world: World) -> None:
    """Decision 15: on guest and public paths even a bad Authorization header is ignored."""
    world.sign_up()
    request = accounts.SignIn(email="alice@example.com", password=PASSWORD)
    assert world.call(accounts.SIGN_IN, request, token="rubbish").token_type == "Bearer"
