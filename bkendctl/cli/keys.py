"""bkendctl keys: API keys, shown once."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from msgspec import UNSET

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun, one_of
from bkendctl.cli.prompt import read_secret_stdin
from bkendctl.cli.tables import KEEP, Column, View
from bkendctl.client.speaker import Speaker
from bkendctl.client.voice import Voice
from bkendctl.contract import keys
from bkendctl.local.credentials import Credentials

noun = Noun("API keys: create, list, revoke, verify.")

Key = Annotated[str, typer.Argument(help="Id, or its first 8 characters.", metavar="KEY")]


def _scopes(key: Any) -> Any:
    return key["scopes"] or "no limit"


ONE = View(
    columns=(
        Column("Id", "id"),
        Column("Name", "name"),
        Column("Type", "type"),
        Column("Key", "maskedKey"),
        Column("Environment", "environment"),
        Column("Scopes", _scopes),
        Column("Status", "status"),
        Column("Expires", lambda key: key["expiresAt"] or "never"),
        Column("Last used", lambda key: key["lastUsedAt"] or "never"),
    ),
)
MADE = View(
    columns=(
        Column("Id", "id"),
        Column("Name", "name"),
        Column("Key", "key"),
        Column("Environment", "environment"),
        Column("Scopes", _scopes),
        Column("Expires", lambda key: key["expiresAt"] or "never"),
    ),
    quiet="key",
)
MANY = View(
    columns=(
        Column("Id", "id", KEEP),
        Column("Name", "name", 9),
        Column("Key", "maskedKey", 8),
        Column("Status", "status", 7),
        Column("Scopes", _scopes, 4),
        Column("Last used", lambda key: key["lastUsedAt"] or "never", 5),
        Column("Expires", lambda key: key["expiresAt"] or "never", 6),
    ),
    noun="keys",
    offer=lambda key: (key["id"], key["name"]),
)


@noun.verb("create")
def create(
    ctx: Context,
    name: Annotated[str | None, typer.Option(help="What the key is for.")] = None,
    type_: Annotated[
        str | None, typer.Option("--type", help="Kind of key.", metavar=one_of(keys.KeyType))
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(help="table:operation; repeat for more, none for no limit.", metavar="SCOPE"),
    ] = None,
    expires: Annotated[
        str | None, typer.Option(help="Instant, or a duration such as 90d.", metavar="TIME")
    ] = None,
    environment: Annotated[
        str | None, typer.Option(help="Environment of the same project.", metavar="NAME")
    ] = None,
) -> None:
    """Make a key; it is shown this once. With -q the key alone is printed.

    Example: bkendctl keys create --type secret --name ci -q
    """
    chosen: Any = type_ or ctx.ask.ask("Type, publishable or secret", option="--type")
    request = keys.Create(
        type=chosen,
        name=name or ctx.ask.ask("Name", option="--name"),
        scopes=scope or [],
        expires_at=None if expires is None else ctx.local_instant(expires),
        environment=UNSET if environment is None else environment,
    )
    ctx.show(ctx.call(keys.CREATE, request, voice=Voice.ADMIN), MADE)
    ctx.say.note("the key is shown this once")


@noun.verb("list")
def list_keys(
    ctx: Context,
    type_: Annotated[
        str | None, typer.Option("--type", help="Kind of key.", metavar=one_of(keys.KeyType))
    ] = None,
    status: Annotated[
        str, typer.Option(help="Only in this state.", metavar=one_of(keys.StatusFilter))
    ] = "active",
    environment: Annotated[
        str | None, typer.Option(help="Environment of the same project.", metavar="NAME")
    ] = None,
    page: Annotated[int, typer.Option(help="Page, from 1.")] = 1,
    limit: Annotated[int, typer.Option(help="Keys per page, 1 to 100.")] = 20,
) -> None:
    """List keys, newest first.

    Example: bkendctl keys list --type secret
    """
    kind: Any = UNSET if type_ is None else type_
    chosen: Any = status
    request = keys.ListKeys(
        page=page,
        limit=limit,
        type=kind,
        status=chosen,
        environment=UNSET if environment is None else environment,
    )
    ctx.show(ctx.call(keys.LIST, request, voice=Voice.ADMIN), MANY)


def _id(ctx: Context, key: str) -> keys.KeyId:
    full = ctx.full_id(key, keys.LIST, "api-key/not-found", voice=Voice.ADMIN, status="all")
    return keys.KeyId(key_id=full)


@noun.verb("get")
def get(ctx: Context, key: Key) -> None:
    """Show one key, masked.

    Example: bkendctl keys get 3f2a9c1e
    """
    ctx.show(ctx.call(keys.GET, _id(ctx, key), voice=Voice.ADMIN), ONE)


@noun.verb("revoke")
def revoke(ctx: Context, key: Key) -> None:
    """Revoke a key from the next request on.

    Example: bkendctl keys revoke 3f2a9c1e --yes
    """
    request = _id(ctx, key)
    ctx.confirm(f"Revoke the key {key}?")
    ctx.show(ctx.call(keys.REVOKE, request, voice=Voice.ADMIN))


@noun.verb("verify")
def verify(ctx: Context) -> None:
    """Say whether a key is good, and what for.

    The key is asked for, or read from stdin.

    Example: printf %s "$KEY" | bkendctl keys verify
    """
    if ctx.ask.can_ask:
        key = ctx.ask.ask("Key", option="< FILE", secret=True).strip()
    else:
        key = read_secret_stdin("keys verify").strip()
    secret = key.startswith("sk_")
    given = Credentials(secret_key=key) if secret else Credentials(publishable_key=key)
    speaker: Speaker = ctx.speaker.with_credentials(given)
    ctx.show(speaker.call(keys.CURRENT, keys.CURRENT.request(), Voice.KEY if secret else Voice.GUEST), ONE)
