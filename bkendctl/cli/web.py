"""Signing in through a browser: the server's hosted page, with a listener on this machine (RFC 8252)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode, urlsplit

from bkendctl.cli.browsing import open_window
from bkendctl.cli.context import Context
from bkendctl.cli.progress import spinner
from bkendctl.client.voice import Voice
from bkendctl.contract import hosted, linked_accounts, oauth
from bkendctl.contract.accounts import TokenPair
from bkendctl.contract.errors import ERRORS, Failure
from bkendctl.contract.paging import PageRequest

if TYPE_CHECKING:
    from bkendctl.cli.provider_codes import Client
    from bkendctl.client.loopback import Listener

PATIENCE_SECONDS = 300
"""How long a person may take in the browser (five minutes)."""
LOOK_SECONDS = 0.25


class NoPages(Failure):
    """There is no page that this profile could sign in at."""


class NoSuchPage(NoPages):
    """The server has none at all."""


class Attempt(NamedTuple):
    """One sign-in under way. base: of the server whose pages are used; verifier: of its challenge (PKCE)."""

    base: str
    client: str
    listener: Listener
    state: str
    verifier: str

    def address(self, page: str) -> str:
        """A page of the server, with all it needs to send the browser back here with a code."""
        query = {
            "client": self.client,
            "redirect_uri": self.listener.url,
            "code_challenge": _challenge(self.verifier),
            "code_challenge_method": "S256",
            "state": self.state,
        }
        return f"{self.base}{page}?{urlencode(query)}"

    def require_page(self) -> None:
        """Ask for the page once, so that what is wrong with it is told here. cli/not-offered, cli/network."""
        import httpx

        is_near = self.base.startswith("http:")
        try:
            found = httpx.get(
                self.address(hosted.PAGE), headers={"accept": "text/html"}, timeout=15, trust_env=not is_near
            )
        except httpx.HTTPError as error:
            raise Failure("cli/network", f"{self.base}: {type(error).__name__}.") from None
        if found.status_code in (429, 503):
            raise Failure("common/unavailable")
        if found.status_code == 400:
            what = "The server's page does not take this profile's publishable key."
            raise NoPages("cli/not-offered", what, hint="bkendctl profiles show")
        if found.status_code != 200 or not found.headers.get("content-type", "").startswith("text/html"):
            raise NoSuchPage(
                "cli/not-offered",
                "This server has no sign-in page.",
                hint="bkendctl login EMAIL, or --google or --github",
            )

    def trade(self, ctx: Context, answer: dict[str, str]) -> TokenPair:
        """Trade the code of an answer. cli/browser-refused where it has none, and hosted.exchange's own."""
        if "code" not in answer:
            raise refusal(answer.get("error", ""))
        request = hosted.Exchange(
            code=answer["code"], code_verifier=self.verifier, redirect_uri=self.listener.url
        )
        pair: TokenPair = ctx.call(hosted.EXCHANGE, request, voice=Voice.GUEST)
        return pair


@contextmanager
def attempt(ctx: Context, provider: str | None = None) -> Iterator[Attempt]:
    """Begin a sign-in by browser; its listener, and a server of our own where it needs one, end with it."""
    import secrets

    from bkendctl.client.loopback import Listener

    state = secrets.token_urlsafe(24)
    with _pages(ctx, provider) as base, Listener(state) as listener:
        yield Attempt(base, _client(ctx), listener, state, secrets.token_urlsafe(48))


def sign_in(ctx: Context, provider: str | None = None, client: Client | None = None) -> TokenPair:
    """Have a person sign in on the hosted page, and trade the code that the browser brings back.

    provider: whose page to go on to at once; where the server has no page of ours its code is pasted.
    client: whose we are there, for a server that does not say. Failures: cli/not-offered without a page or a
    provider, auth/oauth-not-configured, cli/browser-refused, cli/browser-silent, those of hosted.exchange
    and of oauth.complete.
    """
    if client is None:
        try:
            return _sign_in_on_page(ctx, provider)
        except NoSuchPage:
            if provider is None:
                raise
    from bkendctl.cli import provider_codes

    return provider_codes.sign_in(ctx, str(provider), client)


def _sign_in_on_page(ctx: Context, provider: str | None) -> TokenPair:
    with attempt(ctx, provider) as under_way:
        under_way.require_page()
        if provider is not None:
            _redirect_uri(ctx, provider)
        url = under_way.address(f"{hosted.PAGE}/{provider}" if provider else hosted.PAGE)
        return under_way.trade(ctx, _answer(ctx, url, under_way.listener))


def link(ctx: Context, provider: str) -> None:
    """Have a person sign in on the hosted page and choose an account at a provider, to be linked.

    Failures: as sign_in, cli/browser-refused where somebody else signed in there, and linked_accounts.link's.
    """
    try:
        _link_on_page(ctx, provider)
    except NoSuchPage:
        from bkendctl.cli import provider_codes

        provider_codes.link(ctx, provider)


def _link_on_page(ctx: Context, provider: str) -> None:
    with attempt(ctx, provider) as under_way:
        under_way.require_page()
        _redirect_uri(ctx, provider)
        url = f"{under_way.address(hosted.PAGE)}&link={provider}"
        answer = _answer(ctx, url, under_way.listener)
    if "linked" not in answer:
        raise refusal(answer.get("error", ""))
    linked = ctx.call(linked_accounts.LIST, PageRequest(limit=100)).items
    if provider not in {each.provider for each in linked}:
        raise Failure("cli/browser-refused", "Somebody else signed in there, and has it linked now.")


