"""bkendctl mfa: two-step sign-in with an authenticator app."""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun
from bkendctl.cli.prompt import code_or_stdin, read_secret_stdin
from bkendctl.cli.tables import Column, View
from bkendctl.contract import mfa
from bkendctl.contract.errors import Failure

noun = Noun("Two-step sign-in: enrol, confirm, codes.")

QR_FORMS = ("terminal", "png", "svg", "none")

PasswordStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from stdin.")]
Code = Annotated[
    str | None,
    typer.Option("--code", metavar="CODE", help="Code of your app or a backup code; - reads stdin."),
]
_LINES_BELOW_THE_QR = 1  # the prompt
CODES = View(columns=(Column("Backup codes", "backupCodes"),), quiet="backupCodes")
SETUP = View(
    columns=(
        Column("Secret", "secret"),
        Column("Backup codes", "backupCodes"),
        Column("Confirmed", "confirmed"),
    ),
    quiet="secret",
)


@noun.verb("enroll")
def enroll(
    ctx: Context,
    qr: Annotated[str, typer.Option(help="How the QR is shown.", metavar="|".join(QR_FORMS))] = "terminal",
    qr_file: Annotated[Path | None, typer.Option("--qr-file", help="Where png or svg goes.")] = None,
    keep_secret: Annotated[
        bool, typer.Option("--keep-secret", help="Keep the secret here, so that `mfa code` makes codes.")
    ] = False,
    password_stdin: PasswordStdin = False,
) -> None:
    """Begin enrolment: backup codes, a QR, the first code.

    Ten backup codes for a lost phone, a QR for your authenticator app, then its first code is asked for.
    With --no-input, or without a terminal, it stops there: finish with bkendctl mfa confirm CODE.

    Example: bkendctl mfa enroll --keep-secret
    """
    if qr not in QR_FORMS:
        ctx.refuse(f"--qr is terminal, png, svg or none, not {qr}.")
    if (qr in ("png", "svg")) != (qr_file is not None):
        ctx.refuse("--qr png and --qr svg go with --qr-file FILE.")
    if qr_file is not None and qr_file.exists():  # known now, before the secret is made
        raise Failure("cli/file", f"{qr_file} exists already.", hint="name another --qr-file")
    password = ctx.password(stdin=password_stdin)
    setup = ctx.call(mfa.ENABLE, mfa.Enable(password=password))
    if keep_secret and not ctx.profile.ephemeral:
        ctx.store.update(ctx.profile.name, totp_secret=setup.secret)
    plain = ctx.output.format == "table" and not (ctx.output.quiet or ctx.output.jq)
    interactive = plain and ctx.ask.can_ask
    _write_qr(setup.qr_code_url, qr, qr_file)
    body = msgspec.to_builtins(setup) | {"confirmed": False}
    ctx.show(body, SETUP if not interactive else SETUP._replace(columns=SETUP.columns[:2]))
    if qr == "terminal" and plain:
        _draw_qr(ctx, setup.qr_code_url)
    if not interactive:
        ctx.say.note("finish with: bkendctl mfa confirm CODE")
        return
    ctx.ask.ask(
        "First code of your app", option="bkendctl mfa confirm CODE", validate=partial(_confirmed, ctx)
    )
    ctx.say.done("two-step sign-in is on; keep the backup codes in a safe place")


def _confirmed(ctx: Context, code: str) -> str:
    ctx.call(mfa.CONFIRM, mfa.Confirm(code=code))
    return code


def _write_qr(url: str, qr: str, file: Path | None) -> None:
    from bkendctl.cli import qr as drawing

    if file is not None:
        (drawing.png if qr == "png" else drawing.svg)(url, file)


def _draw_qr(ctx: Context, url: str) -> None:
    """Draw it last, small enough to be seen whole above the prompt where the terminal allows."""
    from bkendctl.cli.qr import terminal_qr
    from bkendctl.cli.terminal import height_of, wants_colour, width_of

    out = sys.stdout
    height = height_of(out)
    room = None if height is None else height - _LINES_BELOW_THE_QR
    try:
        drawn = terminal_qr(url, colour=wants_colour(out), columns=width_of(out), lines=room)
    except Failure as failure:
        ctx.say.warn(f"{failure.message} Type the secret into the app, or use {failure.hint}")
    else:
        out.write(drawn)
        out.flush()


