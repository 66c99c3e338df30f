"""Signing in with a provider: what is offered, and trading the provider's code or ID token for tokens."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import UNSET, Meta, UnsetType

from bkendctl.contract.fields import MfaCode, OAuthProvider, Url
from bkendctl.contract.magic_links import NewUserTokenPair
from bkendctl.contract.operation import Access, Body, Operation, RateClass

Code: TypeAlias = Annotated[str, Meta(min_length=1, max_length=2048, description="1 to 2048 characters")]
State: TypeAlias = Annotated[str, Meta(max_length=1024, description="up to 1024 characters")]
IdToken: TypeAlias = Annotated[str, Meta(min_length=1, max_length=8192, description="1 to 8192 characters")]
AccessToken: TypeAlias = Annotated[str, Meta(max_length=4096, description="up to 4096 characters")]
Verifier: TypeAlias = Annotated[
    str, Meta(min_length=43, max_length=128, description="43 to 128 characters (RFC 7636)")
]


class PasswordPolicy(Body, kw_only=True):
    """What a new password has to be."""

    min_length: int
    max_length: int
    require_uppercase: bool
    require_lowercase: bool
    require_numbers: bool
    require_special_chars: bool
    reject_leaked: bool
    expiration_days: int | None


class EmailOffer(Body, kw_only=True):
    """Sign-in by e-mail, as far as a sign-in page has to know."""

    enabled: bool
    magic_link_enabled: bool
    magic_link_expiration_minutes: int
    require_email_verification: bool
    password_policy: PasswordPolicy


class OAuthOffer(Body, kw_only=True):
    """One provider. authorizationUrl: complete where a redirectUri was asked for, else without query.

    state: fresh, for 10 minutes and once.
    """

    provider: OAuthProvider
    client_id: str
    authorization_url: str
    redirect_uri: str
    scopes: list[str]
    state: str


class MfaOffer(Body, kw_only=True):
    """Second factors."""

    methods: list[Literal["totp", "backup_code"]]


class Offered(Body, kw_only=True):
    """What sign-in methods there are."""

    email: EmailOffer
    oauth: list[OAuthOffer]
    mfa: MfaOffer


class Providers(Body, kw_only=True):
    """redirectUri: to be used at the provider. codeChallenge: of PKCE, S256. purpose link needs a JWT."""

    redirect_uri: Url | UnsetType = UNSET
    code_challenge: (
        Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{43}$", description="an S256 challenge (RFC 7636)")]
        | UnsetType
    ) = UNSET
    purpose: Literal["signin", "link"] = "signin"


class Proof(Body, kw_only=True):
    """What a provider gave: a code with the redirectUri it was given for, or an ID token (google only).

    accessToken: next to idToken, to read the profile. state: one minted here is checked.
    """

    code: Code | UnsetType = UNSET
    id_token: IdToken | UnsetType = UNSET
    access_token: AccessToken | UnsetType = UNSET
    redirect_uri: Url | UnsetType = UNSET
    state: State | UnsetType = UNSET
    code_verifier: Verifier | UnsetType = UNSET

    @classmethod
    def by_choice(cls, given: dict[str, Any]) -> dict[str, bool]:
        """A code, unless there is an ID token alone."""
        by_token = given.get("id_token", UNSET) is not UNSET and given.get("code", UNSET) is UNSET
        return {"code": not by_token, "redirectUri": not by_token}


class Complete(Proof, kw_only=True):
    """Sign in with what a provider gave; mfaCode where the user has a second factor."""

    provider: OAuthProvider
    mfa_code: MfaCode | UnsetType = UNSET


class Redirect(Body, kw_only=True):
    """What the provider's redirect brings. redirectUri: the one used there, needed next to an API key."""

    provider: OAuthProvider
    code: Code
    state: Annotated[str, Meta(min_length=1, max_length=1024, description="1 to 1024 characters")]
    redirect_uri: Url | UnsetType = UNSET


PROVIDERS = Operation(
    name="oauth.providers",
    operation_id="get_providers",
    method="GET",
    path="/v1/auth/providers",
    summary="What sign-in methods this environment offers",
    access=Access.OPTIONAL_USER,
    request=Providers,
    response=Offered,
    extension=True,
)

_COMPLETING = (
    "auth/account-banned",
    "auth/account-exists-different-provider",
    "auth/email-not-verified",
    "auth/invalid-mfa-code",
    "auth/invalid-oauth-code",
    "auth/mfa-backup-codes-exhausted",
    "auth/mfa-required",
    "auth/oauth-callback-failed",
    "auth/oauth-not-configured",
    "auth/unsupported-provider",
)

COMPLETE = Operation(
    name="oauth.complete",
    operation_id="complete_oauth",
    method="POST",
    path="/v1/auth/{provider}/callback",
    summary="Trade a provider code or ID token for tokens",
    access=Access.GUEST,
    rate=RateClass.LOGIN,
    request=Complete,
    response=NewUserTokenPair,
    errors=_COMPLETING,
)

COMPLETE_REDIRECT = Operation(
    name="oauth.complete_redirect",
    operation_id="complete_oauth_redirect",
    method="GET",
    path="/v1/auth/{provider}/callback",
    summary="Receive the provider's browser redirect",
    access=Access.PUBLIC,
    takes_key=True,
    rate=RateClass.LOGIN,
    request=Redirect,
    response=NewUserTokenPair,
    writes=True,
    redirects="a state of the hosted page: on to its redirect_uri, with code, or error, and state",
    errors=_COMPLETING,
)
