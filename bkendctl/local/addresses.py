"""What addresses a profile may hold: servers that tokens may be sent to, databases without a password."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from bkendctl.contract.errors import Failure

_PRINTABLE = re.compile(r"[!-~]+")
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")  # a name or IPv4; or IPv6, its brackets gone
_POSTGRESQL = ("postgresql", "postgres", "postgresql+psycopg")
# An @ or / that is part of a password is taken for its end by one parser and not by the next, and the rest of
# it for a host that is shown.
_UNAMBIGUOUS = re.compile(r"([^@/?#]*@)?[^@/?#]*(/[^@/?#]*)?(\?[^@?#]*)?")


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
    """Return the address of a database, postgresql spelled out. Raises cli/usage for what is none.

    The text is never quoted in the error: it may carry a password.
    """
    if text.startswith("sqlite:///"):
        return text
    scheme, _, rest = text.partition("://")
    if scheme not in _POSTGRESQL:
        raise _refused("A database URL begins with sqlite:/// or postgresql://.")
    if not _PRINTABLE.fullmatch(text) or not _UNAMBIGUOUS.fullmatch(rest):
        raise _refused("In a database URL, @ / ? # of a name or password are written %40 %2F %3F %23.")
    return f"postgresql://{rest}"


def stored_database_url(text: str) -> str:
    """Return the address as config.toml keeps it. Raises cli/usage as database_url, and for a password."""
    url = database_url(text)
    if url != without_password(url):
        raise _refused(
            "config.toml holds no secret, so its database URL has no password; "
            "use BKENDCTL_DATABASE_URL, PGPASSWORD or a .pgpass file."
        )
    return url


def without_password(url: str) -> str:
    """Return the address without its password, to be shown or stored."""
    if url.startswith("sqlite:///"):
        return url
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    given = [pair for pair in parts.query.split("&") if pair and not _is_password(pair)]
    shown = f"{parts.scheme}://{user.partition(':')[0]}{at}{host}{parts.path}"
    return f"{shown}?{'&'.join(given)}" if given else shown


def _is_password(pair: str) -> bool:
    return "password" in unquote(pair.partition("=")[0]).lower()


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