@noun.verb("confirm")
def confirm(ctx: Context, code: Annotated[str, typer.Argument(help="Six digits; - reads stdin.")]) -> None:
    """Finish enrolment with the first code of your app.

    Example: bkendctl mfa confirm 123456
    """
    answer = ctx.call(mfa.CONFIRM, mfa.Confirm(code=code_or_stdin(code)))
    ctx.show(answer, CODES)
    ctx.say.done("two-step sign-in is on; your other sessions have ended")


@noun.verb("status")
def status(ctx: Context) -> None:
    """Show whether it is on, and how many backup codes are left.

    Example: bkendctl mfa status
    """
    ctx.show(ctx.call(mfa.STATUS), View(quiet="enabled"))


@noun.verb("disable")
def disable(ctx: Context, code: Code = None, password_stdin: PasswordStdin = False) -> None:
    """Switch two-step sign-in off.

    Example: bkendctl mfa disable --code 123456
    """
    ctx.confirm("Switch two-step sign-in off?")
    request = mfa.Disable(password=ctx.password(stdin=password_stdin))
    _with_code(ctx, mfa.DISABLE, request, code)
    if not ctx.profile.ephemeral:
        ctx.store.update(ctx.profile.name, totp_secret=None)
    ctx.show({"message": "Two-step sign-in is off."})


@noun.verb("backup-codes")
def backup_codes(ctx: Context, code: Code = None, password_stdin: PasswordStdin = False) -> None:
    """Make ten new backup codes; the old ones stop.

    Example: bkendctl mfa backup-codes --code 123456
    """
    request = mfa.RegenerateBackupCodes(password=ctx.password(stdin=password_stdin))
    ctx.show(_with_code(ctx, mfa.REGENERATE_BACKUP_CODES, request, code), CODES)


def _with_code(ctx: Context, operation: Any, request: Any, code: str | None) -> Any:
    """Ask for a code only where the server wants one."""
    import os

    code = code or os.environ.get("BKENDCTL_MFA_CODE")
    if code:
        request.code = code_or_stdin(code, option="--code")
    try:
        return ctx.call(operation, request)
    except Failure as failure:
        if failure.code != "auth/invalid-mfa-code" or code or not ctx.ask.can_ask:
            raise
    request.code = ctx.ask.ask("Code of your app, or a backup code", option="--code")
    return ctx.call(operation, request)


@noun.verb("code")
def code(
    ctx: Context,
    secret_stdin: Annotated[
        bool, typer.Option("--secret-stdin", help="Read the base32 secret from stdin.")
    ] = False,
    following: Annotated[bool, typer.Option("--next", help="The code of the following 30 seconds.")] = False,
) -> None:
    """Print the present code, from a kept secret or from stdin.

    The secret is kept by bkendctl mfa enroll --keep-secret.

    Example: bkendctl login alice@example.com --mfa-code "$(bkendctl mfa code --next)"
    """
    from datetime import UTC, datetime

    from pyotp import TOTP

    if secret_stdin:
        secret: str | None = read_secret_stdin("--secret-stdin").replace(" ", "").upper()
    else:
        secret = ctx.store.load(ctx.profile.name).totp_secret
    offset = 0 if secret_stdin else ctx.clock_offset()
    if not secret:
        raise Failure(
            "cli/not-signed-in", "No secret is kept here.", hint="bkendctl mfa enroll --keep-secret"
        )
    try:
        now = datetime.fromtimestamp(time.time() + offset, UTC)
        made = TOTP(secret).at(now, counter_offset=1 if following else 0)
    except ValueError:
        ctx.refuse("The secret is not base32.")
    ctx.show_plain(made, {"code": made}, View(quiet="code"))
