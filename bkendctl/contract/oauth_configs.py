"""Settings of the providers that people sign in with: whose client we are there, and where to find them."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from bkendctl.contract.fields import OAuthProvider, Timestamp, Url
from bkendctl.contract.operation import Access, Body, Empty, Message, Operation

ScopeToken = Annotated[
    str,
    # RFC 6749, section 3.3: visible ASCII without quotes and backslashes.
    Meta(min_length=1, max_length=200, pattern=r"^[!#-\[\]-~]+$", description="a scope without spaces"),
]


class OAuthConfig(Body, kw_only=True):
    """One provider's settings. The secret stays where it is; a null address is the provider's public one."""

    provider: OAuthProvider
    client_id: str
    client_secret_set: bool
    redirect_uri: str
    scopes: list[str]
    enabled: bool
    issuer: str | None
    authorization_url: str | None
    token_url: str | None
    user_info_url: str | None
    jwks_url: str | None
    updated_at: Timestamp


class OAuthConfigs(Body, kw_only=True):
    """All of them."""

    items: list[OAuthConfig]


class Provider(Body, kw_only=True):
    """Which provider."""

    provider: OAuthProvider


class OAuthInput(Body, kw_only=True):
    """The whole of a provider's settings; clientSecret is kept when left out.

    issuer: its discovery document gives what is null below. userInfoUrl: GitHub's e-mails are read at this
    address plus /emails.
    """

    client_id: Annotated[str, Meta(min_length=1, max_length=255, description="1 to 255 characters")]
    client_secret: (
        Annotated[str, Meta(min_length=1, max_length=512, description="1 to 512 characters")] | UnsetType
    ) = UNSET
    redirect_uri: Url
    scopes: Annotated[list[ScopeToken], Meta(min_length=1, max_length=20, description="1 to 20 scopes")]
    enabled: bool
    issuer: Url | None = None
    authorization_url: Url | None = None
    token_url: Url | None = None
    user_info_url: Url | None = None
    jwks_url: Url | None = None


class SetOAuthConfig(OAuthInput, kw_only=True):
    """They replace what is stored."""

    provider: OAuthProvider


LIST = Operation(
    name="oauth_configs.list",
    operation_id="list_oauth_configs",
    method="GET",
    path="/v1/auth-config/oauth",
    summary="Configured providers",
    access=Access.ADMIN,
    scope="auth-config:read",
    request=Empty,
    response=OAuthConfigs,
    extension=True,
)

GET = Operation(
    name="oauth_configs.get",
    operation_id="get_oauth_config",
    method="GET",
    path="/v1/auth-config/oauth/{provider}",
    summary="One provider's settings",
    access=Access.ADMIN,
    scope="auth-config:read",
    request=Provider,
    response=OAuthConfig,
    extension=True,
    errors=("auth/oauth-not-configured", "auth/unsupported-provider"),
)

SET = Operation(
    name="oauth_configs.set",
    operation_id="set_oauth_config",
    method="PUT",
    path="/v1/auth-config/oauth/{provider}",
    summary="Store a provider's settings",
    access=Access.ADMIN,
    scope="auth-config:update",
    request=SetOAuthConfig,
    response=OAuthConfig,
    extension=True,
    errors=("auth/oauth-not-configured", "auth/unsupported-provider"),
)

REMOVE = Operation(
    name="oauth_configs.remove",
    operation_id="delete_oauth_config",
    method="DELETE",
    path="/v1/auth-config/oauth/{provider}",
    summary="Remove a provider",
    access=Access.ADMIN,
    scope="auth-config:delete",
    request=Provider,
    response=Message,
    extension=True,
    errors=("auth/oauth-not-configured", "auth/unsupported-provider"),
)
