"""How signup and login go by magic link: ask for the mail, take its token, give the second factor."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bkendctl.cli import second_factor, web
from bkendctl.cli.context import Context
from bkendctl.cli.prompt import code_or_stdin
from bkendctl.client.voice import Voice
from bkendctl.contract import magic_links
from bkendctl.contract.accounts import SignIn, SignUp, TokenPair
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Operation

QUESTION = "Link from the mail, or its token"


def ask_for_link(
    ctx: Context,
    operation: Operation[Any, Any],
    email: str | None,
    callback_url: str | None,
    mfa_code: str | None,
) -> TokenPair | None:
    """Have a link mailed; at a terminal wait for it to be followed or pasted. None where nobody can paste."""
    email = email or ctx.ask.ask("E-mail", option="EMAIL")
    if ctx.ask.can_ask and callback_url is None and sys.platform != "win32":
        with suppress(web.NoPages), web.attempt(ctx) as attempt:
            return _await_click(ctx, attempt, operation, email, mfa_code)
    answer = _mail(ctx, operation, email, callback_url or _own_page(ctx))
    if not ctx.ask.can_ask:
        ctx.show(answer)
        ctx.say.note("sign in with it: bkendctl login --magic-link --token TOKEN")
        return None
    ctx.say.note(f"a link was mailed to {email}")
    return complete(ctx, ctx.ask.ask(QUESTION, option="--token"), mfa_code)


def _await_click(
    ctx: Context, attempt: web.Attempt, operation: Operation[Any, Any], email: str, mfa_code: str | None
) -> TokenPair:
    """Have a link mailed that ends here when it is followed on this machine, and take it pasted as well."""
    attempt.require_page()
    _mail(ctx, operation, email, attempt.address(magic_links.PAGE))
    ctx.say.note(f"a link was mailed to {email}: follow it on this machine, or paste it here")
    pasted: list[str] = []

    def typed(line: str) -> bool:
        pasted.append(line)
        return True

    sys.stderr.write(f"{QUESTION}: ")
    sys.stderr.flush()
    answer = web.await_answer(attempt.listener, typed)
    if pasted:
        return complete(ctx, pasted[0], mfa_code)
    sys.stderr.write("\n")
    if answer is None:
        raise Failure("cli/browser-silent", hint="bkendctl login --magic-link --token TOKEN")
    return attempt.trade(ctx, answer)


def _mail(ctx: Context, operation: Operation[Any, Any], email: str, callback_url: str) -> Any:
    request: type[SignUp | SignIn] = operation.request
    wanted = request(method="magiclink", email=email, callback_url=callback_url)
    return ctx.call(operation, wanted, voice=Voice.GUEST)


def complete(ctx: Context, given: str, mfa_code: str | None) -> TokenPair:
    """Sign in with a link or its token; asks for a wanted second factor where somebody can answer."""
    request = magic_links.Complete(token=_token_in(code_or_stdin(given, option="--token")))
    pair: TokenPair = second_factor.sign_in(ctx, magic_links.COMPLETE, request, mfa_code)
    return pair


def _token_in(text: str) -> str:
    """The token of a pasted link; anything else is taken for the token itself."""
    if "://" not in text:
        return text
    try:
        found = parse_qs(urlsplit(text).query).get("token")
    except ValueError:
        found = None
    if not found:
        raise Failure("cli/usage", "The link holds no token.", hint="paste the whole link of the newest mail")
    return found[-1]


def _own_page(ctx: Context) -> str:
    """The page of the server itself, where no app is named."""
    base = ctx.profile.url or os.environ.get("BKENDCTL_PUBLIC_URL") or "http://127.0.0.1:8787"
    return base.rstrip("/") + magic_links.PAGE
