"""Signing in with whatever second factor the account asks for."""

from __future__ import annotations

import os
from typing import Any

from bkendctl.cli.context import Context
from bkendctl.cli.prompt import code_or_stdin
from bkendctl.client.voice import Voice
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Operation


def sign_in(ctx: Context, operation: Operation[Any, Any], request: Any, mfa_code: str | None) -> Any:
    """Do an operation that signs in, whose request has an mfa_code, and ask for the code once it is wanted.

    mfa_code: as typed, "-" for a line of stdin; else BKENDCTL_MFA_CODE. auth/mfa-required where nobody can
    be asked.
    """
    code = mfa_code or os.environ.get("BKENDCTL_MFA_CODE")
    if code:
        request.mfa_code = code_or_stdin(code, option="--mfa-code")
    try:
        return ctx.call(operation, request, voice=Voice.GUEST)
    except Failure as failure:
        if failure.code != "auth/mfa-required" or not ctx.ask.can_ask:
            raise
    request.mfa_code = ctx.ask.ask("Code of your app, or a backup code", option="--mfa-code")
    return ctx.call(operation, request, voice=Voice.GUEST)
