"""bkendctl signing-keys: the keys of access tokens."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from msgspec import UNSET

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun, one_of
from bkendctl.cli.tables import KEEP, Column, View
from bkendctl.client.voice import Voice
from bkendctl.contract import signing_keys

noun = Noun("Keys that sign access tokens.")

ONE = View(
    columns=(
        Column("Kid", "kid"),
        Column("Algorithm", "algorithm"),
        Column("Status", "status"),
        Column("Created", "createdAt", style="time"),
        Column("Retired", "retiredAt", style="time"),
    ),
    quiet="kid",
)
MANY = View(
    columns=(
        Column("Kid", "kid", KEEP),
        Column("Algorithm", "algorithm", 8),
        Column("Status", "status", 9),
        Column("Created", "createdAt", 6, "time"),
        Column("Retired", "retiredAt", 5, "time"),
    ),
    noun="keys",
    quiet="kid",
)


@noun.verb("list")
def list_keys(ctx: Context) -> None:
    """List the keys: signing, verifying, retired.

    Example: bkendctl signing-keys list
    """
    ctx.show(ctx.call(signing_keys.LIST, voice=Voice.ADMIN), MANY)


@noun.verb("rotate")
def rotate(
    ctx: Context,
    algorithm: Annotated[
        str | None,
        typer.Option(help="The present key's when left out.", metavar=one_of(signing_keys.Algorithm)),
    ] = None,
) -> None:
    """Sign with a new key from now on.

    Tokens of the former one stay good until they expire.
    Whoever verifies tokens offline finds the new key at /.well-known/jwks.json (HS256 keys are not there).

    Example: bkendctl signing-keys rotate
    """
    ctx.confirm_in_prod("Sign all access tokens with a new key?")
    chosen: Any = UNSET if algorithm is None else algorithm
    request = signing_keys.Rotate(algorithm=chosen)
    ctx.show(ctx.call(signing_keys.ROTATE, request, voice=Voice.ADMIN), ONE)


@noun.verb("retire")
def retire(ctx: Context, kid: Annotated[str, typer.Argument(help="The key's id.", metavar="KID")]) -> None:
    """Refuse the tokens of a key from the next request on.

    Whoever has one signs in again, or refreshes.

    Example: bkendctl signing-keys retire KID --yes
    """
    ctx.confirm(f"Refuse all access tokens of the key {kid}?")
    ctx.show(ctx.call(signing_keys.RETIRE, signing_keys.KeyId(kid=kid), voice=Voice.ADMIN), ONE)
