"""bkendctl providers oauth: our clients at Google and GitHub."""

from __future__ import annotations

import os
from typing import Annotated, Any

import msgspec
import typer

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun, one_of
from bkendctl.cli.prompt import read_secret_stdin
from bkendctl.cli.subject import CLEAR
from bkendctl.cli.tables import KEEP, Column, View
from bkendctl.client.voice import Voice
from bkendctl.contract import oauth_configs
from bkendctl.contract.errors import Failure
from bkendctl.contract.fields import OAuthProvider

noun = Noun("Sign-in with Google and GitHub: whose client we are there.")

Provider = Annotated[str, typer.Argument(help="Whose.", metavar=one_of(OAuthProvider))]
SCOPES = {"google": ["openid", "email", "profile"], "github": ["user:email"]}
ADDRESSES = ("issuer", "authorization_url", "token_url", "user_info_url", "jwks_url")

ONE = View(
    columns=(
        Column("Provider", "provider"),
        Column("Client id", "clientId"),
        Column("Client secret", lambda config: "stored" if config["clientSecretSet"] else "missing"),
        Column("Redirect URI", "redirectUri"),
        Column("Scopes", "scopes"),
        Column("Enabled", "enabled"),
        Column("Issuer", "issuer", optional=True),
        Column("Authorization URL", "authorizationUrl", optional=True),
        Column("Token URL", "tokenUrl", optional=True),
        Column("User info URL", "userInfoUrl", optional=True),
        Column("JWKS URL", "jwksUrl", optional=True),
        Column("Updated", "updatedAt", style="time"),
    ),
    quiet="provider",
)
MANY = View(
    columns=(
        Column("Provider", "provider", KEEP),
        Column("Enabled", "enabled", 9),
        Column("Client id", "clientId", 8, "text"),
        Column("Redirect URI", "redirectUri", 5, "text"),
        Column("Updated", "updatedAt", 4, "time"),
    ),
    noun="providers",
    quiet="provider",
)
FINDINGS = View(
    columns=(
        Column("Check", "check", KEEP),
        Column("State", "state", KEEP),
        Column("Found", "message", 2, "text"),
    ),
    noun="checks",
)


def _address(help_: str) -> Any:
    return typer.Option(help=f"{help_}; null: the public one.", metavar="URL")


SecretStdin = Annotated[
    bool, typer.Option("--client-secret-stdin", help="Read the client secret from stdin.")
]
Enabled = Annotated[bool | None, typer.Option(help="Whether people may sign in with it.")]
RedirectUri = Annotated[
    str | None, typer.Option(help="Where the provider sends browsers back to.", metavar="URL")
]
ChangeSecret = Annotated[bool, typer.Option("--change-secret", help="Ask for a new client secret.")]


@noun.verb("list")
def list_configs(ctx: Context) -> None:
    """List the providers that are set up.

    Example: bkendctl providers oauth list
    """
    ctx.show(ctx.call(oauth_configs.LIST, voice=Voice.ADMIN).items, MANY)


@noun.verb("get")
def get(ctx: Context, provider: Provider) -> None:
    """Show one provider's settings, without the secret.

    Example: bkendctl providers oauth get google
    """
    ctx.show(_present(ctx, provider), ONE)


