"""Signing in with a provider at a server without a page for it: a person pastes what the provider gave.

So it is at bkend's own servers. The provider sends the browser to the redirect URI that is registered there,
an app's mostly; the address it ends at holds the code, which is traded here.
"""

from __future__ import annotations

import secrets
from hmac import compare_digest
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from bkendctl.cli import second_factor, web
from bkendctl.cli.browsing import open_window
from bkendctl.cli.context import Context
from bkendctl.client.voice import Voice
from bkendctl.contract import linked_accounts, oauth
from bkendctl.contract.accounts import TokenPair
from bkendctl.contract.errors import Failure

Purpose = Literal["signin", "link"]
PUBLIC = {
    "google": ("https://accounts.google.com/o/oauth2/v2/auth", "openid email profile"),
    "github": ("https://github.com/login/oauth/authorize", "user:email"),
}
"""Where browsers are sent and what is asked for, where the server does not say."""


class Client(NamedTuple):
    """Our client at a provider, as somebody typed it for want of a server that tells."""

    client_id: str
    redirect_uri: str


class Begun(NamedTuple):
    """A sign-in at a provider. url: where it begins; state: what its end has to bring along."""

    url: str
    redirect_uri: str
    state: str


def sign_in(ctx: Context, provider: str, client: Client | None) -> TokenPair:
    """Have a person sign in at a provider, and trade the code that is pasted.

    Failures: cli/not-offered where nobody says whose client we are, cli/usage without a terminal,
    auth/oauth-not-configured, cli/browser-refused, and those of oauth.complete.
    """
    begun = _begun(ctx, provider, "signin", client)
    request = oauth.Complete(provider=provider, **_proof(ctx, begun))  # type: ignore[arg-type]
    pair: TokenPair = second_factor.sign_in(ctx, oauth.COMPLETE, request, None)
    return pair


def link(ctx: Context, provider: str) -> None:
    """The same for an account that is to be linked. Failures: as sign_in, and linked_accounts.link's."""
    begun = _begun(ctx, provider, "link", None)
    ctx.call(linked_accounts.LINK, linked_accounts.Link(provider=provider, **_proof(ctx, begun)))  # type: ignore[arg-type]


def _begun(ctx: Context, provider: str, purpose: Purpose, client: Client | None) -> Begun:
    if not ctx.ask.can_ask:
        raise Failure(
            "cli/usage",
            "This server has no sign-in page, and nobody is here to paste a code.",
            hint=f"bkendctl login --{provider}, at a terminal",
        )
    if client is not None:
        return _by_hand(provider, client)
    offered = _offered(ctx, provider, purpose)
    # Once more with the redirect URI, so that the server binds its state, and a verifier of its own, to it.
    return _complete(_offered(ctx, provider, purpose, redirect_uri=offered.redirect_uri))


def _offered(ctx: Context, provider: str, purpose: Purpose, **more: Any) -> oauth.OAuthOffer:
    """What the server says of a provider. cli/not-offered, auth/oauth-not-configured."""
    voice = Voice.USER if purpose == "link" else Voice.GUEST
    try:
        found: oauth.Offered = ctx.call(
            oauth.PROVIDERS, oauth.Providers(purpose=purpose, **more), voice=voice
        )
    except Failure as failure:
        if failure.code == "cli/not-offered":
            failure.message = "This server has neither a sign-in page nor a list of its providers."
            failure.hint = f"bkendctl login --{provider} --client-id ID --redirect-uri URL"
        raise
    for each in found.oauth:
        if each.provider == provider:
            return each
    raise web.not_configured(provider)


def _complete(offer: oauth.OAuthOffer) -> Begun:
    """With all that the provider needs to know, whatever of it the server left out."""
    parts = urlsplit(offer.authorization_url)
    query = {
        "response_type": "code",
        "client_id": offer.client_id,
        "redirect_uri": offer.redirect_uri,
        "scope": " ".join(offer.scopes or ()),
        "state": offer.state or secrets.token_urlsafe(24),
    } | dict(parse_qsl(parts.query))
    return Begun(parts._replace(query=urlencode(query)).geturl(), query["redirect_uri"], query["state"])


def _by_hand(provider: str, client: Client) -> Begun:
    url, scope = PUBLIC[provider]
    state = secrets.token_urlsafe(24)
    query = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": client.redirect_uri,
        "scope": scope,
        "state": state,
    }
    return Begun(f"{url}?{urlencode(query)}", client.redirect_uri, state)


def _proof(ctx: Context, begun: Begun) -> dict[str, str]:
    """Show where to sign in, and take what comes of it. cli/usage, cli/browser-refused."""
    if open_window(begun.url):
        ctx.say.note("sign in with the browser that was opened")
    else:
        web.show_address(ctx, begun.url)

    def checked(text: str) -> str:
        if "://" in text and not compare_digest(_query(text).get("state", ""), begun.state):
            raise Failure(
                "cli/usage", "This is not the address that the sign-in ends at.", hint="paste all of it"
            )
        return text

    pasted = ctx.ask.ask("Address that the browser ends at, or its code", option="--web", validate=checked)
    query = _query(pasted) if "://" in pasted else {"code": unquote(pasted)}
    if "code" not in query:
        raise web.refusal(query.get("error", ""))
    return {"code": query["code"], "redirect_uri": begun.redirect_uri, "state": begun.state}


def _query(address: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(address).query))
