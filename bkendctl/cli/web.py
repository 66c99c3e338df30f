"""Signing in through a browser: the server's hosted page, with a listener on this machine (RFC 8252)."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from bkendctl.cli.context import Context
from bkendctl.cli.progress import spinner
from bkendctl.client.voice import Voice
from bkendctl.contract import hosted
from bkendctl.contract.accounts import TokenPair
from bkendctl.contract.errors import Failure

if TYPE_CHECKING:
    from bkendctl.client.loopback import Listener

PATIENCE_SECONDS = 300
"""How long a person may take in the browser (five minutes)."""
LOOK_SECONDS = 0.25


def sign_in(ctx: Context, provider: str | None = None) -> TokenPair:
    """Have a person sign in on the hosted page, and trade the code that the browser brings back.

    provider: whose page to go on to at once. Failures: cli/not-offered where the server has no such page,
    cli/browser-refused, cli/browser-silent, and those of hosted.exchange.
    """
    import secrets

    from bkendctl.client.loopback import Listener

    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
    with _pages(ctx) as base, Listener(state) as listener:
        query = {
            "client": _client(ctx),
            "redirect_uri": listener.url,
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
            "state": state,
        }
        url = f"{base}{hosted.PAGE}?{urlencode(query)}"
        _require_page(ctx, url)
        url += f"&provider={provider}" if provider else ""
        answer = _answer(ctx, url, listener)
        if "code" not in answer:
            raise _refusal(answer.get("error", ""))
        request = hosted.Exchange(code=answer["code"], code_verifier=verifier, redirect_uri=listener.url)
        pair: TokenPair = ctx.call(hosted.EXCHANGE, request, voice=Voice.GUEST)
        return pair


def _client(ctx: Context) -> str:
    """The publishable key, which may be in the address of a page; a secret one may not."""
    key = ctx.speaker.credentials.publishable_key
    if key is None:
        raise Failure(
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
def _pages(ctx: Context) -> Iterator[str]:
    """The base of a server with pages for this profile: its own, or one for as long as this lasts."""
    if ctx.profile.kind != "embedded":
        yield str(ctx.profile.url).rstrip("/")
        return
    from bkendctl.cli.own_server import serving

    with serving(ctx) as url:
        yield url


def _require_page(ctx: Context, url: str) -> None:
    """Ask for the page once, so that what is wrong with it is told here. cli/not-offered, cli/network."""
    import httpx

    is_near = url.startswith("http:")
    try:
        found = httpx.get(url, headers={"accept": "text/html"}, timeout=15, trust_env=not is_near)
    except httpx.HTTPError as error:
        raise Failure("cli/network", f"{ctx.profile.url}: {type(error).__name__}.") from None
    if found.status_code in (429, 503):
        raise Failure("common/unavailable")
    if found.status_code == 400:
        what = "The server's page does not take this profile's publishable key."
        raise Failure("cli/not-offered", what, hint="bkendctl profiles show")
    if found.status_code != 200 or not found.headers.get("content-type", "").startswith("text/html"):
        raise Failure("cli/not-offered", "This server has no sign-in page.", hint="bkendctl login EMAIL")


def _answer(ctx: Context, url: str, listener: Listener) -> dict[str, str]:
    """What the browser brings back, or what a person pastes of it. cli/browser-silent after five minutes."""
    is_opened = _open(url)
    if is_opened:
        ctx.say.note("sign in with the browser that was opened")
    elif ctx.say.silent and not ctx.ask.can_ask:
        raise Failure("cli/usage", "No browser can be opened here.", hint="leave -o json and -q away")
    else:
        _show_address(ctx, url)
    can_paste = not is_opened and ctx.ask.can_ask
    waiting = nullcontext() if can_paste else spinner("waiting for the browser", silent=ctx.say.silent)
    left = PATIENCE_SECONDS / LOOK_SECONDS
    with waiting:
        while left > 0:
            found = listener.wait(LOOK_SECONDS)
            if found is None and can_paste and _has_line():
                pasted = urlsplit(sys.stdin.readline().strip())
                listener.take(f"/?{pasted.query}", pasted.netloc)
                found = listener.wait(0)
                if found is None:
                    ctx.say.warn("this is not the address that the browser ended at")
            if found is not None:
                return found
            left -= 1
    raise Failure("cli/browser-silent")


def _show_address(ctx: Context, url: str) -> None:
    """Show where to sign in. A browser elsewhere ends at an address of this machine, which is pasted."""
    from bkendctl.cli.qr import terminal_qr
    from bkendctl.cli.terminal import height_of, is_terminal, wants_colour, width_of

    stream = sys.stderr
    if ctx.ask.can_ask and is_terminal(stream):
        room = {"columns": width_of(stream), "lines": height_of(stream), "encoding": stream.encoding}
        with suppress(Failure):  # too narrow: the address alone
            stream.write(terminal_qr(url, colour=wants_colour(stream), **room))  # type: ignore[arg-type]
    stream.write(f"Open this address:\n\n{url}\n\n")
    if ctx.ask.can_ask:
        stream.write("On another device, paste the address that its browser ends at:\n")
    stream.flush()


def _open(url: str) -> bool:
    """Open a window of a browser; False where there is none, or only one that would take the terminal."""
    import webbrowser

    has_screen = sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )
    return has_screen and webbrowser.open(url)


def _has_line() -> bool:
    """Whether somebody typed a line."""
    import select

    return bool(select.select([sys.stdin], [], [], 0)[0])


def _refusal(error: str) -> Failure:
    if error == "access_denied":
        return Failure("cli/browser-refused", "The sign-in was cancelled in the browser.")
    return Failure("cli/browser-refused", f"The page answers {error[:60] or 'nothing'}.")
