"""Settings of providers: stored with the secret sealed, read back without it, opened for a sign-in alone."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET
from msgspec.structs import replace
from sqlalchemy import Row, select

from bkendctl.contract import oauth_configs as contract
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Message
from bkendctl.core import schema
from bkendctl.core.call import Call
from bkendctl.core.clock import wire
from bkendctl.core.dispatch import handles
from bkendctl.core.providers import NAMES, Client, flaw_of
from bkendctl.core.transaction import Transaction

ADDRESSES = {
    "issuer": "issuer",
    "authorization_url": "authorizationUrl",
    "token_url": "tokenUrl",
    "user_info_url": "userInfoUrl",
    "jwks_url": "jwksUrl",
}
_table = schema.oauth_configs


def enabled(call: Call, provider: str) -> Client:
    """Our client at a provider, its secret opened: auth/oauth-not-configured where there is none in use.

    In dev a stand-in goes before what is stored.
    """
    stand_in = call.core.stand_ins.get(provider) if call.env.type == "dev" else None
    if stand_in is not None:
        return replace(stand_in, redirect_uri=callback_url(call, provider))
    row = _find(call, provider)
    if not row.enabled:
        raise Failure("auth/oauth-not-configured")
    return Client(
        provider,
        row.client_id,
        call.core.vault.open(row.client_secret, _identity(call, provider)).decode(),
        row.redirect_uri,
        tuple(row.scopes),
        **{name: getattr(row, name) for name in ADDRESSES},
    )


def all_enabled(call: Call) -> list[Client]:
    """Every client in use."""
    stored = call.tx.all(
        select(_table.c.provider).where(
            _table.c.environment_id == call.environment_id, _table.c.enabled.is_(True)
        )
    )
    stand_ins = call.core.stand_ins if call.env.type == "dev" else {}
    wanted = {row.provider for row in stored} | set(stand_ins)
    return [enabled(call, provider) for provider in NAMES if provider in wanted]


def callback_url(call: Call, provider: str) -> str:
    """The server's own redirect URI for a provider."""
    return f"{call.public_url}/v1/auth/{provider}/callback"


@handles(contract.LIST)
def list_configs(call: Call, _request: Any) -> contract.OAuthConfigs:
    """What is stored, google first."""
    return contract.OAuthConfigs(items=configs_of(call.tx, call.environment_id))


def configs_of(transaction: Transaction, environment_id: str) -> list[contract.OAuthConfig]:
    """What an environment has, google first."""
    rows = transaction.all(select(_table).where(_table.c.environment_id == environment_id))
    return [_shown(row) for row in sorted(rows, key=lambda row: NAMES.index(row.provider))]


@handles(contract.GET)
def get(call: Call, request: contract.Provider) -> contract.OAuthConfig:
    """One provider's settings."""
    return _shown(_find(call, request.provider))


@handles(contract.SET)
def set_config(call: Call, request: contract.SetOAuthConfig) -> contract.OAuthConfig:
    """Store the whole of a provider's settings; the secret is needed the first time, and kept when left out.

    Failures: common/invalid-parameters, auth/oauth-not-configured.
    """
    _require_sound(request)
    identity = {"environment_id": call.environment_id, "provider": request.provider}
    present = call.tx.row(_table, **identity)
    if request.client_secret is UNSET:
        _require_known_secret(present, request)
    values: dict[str, Any] = {
        "client_id": request.client_id,
        "redirect_uri": request.redirect_uri,
        "scopes": list(dict.fromkeys(request.scopes)),
        "enabled": request.enabled,
        "updated_at": call.now,
    } | {name: getattr(request, name) for name in ADDRESSES}
    call.about("oauth-config", request.provider, enabled=request.enabled, clientId=request.client_id)
    if request.client_secret is not UNSET:
        secret = str(request.client_secret).encode()
        values["client_secret"] = call.core.vault.seal(secret, _identity(call, request.provider))
        call.details["secretChanged"] = True
    if present is None:
        call.tx.insert(_table, identity | values)
    else:
        call.tx.update(_table, values, **identity)
    return _shown(_find(call, request.provider))


@handles(contract.REMOVE)
def remove(call: Call, request: contract.Provider) -> Message:
    """Forget a provider's settings. Links of users stay, and work again once it is set anew."""
    row = _find(call, request.provider)
    call.about("oauth-config", row.provider)
    mine = (_table.c.environment_id == call.environment_id, _table.c.provider == row.provider)
    call.tx.run(_table.delete().where(*mine))
    return Message(message=f"Sign-in with {row.provider} was removed.")


def stored(call: Call) -> dict[str, contract.OAuthConfig]:
    """What is stored, by provider."""
    return {config.provider: config for config in configs_of(call.tx, call.environment_id)}


def has_secret(call: Call, provider: str, secret: str) -> bool:
    """Whether this is the client secret that is stored."""
    row = call.tx.row(_table, environment_id=call.environment_id, provider=provider)
    return (
        row is not None
        and call.core.vault.open(row.client_secret, _identity(call, provider)) == secret.encode()
    )


def _require_sound(request: contract.SetOAuthConfig) -> None:
    """Refuse addresses that secrets and codes must not travel to."""
    given = {"redirectUri": request.redirect_uri} | {
        wire_name: getattr(request, name) for name, wire_name in ADDRESSES.items()
    }
    faults = {name: [flaw] for name, url in given.items() if url is not None and (flaw := flaw_of(url))}
    if faults:
        raise Failure("common/invalid-parameters", details=faults)


def _require_known_secret(present: Row[Any] | None, request: contract.SetOAuthConfig) -> None:
    """A secret that is kept must not be sent to another place than before: so it would be learnt."""
    if present is None:
        raise Failure("auth/oauth-not-configured", "The client secret is needed the first time.", hint="")
    if (present.issuer, present.token_url) != (request.issuer, request.token_url):
        reason = "is needed again where issuer or tokenUrl change"
        raise Failure("common/invalid-parameters", details={"clientSecret": [reason]})


def _find(call: Call, provider: str) -> Row[Any]:
    row = call.tx.row(_table, environment_id=call.environment_id, provider=provider)
    if row is None:
        raise Failure("auth/oauth-not-configured")
    return row


def _identity(call: Call, provider: str) -> str:
    """What a sealed secret is bound to, so that it opens in no other row."""
    return f"oauth_configs/{call.environment_id}/{provider}/client_secret"


def _shown(row: Row[Any]) -> contract.OAuthConfig:
    return contract.OAuthConfig(
        provider=row.provider,
        client_id=row.client_id,
        client_secret_set=True,
        redirect_uri=row.redirect_uri,
        scopes=row.scopes,
        enabled=row.enabled,
        **{name: getattr(row, name) for name in ADDRESSES},
        updated_at=wire(row.updated_at),
    )