def _client(ctx: Context) -> str:
    """The publishable key, which may be in the address of a page; a secret one may not."""
    key = ctx.speaker.credentials.publishable_key
    if key is None:
        raise NoPages(
            "cli/usage",
            "Signing in by browser needs the profile's publishable key.",
            hint="bkendctl profiles add NAME --url URL --api-key-stdin",
        )
    return key


def _challenge(verifier: str) -> str:
    """S256 of a verifier (RFC 7636, section 4.2)."""
    import hashlib
    from base64 import urlsafe_b64encode

    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


@contextmanager
def _pages(ctx: Context, provider: str | None) -> Iterator[str]:
    """The base of a server with pages for this profile: its own, or one for as long as this lasts.

    That one is where the provider sends browsers back to.
    """
    if ctx.profile.kind != "embedded":
        yield str(ctx.profile.url).rstrip("/")
        return
    from bkendctl.cli.own_server import serving

    with serving(ctx, None if provider is None else _own_origin(ctx, provider)) as url:
        yield url


def _own_origin(ctx: Context, provider: str) -> str:
    """Where on this machine a provider sends browsers back to. cli/usage where it is not this machine."""
    redirect_uri = _redirect_uri(ctx, provider)
    parts = urlsplit(redirect_uri)
    if parts.scheme != "http" or parts.hostname not in ("127.0.0.1", "localhost"):
        raise Failure(
            "cli/usage",
            f"{provider} sends browsers to {redirect_uri}, which is not this machine.",
            hint=f"bkendctl profiles add NAME --url {parts.scheme}://{parts.netloc}",
        )
    return f"http://{parts.hostname}:{parts.port or 80}"


def _redirect_uri(ctx: Context, provider: str) -> str:
    """Where a provider sends browsers back to. auth/oauth-not-configured."""
    for each in ctx.call(oauth.PROVIDERS, voice=Voice.GUEST).oauth:
        if each.provider == provider:
            return str(each.redirect_uri)
    raise not_configured(provider)


def not_configured(provider: str) -> Failure:
    """A provider that the environment does not offer."""
    return Failure(
        "auth/oauth-not-configured",
        f"Signing in with {provider} is not set up here.",
        hint=f"bkendctl providers oauth set {provider}",
    )


def _answer(ctx: Context, url: str, listener: Listener) -> dict[str, str]:
    """What the browser brings back, or what a person pastes of it. cli/browser-silent after five minutes."""
    is_opened = open_window(url)
    if is_opened:
        ctx.say.note("sign in with the browser that was opened")
    elif ctx.say.silent and not ctx.ask.can_ask:
        raise Failure("cli/usage", "No browser can be opened here.", hint="leave -o json and -q away")
    else:
        show_address(ctx, url)
        if ctx.ask.can_ask:
            sys.stderr.write("On another device, paste the address that its browser ends at:\n")
            sys.stderr.flush()
    can_paste = not is_opened and ctx.ask.can_ask

    def pasted(line: str) -> None:
        address = urlsplit(line)
        if not listener.take(f"/?{address.query}", address.netloc):
            ctx.say.warn("this is not the address that the browser ended at")

    with nullcontext() if can_paste else spinner("waiting for the browser", silent=ctx.say.silent):
        found = await_answer(listener, pasted if can_paste else None)
    if found is None:
        raise Failure("cli/browser-silent")
    return found


def await_answer(listener: Listener, typed: Callable[[str], object] | None) -> dict[str, str] | None:
    """Wait for a browser, None after five minutes. typed: told each line of stdin; a true answer ends it.

    Failures: cli/interrupted at the end of input.
    """
    left = PATIENCE_SECONDS / LOOK_SECONDS
    while left > 0 and listener.wait(LOOK_SECONDS) is None:
        left -= 1
        if typed is not None and _has_line():
            line = sys.stdin.readline()
            if not line:
                raise Failure("cli/interrupted")
            if line.strip() and typed(line.strip()):
                return None
    return listener.wait(0)


def show_address(ctx: Context, url: str) -> None:
    """Show where to sign in, on a terminal as a code to scan too."""
    from bkendctl.cli.qr import terminal_qr
    from bkendctl.cli.terminal import height_of, is_terminal, wants_colour, width_of

    stream = sys.stderr
    if ctx.ask.can_ask and is_terminal(stream):
        room = {"columns": width_of(stream), "lines": height_of(stream), "encoding": stream.encoding}
        with suppress(Failure):  # too narrow: the address alone
            stream.write(terminal_qr(url, colour=wants_colour(stream), **room))  # type: ignore[arg-type]
    stream.write(f"Open this address:\n\n{url}\n\n")
    stream.flush()


def _has_line() -> bool:
    """Whether somebody typed a line."""
    import select

    return bool(select.select([sys.stdin], [], [], 0)[0])


def refusal(error: str) -> Failure:
    """What a page or a provider says in place of a code."""
    if error == "access_denied":
        return Failure("cli/browser-refused", "The sign-in was cancelled in the browser.")
    if error in ERRORS:
        return Failure(error)
    return Failure("cli/browser-refused", f"The page answers {error[:60] or 'nothing'}.")
