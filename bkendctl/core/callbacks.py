"""Where links may send a browser: judged when asked, parsed as browsers parse."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from bkendctl.contract.errors import Failure
from bkendctl.core.call import Call

# Browsers drop tabs and line breaks, read a backslash as a slash and complete "https:evil" (WHATWG URL);
# urlsplit does none of that, so such URLs are refused rather than interpreted.
_PLAIN = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+(?:[/?#][!-\[\]-~]*)?")


def require_allowed(call: Call, url: str) -> None:
    """Refuse a callback URL that is no plain http(s) URL, and every one outside dev (decision 42).

    common/invalid-parameters.
    """
    parts = urlsplit(url) if _PLAIN.fullmatch(url) else None
    if parts is None or not parts.hostname or "@" in parts.netloc:
        reason = "must be an http or https URL without user name or spaces"
        raise Failure("common/invalid-parameters", details={"callbackUrl": [reason]})
    if call.env.type != "dev":
        reason = "is not among this environment's allowed callback URLs"
        raise Failure("common/invalid-parameters", details={"callbackUrl": [reason]})
