"""bkendctl password: change the own password."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun
from bkendctl.cli.prompt import read_secret_stdin
from bkendctl.client.voice import Voice
from bkendctl.contract import accounts
from bkendctl.contract.errors import Failure

noun = Noun("Change the password.")


@noun.verb("change")
def change(
    ctx: Context,
    new_password_stdin: Annotated[
        bool, typer.Option("--new-password-stdin", help="Read the new password from stdin.")
    ] = False,
) -> None:
    """Change the password; all sessions end, you are signed in again.

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
