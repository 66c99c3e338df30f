"""bkendctl email: prove the address, or change it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun
from bkendctl.cli.prompt import code_or_stdin
from bkendctl.cli.tables import Column, View
from bkendctl.client.voice import Voice
from bkendctl.contract import accounts, verifications
from bkendctl.contract.operation import Operation

noun = Noun("Prove or change the e-mail address.")

Token = Annotated[
    str, typer.Option("--token", help="Token of the mailed link; - reads it from stdin.", metavar="TOKEN")
]
CallbackUrl = Annotated[
    str | None,
    typer.Option(
        "--callback-url", help="Where the link leads; the server's own page when left out.", metavar="URL"
    ),
]

PROVEN = View(columns=(Column("E-mail", "data.email"), Column("Proven", "data.verified")), quiet="data.email")


@noun.verb("signup-confirm")
def signup_confirm(
    ctx: Context,
    email: Annotated[str, typer.Argument(help="Address that signed up.")],
    token: Token,
) -> None:
    """Prove the address with the token of the confirmation mail.

    Example: bkendctl email signup-confirm alice@example.com --token TOKEN
    """
    request = accounts.ConfirmSignUp(token=code_or_stdin(token, option="--token"), email=email)
    ctx.show(ctx.call(accounts.CONFIRM_SIGN_UP, request, voice=Voice.GUEST), PROVEN)


@noun.verb("signup-resend")
def signup_resend(
    ctx: Context,
    email: Annotated[str, typer.Argument(help="Address that signed up.")],
    callback_url: CallbackUrl = None,
) -> None:
    """Have the confirmation of a sign-up mailed again.

    The earlier one stops.

    Example: bkendctl email signup-resend alice@example.com
    """
    _send(ctx, verifications.RESEND_SIGN_UP, email, callback_url, Voice.GUEST)


@noun.verb("verify-send")
def verify_send(
    ctx: Context,
    email: Annotated[str | None, typer.Argument(help="Address; your own when left out.")] = None,
    callback_url: CallbackUrl = None,
) -> None:
    """Have a token mailed that proves an address.

    A new address replaces yours when its token is confirmed. Without a session the mail goes
    only to an address that somebody has.

    Example: bkendctl email verify-send alice@new.example.com
    """
    _send_as_user(ctx, verifications.SEND, email, callback_url)


@noun.verb("verify-resend")
def verify_resend(
    ctx: Context,
    email: Annotated[str | None, typer.Argument(help="Address; your own when left out.")] = None,
    callback_url: CallbackUrl = None,
) -> None:
    """Have the proving token mailed again.

    The earlier one stops.

    Example: bkendctl email verify-resend
    """
    _send_as_user(ctx, verifications.RESEND, email, callback_url)


@noun.verb("verify-confirm")
def verify_confirm(
    ctx: Context,
    email: Annotated[str, typer.Argument(help="Address the token was mailed to.")],
    token: Token,
) -> None:
    """Prove an address with the mailed token.

    A new one is yours from then on.

    Example: bkendctl email verify-confirm alice@example.com --token TOKEN
    """
    request = verifications.Confirm(token=code_or_stdin(token, option="--token"), email=email)
    ctx.show(ctx.call(verifications.CONFIRM, request, voice=Voice.GUEST))
    _note_address(ctx, email)


def _note_address(ctx: Context, email: str) -> None:
    """Remember the address of who is signed in here, where it is the one that was just proven."""
    known = ctx.speaker.credentials
    if known.access_token and known.user_id and known.email != email:
        me = ctx.speaker.call(accounts.GET_ME, accounts.GET_ME.request(), Voice.USER)
        ctx.speaker.remember_user(me.id, me.email)


def _send_as_user(
    ctx: Context, operation: Operation[Any, Any], email: str | None, callback_url: str | None
) -> None:
    """Ask as who is signed in, else as a guest, who has to name the address."""
    voice = Voice.USER if ctx.speaker.credentials.access_token else Voice.GUEST
    if email is None:
        email = (
            ctx.call(accounts.GET_ME).email if voice is Voice.USER else ctx.ask.ask("E-mail", option="EMAIL")
        )
    _send(ctx, operation, email, callback_url, voice)


def _send(
    ctx: Context, operation: Operation[Any, Any], email: str, callback_url: str | None, voice: Voice
) -> None:
    request = verifications.Send(email=email)
    if callback_url is not None:
        request.callback_url = callback_url
    ctx.show(ctx.call(operation, request, voice=voice))
