"""Whom a provider names: trades a code or ID token for the person behind it. Nothing here is stored."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct, ValidationError

from bkendctl.contract.errors import Failure
from bkendctl.core import id_tokens
from bkendctl.core.clock import Clock
from bkendctl.core.egress import Answer, Deadline, Unusable
from bkendctl.core.formats import email_of
from bkendctl.core.id_tokens import LONGEST_SUBJECT
from bkendctl.core.providers import Client, Providers

TOTAL_SECONDS = 9.0
"""For all requests of one sign-in; with the rest of it within the 10 s that are promised."""
GITHUB_HEADERS = {"accept": "application/vnd.github+json", "x-github-api-version": "2022-11-28"}
# RFC 6749, section 5.2, and GitHub's own; these are about us and not about the code.
_OUR_FAULTS = (
    "invalid_client",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
    "incorrect_client_credentials",
)


class Grant(Struct, frozen=True):
    """What a provider gave to a browser or an app: a code for a redirect URI, or an ID token.

    nonce: what an ID token has to hold, None where the request for it was not ours.
    """

    code: str | None = None
    id_token: str | None = None
    access_token: str | None = None
    redirect_uri: str | None = None
    code_verifier: str | None = None
    nonce: str | None = None


class Identity(Struct):
    """A person as a provider knows them. email: None where none is known; proven: by the provider's word."""

    provider: str
    subject: str
    email: str | None
    proven: bool
    name: str | None
    picture: str | None


def identify(providers: Providers, clock: Clock, client: Client, grant: Grant) -> Identity:
    """Ask the provider whom a code or ID token is about; outside any transaction.

    Failures: auth/invalid-oauth-code, auth/oauth-callback-failed.
    """
    deadline = Deadline(TOTAL_SECONDS)
    try:
        located = providers.located(client, deadline)
        if client.provider == "github":
            return _from_github(providers, located, grant, deadline)
        return _from_issuer(providers, clock, located, grant, deadline)
    except Unusable as fault:
        raise Failure("auth/oauth-callback-failed", f"Sign-in with {client.provider}: {fault}.") from None


def _from_issuer(
    providers: Providers, clock: Clock, client: Client, grant: Grant, deadline: Deadline
) -> Identity:
    token, access_token = grant.id_token, grant.access_token
    if grant.code is not None:
        given = _traded(providers, client, grant, deadline)
        token, access_token = given.get("id_token"), given.get("access_token")
    if not isinstance(token, str):
        raise Unusable("the provider gives no ID token; is openid among the scopes?")
    claims = id_tokens.verified(
        token,
        client,
        lambda kid: providers.key_of(str(client.jwks_url), kid, deadline),
        clock.now(),
        nonce=grant.nonce,
        from_code=grant.code is not None,
    )
    if "email" not in claims and isinstance(access_token, str) and access_token and client.user_info_url:
        told = _profile(providers, client.user_info_url, access_token, deadline).fields()
        if told.get("sub") != claims["sub"]:  # OpenID Connect Core, section 5.3.2: else it is another's
            raise Failure("auth/invalid-oauth-code")
        claims = told
    return Identity(
        provider=client.provider,
        subject=claims["sub"],
        email=address_of(claims.get("email")),
        proven=claims.get("email_verified") is True,  # "false" in quotes is no proof either
        name=_name(claims.get("name")),
        picture=_picture(claims.get("picture")),
    )


def _from_github(providers: Providers, client: Client, grant: Grant, deadline: Deadline) -> Identity:
    access_token = _traded(providers, client, grant, deadline).get("access_token")
    if not isinstance(access_token, str) or not access_token:
        raise Unusable("the provider gives no access token")
    url = str(client.user_info_url)
    user = _profile(providers, url, access_token, deadline, GITHUB_HEADERS).fields()
    subject = user.get("id")
    if not isinstance(subject, int) or isinstance(subject, bool) or len(str(subject)) > LONGEST_SUBJECT:
        raise Unusable("the provider's profile has no id")
    email = _primary(providers, f"{url}/emails", access_token, deadline)
    return Identity(
        provider=client.provider,
        subject=str(subject),
        email=email,
        proven=email is not None,
        name=_name(user.get("name")) or _name(user.get("login")),
        picture=_picture(user.get("avatar_url")),
    )


def _primary(providers: Providers, url: str, access_token: str, deadline: Deadline) -> str | None:
    """GitHub's primary address, if it is verified; None where the scope does not let us see it."""
    headers = GITHUB_HEADERS | {"authorization": f"Bearer {access_token}"}
    answer = providers.egress.ask(deadline, url, headers=headers)
    if answer.status in (403, 404):
        return None
    if answer.status != 200:
        raise Unusable(f"{answer.host} answers {answer.status} to {urlsplit(url).path}")
    listed = answer.parsed()
    for each in listed if isinstance(listed, list) else []:
        if isinstance(each, dict) and each.get("primary") is True and each.get("verified") is True:
            return address_of(each.get("email"))
    return None


def _traded(providers: Providers, client: Client, grant: Grant, deadline: Deadline) -> dict[str, Any]:
    """Trade the code at the token endpoint (RFC 6749, section 4.1.3, with PKCE, RFC 7636, section 4.5)."""
    form = {
        "grant_type": "authorization_code",
        "code": str(grant.code),
        "redirect_uri": str(grant.redirect_uri),
        "client_id": client.client_id,
        "client_secret": client.client_secret,
    }
    if grant.code_verifier is not None:
        form["code_verifier"] = grant.code_verifier
    answer = providers.egress.ask(deadline, str(client.token_url), form=form)
    if answer.status not in (200, 400, 401, 403):
        raise Unusable(f"{answer.host} answers {answer.status} to the code")
    given = answer.fields()
    error = given.get("error")
    if error in _OUR_FAULTS:
        raise Unusable(f"{answer.host} refuses our client: {error}")
    if error is not None or answer.status != 200:
        raise Failure("auth/invalid-oauth-code")
    return given


def _profile(
    providers: Providers,
    url: str,
    access_token: str,
    deadline: Deadline,
    headers: dict[str, str] | None = None,
) -> Answer:
    bearer = {"authorization": f"Bearer {access_token}"}
    answer = providers.egress.ask(deadline, url, headers=(headers or {}) | bearer)
    if answer.status in (401, 403):  # an access token that came with an ID token is the client's word
        raise Failure("auth/invalid-oauth-code")
    if answer.status != 200:
        raise Unusable(f"{answer.host} answers {answer.status} to {urlsplit(url).path}")
    return answer


def address_of(given: Any) -> str | None:
    """An address in its one stored form; None for what is none."""
    try:
        return email_of(given) if isinstance(given, str) else None
    except ValidationError:
        return None


def _name(given: Any) -> str | None:
    """A name as it may be stored; None where nothing is left of it."""
    if not isinstance(given, str):
        return None
    plain = "".join(each for each in given if each.isprintable())
    return plain.strip()[:100] or None


def _picture(given: Any) -> str | None:
    """The address of a picture; None for what a page should not load."""
    if not isinstance(given, str) or len(given) > 2048 or not given.isascii() or not given.isprintable():
        return None
    return given if given.startswith("https://") and " " not in given else None
