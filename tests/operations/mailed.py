"""What was mailed, as the tests of links read it."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sqlalchemy import select

from bkendctl.contract import magic_links
from bkendctl.contract.accounts import SIGN_IN, SignIn
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Operation, place
from bkendctl.core import schema
from tests.conftest import World

ALICE = "alice@example.com"
APP = "https://app.example.com/signed-in"


def link_of(world: World, category: str, to: str = ALICE) -> str:
    """The one link of the newest mail."""
    (link,) = world.mails(category, to=to)[0].links
    return link


def values_of(world: World, category: str, to: str = ALICE) -> dict[str, str]:
    """What the link of the newest mail carries."""
    return dict(parse_qsl(urlsplit(link_of(world, category, to)).query))


def token_of(world: World, category: str, to: str = ALICE) -> str:
    """The token of the newest mail."""
    return values_of(world, category, to)["token"]


def by_link(email: str = ALICE, callback_url: str = APP) -> SignIn:
    """A request for a magic link."""
    return SignIn(method="magiclink", email=email, callback_url=callback_url)


def magic_token(world: World, email: str = ALICE) -> str:
    """Ask for a magic link and read its token."""
    world.clock.advance(1)  # so that it is newer than any before
    world.call(SIGN_IN, by_link(email))
    return token_of(world, "magic_link", email)


def follow(world: World, token: str, **more: Any) -> magic_links.NewUserTokenPair:
    """Sign in with the token of a magic link."""
    wanted = magic_links.Complete(token=token, **more)
    return world.call(magic_links.COMPLETE, wanted)  # type: ignore[no-any-return]


def linked(world: World) -> list[tuple[str, str, str]]:
    """Every linked account: provider, the account's id there and its address."""
    table = schema.linked_accounts
    with world.core.database.read() as transaction:
        return [(row.provider, row.provider_account_id, row.email) for row in transaction.all(select(table))]


def told(world: World, operation: Operation[Any, Any], request: Any, **how: Any) -> str:
    """What an operation answers or refuses, in one text, with the address asked about taken out."""
    try:
        given = repr(world.call(operation, request, **how))
    except Failure as failure:
        given = f"{failure.code} {failure.message} {failure.details} {failure.retry_after}"
    return given.replace(str(place(operation, request).body["email"]), "EMAIL")
