"""bkendctl email: prove the address."""

from __future__ import annotations

from typing import Annotated

import typer

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun
from bkendctl.cli.prompt import code_or_stdin
from bkendctl.cli.tables import Column, View
from bkendctl.client.voice import Voice
from bkendctl.contract import accounts

noun = Noun("Prove the e-mail address.")

PROVEN = View(columns=(Column("E-mail", "data.email"), Column("Proven", "data.verified")), quiet="data.email")


@noun.verb("signup-confirm")
def signup_confirm(
    ctx: Context,
    email: Annotated[str, typer.Argument(help="Address that signed up.")],
    token: Annotated[
        str, typer.Option("--token", help="Token of the mailed link; - reads it from stdin.", metavar="TOKEN")
    ],
) -> None:
    """Prove the address with the token of the confirmation mail.

    Example: bkendctl email signup-confirm alice@example.com --token TOKEN
    """
    request = accounts.ConfirmSignUp(token=code_or_stdin(token, option="--token"), email=email)
    ctx.show(ctx.call(accounts.CONFIRM_SIGN_UP, request, voice=Voice.GUEST), PROVEN)