@noun.verb("set")
def set_config(
    ctx: Context,
    provider: Provider,
    client_id: Annotated[str | None, typer.Option(help="As the provider gave it.", metavar="ID")] = None,
    client_secret_stdin: SecretStdin = False,
    change_secret: ChangeSecret = False,
    redirect_uri: RedirectUri = None,
    scope: Annotated[
        list[str] | None, typer.Option(help="What to ask for; name each of them.", metavar="SCOPE")
    ] = None,
    enabled: Enabled = None,
    issuer: Annotated[str | None, _address("OpenID Connect issuer")] = None,
    authorization_url: Annotated[str | None, _address("Where browsers are sent")] = None,
    token_url: Annotated[str | None, _address("Where codes are traded")] = None,
    user_info_url: Annotated[str | None, _address("Where profiles are read")] = None,
    jwks_url: Annotated[str | None, _address("Where keys of ID tokens are")] = None,
) -> None:
    """Set a provider up, or change what is named.

    The rest stays as it is. The first time the client id and secret are asked for.
    Register the redirect URI at the provider.

    Example: bkendctl providers oauth set github --client-id Ov23liExample --client-secret-stdin
    """
    present = _known(ctx, provider)
    addresses = (issuer, authorization_url, token_url, user_info_url, jwks_url)
    request = oauth_configs.SetOAuthConfig(
        provider=provider,  # type: ignore[arg-type]
        client_id=client_id
        or (present.client_id if present else ctx.ask.ask("Client id", option="--client-id")),
        redirect_uri=redirect_uri or (present.redirect_uri if present else _callback(ctx, provider)),
        scopes=scope or (present.scopes if present else SCOPES.get(provider, [])),
        enabled=enabled if enabled is not None else present is None or present.enabled,
    )
    for name, typed in zip(ADDRESSES, addresses, strict=True):
        kept = getattr(present, name, None)
        setattr(request, name, kept if typed is None else None if typed == CLEAR else typed)
    moved = present is not None and (request.issuer, request.token_url) != (present.issuer, present.token_url)
    if client_secret_stdin:
        request.client_secret = read_secret_stdin("--client-secret-stdin")
    elif present is None or change_secret or moved:
        request.client_secret = ctx.ask.ask("Client secret", option="--client-secret-stdin", secret=True)
    ctx.show(ctx.call(oauth_configs.SET, request, voice=Voice.ADMIN), ONE)
    ctx.say.done(f"register at {provider}, if it is not yet: {request.redirect_uri}")


@noun.verb("remove")
def remove(ctx: Context, provider: Provider) -> None:
    """Forget a provider's settings.

    Links of users stay, and work again once it is set anew.

    Example: bkendctl providers oauth remove github --yes
    """
    ctx.confirm(f"Let nobody sign in with {provider} any more?")
    request = oauth_configs.Provider(provider=provider)  # type: ignore[arg-type]
    ctx.show(ctx.call(oauth_configs.REMOVE, request, voice=Voice.ADMIN))


@noun.verb("test")
def test(ctx: Context, provider: Provider) -> None:
    """Check a provider's settings, and that it answers.

    Seen from this machine; nobody is signed in. Exit status 1 when anything is bad.

    Example: bkendctl providers oauth test google
    """
    from bkendctl.client import provider_checks

    config = _present(ctx, provider)
    found = list(provider_checks.check(config, _callback(ctx, provider)))
    ctx.output.show(msgspec.to_builtins(found), FINDINGS)
    for finding in found:
        if finding.mend:
            ctx.say.note(f"{finding.check}: {finding.message} → {finding.mend}")
    bad = [finding for finding in found if finding.state == "bad"]
    if bad:
        raise Failure(
            "cli/unhealthy", f"Bad: {', '.join(finding.check for finding in bad)}.", hint=bad[0].mend
        )


def _present(ctx: Context, provider: str) -> oauth_configs.OAuthConfig:
    request = oauth_configs.Provider(provider=provider)  # type: ignore[arg-type]
    found: oauth_configs.OAuthConfig = ctx.call(oauth_configs.GET, request, voice=Voice.ADMIN)
    return found


def _known(ctx: Context, provider: str) -> oauth_configs.OAuthConfig | None:
    try:
        return _present(ctx, provider)
    except Failure as failure:
        if failure.code != "auth/oauth-not-configured":
            raise
        return None


def _callback(ctx: Context, provider: str) -> str:
    """The server's own redirect URI for a provider."""
    from bkendctl.client.provider_checks import callback_of

    base = ctx.profile.url or os.environ.get("BKENDCTL_PUBLIC_URL") or "http://127.0.0.1:8787"
    return callback_of(base, provider)
