"""How signup and login go by magic link: ask for the mail, take its token, give the second factor."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bkendctl.cli import second_factor
from bkendctl.cli.context import Context
from bkendctl.cli.prompt import code_or_stdin
from bkendctl.client.voice import Voice
from bkendctl.contract import magic_links
from bkendctl.contract.accounts import SignIn, SignUp, TokenPair
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Operation


def ask_for_link(
    ctx: Context,
    operation: Operation[Any, Any],
    email: str | None,
    callback_url: str | None,
    mfa_code: str | None,
) -> TokenPair | None:
    """Have a link mailed; at a terminal wait for it to be pasted and sign in. None where nobody can paste."""
    email = email or ctx.ask.ask("E-mail", option="EMAIL")
    request: type[SignUp | SignIn] = operation.request
    wanted = request(method="magiclink", email=email, callback_url=callback_url or _own_page(ctx))
    answer = ctx.call(operation, wanted, voice=Voice.GUEST)
    if not ctx.ask.can_ask:
        ctx.show(answer)
        ctx.say.note("sign in with it: bkendctl login --magic-link --token TOKEN")
        return None
    ctx.say.note(f"a link was mailed to {email}")
    return complete(ctx, ctx.ask.ask("Link from the mail, or its token", option="--token"), mfa_code)


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
    return found[0]


def _own_page(ctx: Context) -> str:
    """The page of the server itself, where no app is named."""
    base = ctx.profile.url or os.environ.get("BKENDCTL_PUBLIC_URL") or "http://127.0.0.1:8787"
    return base.rstrip("/") + magic_links.PAGE
