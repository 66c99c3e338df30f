"""What a check of this machine found; shown by `doctor`."""

from __future__ import annotations

from typing import Literal

from bkendctl.contract.operation import Body


class Finding(Body, kw_only=True):
    """One check. mend: the command that mends it, empty where nothing has to be done.

    skipped: not looked at, for it needs an earlier part that is bad.
    """

    check: str
    state: Literal["ok", "warning", "bad", "skipped"]
    message: str
    mend: str = ""
