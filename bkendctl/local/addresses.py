"""What addresses a profile may hold: servers that tokens may be sent to, databases without a password."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote, urlsplit

from bkendctl.contract.errors import Failure

_PRINTABLE = re.compile(r"[!-~]+")
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")  # a name or IPv4; or IPv6, its brackets gone
_DATABASES = ("sqlite", "postgresql")


def server_url(text: str) -> str:
    """Return the URL without trailing slashes. Raises cli/usage unless it is https, or http to this machine.

    The text itself is never quoted in the error: a rejected URL may carry a password.
    """
    # urlsplit drops tabs and newlines and takes "\\" for a part of the host; other parsers do not.
    if not _PRINTABLE.fullmatch(text) or "\\" in text:
        raise _refused("A server URL has no blanks, backslashes or control characters.")
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise _refused("This is not a URL.") from None
    if parts.scheme not in {"http", "https"} or not host or not _HOST.fullmatch(host):
        raise _refused("A server URL looks like https://auth.example.com.")
    if "@" in parts.netloc:
        raise _refused("A server URL carries no user name or password.")
    if parts.query or parts.fragment or text.endswith(("?", "#")):
        raise _refused("A server URL ends before any ? or #.")
    if parts.scheme == "http" and not _is_loopback(host):
        raise _refused("Tokens travel over https only; http is for this machine (127.0.0.1, ::1, localhost).")
    return text.rstrip("/")


def database_url(text: str) -> str:
    """Return the URL as it is. Raises cli/usage for an unknown database or a URL with a password."""
    try:
        parts = urlsplit(text)
        password = parts.password
    except ValueError:
        raise _refused("This is not a database URL.") from None
    if parts.scheme.partition("+")[0] not in _DATABASES:
        raise _refused("A database URL begins with sqlite:/// or postgresql://.")
    if password or any("password" in unquote(name).lower() for name, _ in parse_qsl(parts.query)):
        raise _refused(
            "config.toml holds no secret, so its database URL has no password; "
            "use BKENDCTL_DATABASE_URL or a .pgpass file."
        )
    return text


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    from ipaddress import ip_address

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _refused(why: str) -> Failure:
    return Failure("cli/usage", why, hint="")
