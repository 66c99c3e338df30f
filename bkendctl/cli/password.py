"""bkendctl password: change the own password, or reset a forgotten one."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun
from bkendctl.cli.prompt import code_or_stdin, read_secret_stdin
from bkendctl.client.voice import Voice
from bkendctl.contract import accounts, password_resets
from bkendctl.contract.errors import Failure

noun = Noun("Change or reset the password.")

NewPasswordStdin = Annotated[
    bool, typer.Option("--new-password-stdin", help="Read the new password from stdin.")
]


@noun.verb("change")
def change(
    ctx: Context,
    new_password_stdin: NewPasswordStdin = False,
) -> None:
    """Change the password and sign in again.

    All sessions end.

    Scripts set BKENDCTL_PASSWORD and BKENDCTL_NEW_PASSWORD, and BKENDCTL_MFA_CODE where MFA is on.

    Example: bkendctl password change
    """
    me = ctx.call(accounts.GET_ME)
    present = ctx.password(stdin=False, label="Current password")
    fresh = _new_password(ctx, stdin=new_password_stdin)
    code = _code(ctx) if me.mfa_enabled else None
    request = accounts.ChangePassword(current_password=present, new_password=fresh)
    answer = ctx.call(accounts.CHANGE_PASSWORD, request)
    ctx.speaker.forget()
    _sign_in_again(ctx, me, fresh, code)
    ctx.show(answer if not ctx.speaker.credentials.access_token else {"message": "The password was changed."})


@noun.verb("reset-request")
def reset_request(
    ctx: Context,
    email: Annotated[str, typer.Argument(help="Address of the account.")],
    callback_url: Annotated[
        str | None,
        typer.Option(
            "--callback-url", help="Where the link leads, the server's own page when left out.", metavar="URL"
        ),
    ] = None,
) -> None:
    """Have a link for a new password mailed.

    Nobody is told whether there is an account.

    Example: bkendctl password reset-request alice@example.com
    """
    request = password_resets.Request(email=email)
    if callback_url is not None:
        request.callback_url = callback_url
    ctx.show(ctx.call(password_resets.REQUEST, request, voice=Voice.GUEST))
    ctx.say.note(f"next: bkendctl password reset-confirm {email} --token TOKEN")


@noun.verb("reset-confirm")
def reset_confirm(
    ctx: Context,
    email: Annotated[str, typer.Argument(help="Address the link was mailed to.")],
    token: Annotated[
        str, typer.Option("--token", help="Token of the mailed link; - reads it from stdin.", metavar="TOKEN")
    ],
    new_password_stdin: NewPasswordStdin = False,
) -> None:
    """Set a new password with the mailed token.

    All sessions end, and MFA stays on. Scripts set BKENDCTL_NEW_PASSWORD.

    Example: bkendctl password reset-confirm alice@example.com --token TOKEN
    """
    if new_password_stdin and token == "-":  # noqa: S105 - stdin, no secret
        ctx.refuse("Only one of --new-password-stdin and --token - can read stdin.")
    token = code_or_stdin(token, option="--token")
    fresh = _new_password(ctx, stdin=new_password_stdin)
    request = password_resets.Confirm(email=email, token=token, new_password=fresh)
    ctx.show(ctx.call(password_resets.CONFIRM, request, voice=Voice.GUEST))


def _new_password(ctx: Context, *, stdin: bool) -> str:
    if stdin:
        return read_secret_stdin("--new-password-stdin")
    given = os.environ.get("BKENDCTL_NEW_PASSWORD")
    return given or ctx.ask.ask(
        "New password", option="--new-password-stdin", secret=True, confirm_twice=True
    )


def _code(ctx: Context) -> str:
    """The second factor for signing in again, before anything is changed. auth/mfa-required without one."""
    code = os.environ.get("BKENDCTL_MFA_CODE")
    if not code and not ctx.ask.can_ask:
        raise Failure("auth/mfa-required", hint="set BKENDCTL_MFA_CODE; the password was not changed")
    return code or ctx.ask.ask("Code of your app, or a backup code", option="BKENDCTL_MFA_CODE")


def _sign_in_again(ctx: Context, me: accounts.User, password: str, code: str | None) -> None:
    request = accounts.SignIn(email=me.email, password=password)
    if code is not None:
        request.mfa_code = code
    try:
        ctx.speaker.remember(ctx.call(accounts.SIGN_IN, request, voice=Voice.GUEST))
        ctx.speaker.remember_user(me.id, me.email)
    except Failure as failure:
        ctx.say.warn(
            f"the password was changed, but signing in again failed: {failure.message} Next: bkendctl login"
        )
