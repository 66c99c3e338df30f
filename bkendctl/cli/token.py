"""bkendctl token: the access token for curl, its claims, a forced renewal."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64decode
from typing import Annotated, Any

import typer

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun
from bkendctl.cli.tables import View
from bkendctl.contract.errors import Failure
from bkendctl.local.credentials import Credentials, from_environment

noun = Noun("Print, read or renew the access token.")

TOKEN = View(quiet="accessToken")


@noun.verb("print")
def print_token(
    ctx: Context,
    no_refresh: Annotated[
        bool, typer.Option("--no-refresh", help="Print it as it is, expired or not.")
    ] = False,
) -> None:
    """Print the raw access token, renewed first when it has expired.

    Example: curl -H "Authorization: Bearer $(bkendctl token print)" …
    """
    credentials = _stored(ctx)
    expired = credentials.expires_at is not None and credentials.expires_at <= time.time()
    if expired and not no_refresh and credentials.refresh_token:
        credentials = ctx.speaker.renew(credentials.access_token)
    token = str(credentials.access_token)
    ctx.show_plain(token, {"accessToken": token}, TOKEN)


@noun.verb("show")
def show(ctx: Context) -> None:
    """Show the access token's claims and time left, offline.

    Nothing about it is checked.

    Example: bkendctl token show --jq .claims.sub
    """
    credentials = _stored(ctx)
    header, claims = _parts(str(credentials.access_token))
    left = None if credentials.expires_at is None else round(credentials.expires_at - time.time())
    ctx.show({"header": header, "claims": claims, "secondsLeft": left}, View(quiet="claims.sub"))


@noun.verb("refresh")
def refresh(ctx: Context) -> None:
    """Renew the tokens now.

    Example: bkendctl token refresh
    """
    used = _stored(ctx)
    if not used.refresh_token:
        ctx.refuse("A token of BKENDCTL_ACCESS_TOKEN cannot be renewed.", "unset BKENDCTL_ACCESS_TOKEN")
    credentials = ctx.speaker.renew(used.access_token)
    left = None if credentials.expires_at is None else round(credentials.expires_at - time.time())
    ctx.show({"message": "The tokens were renewed.", "expiresIn": left}, View(quiet="expiresIn"))


def _stored(ctx: Context) -> Credentials:
    """Credentials without opening a backend: printing a token must stay quick."""
    given = from_environment()
    if given.access_token:
        return given
    stored = Credentials() if ctx.profile.ephemeral else ctx.store.load(ctx.profile.name)
    if not stored.access_token:
        raise Failure("cli/not-signed-in")
    return stored


def _parts(token: str) -> tuple[Any, Any]:
    try:
        header, claims, _signature = token.split(".")
        return _decoded(header), _decoded(claims)
    except ValueError:
        raise Failure("auth/invalid-token", "This is not a JWT.") from None


def _decoded(part: str) -> Any:
    return json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
