"""Looks at what is reached over the network: a profile's server, and the one that takes mail."""

from __future__ import annotations

import secrets
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from bkendctl.contract.errors import Failure
from bkendctl.contract.findings import Finding

if TYPE_CHECKING:
    from bkendctl.core.avatars import Files

TIMEOUT_SECONDS = 5
SKEW_SECONDS = 30
"""A TOTP step: with more between two clocks, codes of one are refused by the other (RFC 6238)."""


def check_server(url: str) -> Finding:
    """Whether a server answers and what its clock says. cli/network."""
    import httpx

    try:
        answer = httpx.get(f"{url.rstrip('/')}/healthz", timeout=TIMEOUT_SECONDS)
        dated = parsedate_to_datetime(answer.headers["date"]).timestamp()
    except httpx.HTTPError as error:
        raise Failure("cli/network", f"{url} cannot be reached: {error}") from None
    except (KeyError, ValueError):
        return Finding(check="server", state="warning", message="answers, without saying what time it is")
    skew = round(time.time() - dated)
    message = f"answers; its clock is {abs(skew)} s {'behind' if skew > 0 else 'ahead'}"
    if abs(skew) <= SKEW_SECONDS:
        return Finding(check="server", state="ok", message=message)
    return Finding(check="server", state="warning", message=message, mend="set this machine's clock (NTP)")


def check_smtp(url: str | None) -> Finding:
    """Whether a mail server lets us in, connected to as mails are, with TLS and all; no mail is sent."""
    if not url:
        return Finding(
            check="smtp", state="ok", message="none: mail stays in the outbox (bkendctl mail list)"
        )
    from bkendctl.core import smtp

    try:
        relay = smtp.relay_at(url)
        smtp.leave(relay.connect(TIMEOUT_SECONDS))
    except (Failure, smtp.Later) as fault:
        why = fault.message if isinstance(fault, Failure) else str(fault)
        return Finding(check="smtp", state="bad", message=why, mend="set BKENDCTL_SMTP_URL")
    return Finding(check="smtp", state="ok", message=f"{relay.host} takes mail")


def check_leaks(url: str | None) -> Finding:
    """Whether the range API answers, and knows the commonest password. cli/usage for a wrong address."""
    from bkendctl.client.embedded import range_api
    from bkendctl.core.egress import Unusable

    leaks = range_api(url)
    if leaks is None:
        message = "the list of common ones alone (BKENDCTL_PWNED_URL is not set)"
        return Finding(check="leaked passwords", state="ok", message=message)
    try:
        known = leaks.look_up("password")
    except Unusable as fault:
        why = f"{fault}, so only common ones are refused"
    else:
        if known:
            return Finding(check="leaked passwords", state="ok", message=f"{leaks.base} answers")
        why = f"{leaks.base} does not know the commonest password"
    return Finding(check="leaked passwords", state="warning", message=why, mend="set BKENDCTL_PWNED_URL")


def check_avatars(files: Files, *, has_server: bool) -> Finding:
    """Whether pictures are kept where all servers find them. has_server: others may use the database too.

    Of a bucket: whether it takes, gives and forgets a small file.
    """
    if files.is_shared:
        return _of_bucket(files)
    if has_server:
        return Finding(
            check="avatars",
            state="warning",
            message="files of this machine: servers on others would not have them",
            mend="set BKENDCTL_AVATARS_URL to a bucket, or share the folder",
        )
    return Finding(check="avatars", state="ok", message="files of this machine")


def _of_bucket(files: Files) -> Finding:
    name = f"doctor-{secrets.token_hex(8)}"
    try:
        files.write(name, b"bkendctl doctor")
        came_back = files.read(name) == b"bkendctl doctor"
        files.remove(name)
    except Failure as failure:
        from bkendctl.client.avatar_bucket import reason_of

        mend = "see to BKENDCTL_AVATARS_URL and the AWS_ variables"
        message = f"{files.name}: {reason_of(failure)}"
        return Finding(check="avatars", state="bad", message=message, mend=mend)
    if came_back:
        return Finding(
            check="avatars", state="ok", message=f"{files.name} takes pictures and gives them back"
        )
    return Finding(check="avatars", state="bad", message=f"{files.name} gives back another file than it took")
