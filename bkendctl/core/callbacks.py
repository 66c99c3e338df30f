"""Where links may send a browser: judged when asked, parsed as browsers parse."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from msgspec import UnsetType

from bkendctl.contract.errors import Failure
from bkendctl.core.call import Call

# Browsers drop tabs and line breaks, read a backslash as a slash and complete "https:evil" (WHATWG URL);
# urlsplit does none of that, so such URLs are refused rather than interpreted.
_PLAIN = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+(?:[/?#][!-\[\]-~]*)?")
_DOTS = re.compile(r"(?:^|/)(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)
_PORTS = {"http": 80, "https": 443}


PLAIN_PREFIX = "must be an http or https origin or URL, without user name, spaces, dots as a path, ? and #"


class _Place(NamedTuple):
    """Scheme, host and port of a URL, and its path."""

    origin: tuple[str, str, int | None]
    path: str


def require_allowed(call: Call, url: str | UnsetType) -> None:
    """Refuse a callback URL that is no plain http(s) URL, or outside what the environment allows.

    Allowed are the server's own pages and what lies at or below one of allowedCallbackUrls; with none of
    these any URL in dev (decision 42). common/invalid-parameters.
    """
    if isinstance(url, UnsetType):
        return
    if _place(url) is None:
        raise _refusal("must be an http or https URL without user name or spaces")
    if not is_allowed(call, url):
        raise _refusal("is not among this environment's allowed callback URLs")


def is_allowed(call: Call, url: str) -> bool:
    """Whether a link of this environment may lead to a URL."""
    place = _place(url)
    if place is None:
        return False
    allowed = call.settings.email.allowed_callback_urls
    if not allowed and call.env.type == "dev":
        return True
    own = [call.public_url] if call.public_url else []
    return any(_is_below(place, _place(each)) for each in (*allowed, *own))


def lies_below(url: str, allowed: str) -> bool:
    """Whether all that a URL allows is allowed by another one already."""
    place = _place(url)
    return place is not None and _is_below(place, _place(allowed))


def may_take_code(call: Call, url: str) -> bool:
    """Whether the hosted page may send a code to a URL.

    To an allowed one as it is written, without what lies below it (RFC 9700, section 2.1), or to any port of
    the browser's own machine by its address (RFC 8252, section 7.3).
    """
    place = _place(url)
    if place is None or "#" in url:
        return False
    scheme, host, _port = place.origin
    if scheme == "http" and host in ("127.0.0.1", "::1"):
        return True
    allowed = call.settings.email.allowed_callback_urls
    return url in allowed or (not allowed and call.env.type == "dev")


def is_base(url: str) -> bool:
    """Whether links can be made of a URL by adding a path to it."""
    return _place(url) is not None and not re.search("[?#]", url)


def require_redirect_uri(call: Call, url: str, own: str) -> None:
    """Refuse what no provider of this environment may send a browser to: common/invalid-parameters.

    own: the one of the provider's settings, to the letter; else as may_take_code.
    """
    if url != own and not may_take_code(call, url):
        reason = "must be the provider's redirect URI or one of this environment's allowed callback URLs"
        raise Failure("common/invalid-parameters", details={"redirectUri": [reason]})


def origin_of(url: str) -> str:
    """Scheme, host and port of a plain URL, as a Content-Security-Policy names them."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _place(url: str) -> _Place | None:
    """Where a plain URL leads; None for one that a browser may read otherwise."""
    if not _PLAIN.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    # Browsers resolve dots, so a path with them may lie elsewhere than it seems.
    if not parts.hostname or "@" in parts.netloc or _DOTS.search(parts.path):
        return None
    return _Place((parts.scheme, parts.hostname, port or _PORTS[parts.scheme]), parts.path)


def _is_below(place: _Place, allowed: _Place | None) -> bool:
    """Whether a URL is what is allowed or lies below it: the same origin, the path in whole segments."""
    if allowed is None or place.origin != allowed.origin:
        return False
    return place.path == allowed.path or f"{place.path}/".startswith(f"{allowed.path.rstrip('/')}/")


def _refusal(reason: str) -> Failure:
    return Failure("common/invalid-parameters", details={"callbackUrl": [reason]})
