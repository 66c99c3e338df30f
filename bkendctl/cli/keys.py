"""bkendctl keys: API keys, shown once."""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
import typer
from msgspec import UNSET

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun, one_of
from bkendctl.cli.prompt import read_secret_stdin
from bkendctl.cli.tables import KEEP, Column, View
from bkendctl.cli.text import format_duration, parse_duration
from bkendctl.client.speaker import Speaker
from bkendctl.client.voice import Voice
from bkendctl.contract import keys
from bkendctl.local.credentials import Credentials

noun = Noun("API keys: create, list, rotate, revoke, verify.")

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


Format = Literal["plain", "dotenv", "github-actions"]

FormatOption = Annotated[
    str | None,
    typer.Option(
        "--format", help="Print the key for a machine; github-actions masks it first.", metavar=one_of(Format)
    ),
]
Environment = Annotated[str | None, typer.Option(help="Environment of the same project.", metavar="NAME")]


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
    environment: Environment = None,
    if_not_exists: Annotated[
        bool, typer.Option("--if-not-exists", help="With a live key of that name: none is made, exit 0.")
    ] = False,
    format_: FormatOption = None,
) -> None:
    """Make a key; it is shown this once. With -q the key alone is printed.

    Example: bkendctl keys create --type secret --name ci -q
    """
    _require_format(ctx, format_)
    chosen: Any = type_ or ctx.ask.ask("Type, publishable or secret", option="--type")
    request = keys.Create(
        type=chosen,
        name=name or ctx.ask.ask("Name", option="--name"),
        scopes=scope or [],
        expires_at=None if expires is None else ctx.local_instant(expires),
        environment=UNSET if environment is None else environment,
    )
    if if_not_exists and (present := _named(ctx, request)) is not None:
        ctx.say.note(f"there is a key {present.name} already: {present.id}")
        return
    _hand_over(ctx, ctx.call(keys.CREATE, request, voice=Voice.ADMIN), format_)


def _named(ctx: Context, wanted: keys.Create) -> keys.ApiKey | None:
    """A live key of that name and kind."""
    request = keys.ListKeys(limit=100, type=wanted.type, environment=wanted.environment)
    return next((key for key in ctx.every(keys.LIST, request) if key.name == wanted.name), None)


def _require_format(ctx: Context, format_: str | None) -> None:
    if format_ is not None and format_ not in get_args(Format):
        ctx.refuse(f"--format is {one_of(Format)}, not {format_}.")
    if format_ == "github-actions" and not os.environ.get("GITHUB_OUTPUT"):
        ctx.refuse("GITHUB_OUTPUT is not set: this is no step of GitHub Actions.", "--format dotenv")


def _hand_over(ctx: Context, made: keys.ApiKeyWithSecret, format_: str | None) -> None:
    """Show a key this once, to a person or as a machine takes it."""
    variable = f"BKENDCTL_{made.type.upper()}_KEY"
    if format_ == "plain":
        sys.stdout.write(f"{made.key}\n")
    elif format_ == "dotenv":
        sys.stdout.write(f"{variable}={made.key}\n")
    elif format_ == "github-actions":
        # Masked ahead of anything else, so that no log shows it; the file is the runner's own.
        sys.stdout.write(f"::add-mask::{made.key}\n")
        sys.stdout.flush()
        with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as output:
            output.write(f"key={made.key}\nkey-id={made.id}\n")
    else:
        ctx.show(made, MADE)
    ctx.say.note("the key is shown this once")


@noun.verb("rotate")
def rotate(
    ctx: Context,
    key: Key,
    grace: Annotated[
        str, typer.Option(help="How long the old key still works, up to 7d.", metavar="DURATION")
    ] = "0s",
    expires: Annotated[
        str | None, typer.Option(help="Expiry of the new key; the old one's when left out.", metavar="TIME")
    ] = None,
    format_: FormatOption = None,
) -> None:
    """Put a new key in an old one's place.

    Name, kind, environment and scopes carry over.

    Example: bkendctl keys rotate 3f2a9c1e --grace 24h
    """
    _require_format(ctx, format_)
    request = keys.Rotate(key_id=_id(ctx, key).key_id, grace_seconds=parse_duration(grace))
    if expires is not None:
        request.expires_at = ctx.local_instant(expires)
    if not request.grace_seconds:
        ctx.confirm(f"Revoke the key {key} at once?")
    else:
        ctx.confirm_in_prod(f"Rotate the key {key}?")
    made = ctx.call(keys.ROTATE, request, voice=Voice.ADMIN)
    _hand_over(ctx, made, format_)
    if grace_left := request.grace_seconds:
        ctx.say.note(f"the old key is valid for another {format_duration(grace_left)}")


@noun.verb("unused")
def unused(
    ctx: Context,
    since: Annotated[
        str, typer.Option(help="How long ago the last use lies, at least.", metavar="DURATION")
    ] = "90d",
    environment: Environment = None,
) -> None:
    """List live keys that nobody has used for long, or ever.

    Those that were made since are left out.

    Example: bkendctl keys unused --since 90d -q
    """
    now = datetime.fromtimestamp(time.time() + ctx.clock_offset(), UTC)
    limit = now - timedelta(seconds=parse_duration(since))
    request = keys.ListKeys(limit=100, environment=UNSET if environment is None else environment)
    found = [
        key
        for key in ctx.every(keys.LIST, request)
        if datetime.fromisoformat(key.last_used_at or key.created_at) <= limit
    ]
    ctx.output.show(msgspec.to_builtins(found), MANY)


@noun.verb("list")
def list_keys(
    ctx: Context,
    type_: Annotated[
        str | None, typer.Option("--type", help="Kind of key.", metavar=one_of(keys.KeyType))
    ] = None,
    status: Annotated[
        str, typer.Option(help="Only in this state.", metavar=one_of(keys.StatusFilter))
    ] = "active",
    environment: Environment = None,
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
