"""Where a sign-in on the pages ends: at the app with a code, or on to a provider that is to be linked."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

from bkendctl.contract.accounts import TokenPair
from bkendctl.contract.errors import Failure
from bkendctl.core import pages
from bkendctl.core.call import Call
from bkendctl.core.clock import MINUTE
from bkendctl.server.pages.flow import Flow
from bkendctl.server.pages.visit import Outcome, Shown, Visit

COOKIE = "bkendctl-link"
LINK_MS = 10 * MINUTE
"""As long as a state of a provider lives."""


def land(visit: Visit, flow: Flow, call: Call, pair: TokenPair) -> Outcome:
    """Go on with what a sign-in gave. To link, its access token is kept by the browser, sealed for us."""
    if not flow.link_name:
        return flow.signed_in(call, pair)
    email = pages.hold_session(call, pair, LINK_MS)
    visit.keep_browser()
    sealed = call.core.vault.seal(pair.access_token.encode(), _identity(visit))
    visit.kept[COOKIE] = urlsafe_b64encode(sealed).decode()
    # Whose account it is has to be seen: who is tricked into another's would link his own identity to it.
    values = {"flow": flow, "email": email, "address": f"/link/{flow.link}?{flow.query}"}
    return Shown(template="link", values=values)


def kept_token(visit: Visit) -> str:
    """The access token that the browser keeps. auth/invalid-token where it keeps none of ours."""
    try:
        sealed = urlsafe_b64decode(visit.cookies.get(COOKIE, "").encode("ascii"))
        return visit.core.vault.open(sealed, _identity(visit)).decode()
    except (ValueError, Failure):
        raise Failure("auth/invalid-token") from None


def _identity(visit: Visit) -> str:
    return f"pages/link/{visit.browser}"
