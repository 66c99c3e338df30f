"""Flow: what an app asked of the hosted page, carried along in its address (x-page of the contract)."""

from __future__ import annotations

import re
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from msgspec import Struct

from bkendctl.contract import hosted as contract
from bkendctl.contract.accounts import TokenPair
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Operation
from bkendctl.core import hosted, pages
from bkendctl.core.call import Call
from bkendctl.core.callbacks import origin_of
from bkendctl.core.pages import Offer
from bkendctl.server.pages.visit import Sent, Shown, Visit, with_query

NAMES = ("client", "redirect_uri", "code_challenge", "code_challenge_method", "state", "link")
PROVIDERS = {"google": "Google", "github": "GitHub"}
STATE_LENGTH = 1024
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


class Refused(Exception):
    """What an app asked cannot be done; outcome tells the person or the app."""

    def __init__(self, outcome: Shown | Sent) -> None:
        self.outcome = outcome


class Flow(Struct):
    """client: the publishable key. state: the app's own, handed back as it came.

    link: a provider whose account is to be linked to who signs in, and then no code is given (decision 144).
    """

    client: str
    redirect_uri: str
    code_challenge: str
    code_challenge_method: str
    state: str
    link: str

    @property
    def link_name(self) -> str:
        """The provider to link, as it calls itself; empty where none is to be."""
        return PROVIDERS.get(self.link, "")

    @property
    def query(self) -> str:
        """The flow as the query of an address."""
        return urlencode({name: value for name in NAMES if (value := getattr(self, name))})

    @property
    def page(self) -> str:
        """Address of the hosted page."""
        return f"{contract.PAGE}?{self.query}"

    def provider_page(self, provider: str) -> str:
        """Where a sign-in with a provider begins."""
        return f"{contract.PAGE}/{provider}?{self.query}"

    @property
    def is_terminal(self) -> bool:
        """Whether a program on the browser's own machine waits (RFC 8252, section 7.3)."""
        return urlsplit(self.redirect_uri).hostname in ("127.0.0.1", "::1")

    @property
    def target(self) -> str:
        """Origin that the code is sent to."""
        return origin_of(self.redirect_uri)

    def back(self, **result: str) -> str:
        """Where a result is sent: code or error, and the app's state."""
        state = {"state": self.state} if self.state else {}
        return with_query(self.redirect_uri, **result, **state)

    def signed_in(self, call: Call, pair: TokenPair) -> Sent:
        """Send the browser back with a code for what a sign-in gave."""
        return Sent(self.back(code=hosted.give(call, pair, self.redirect_uri, self.code_challenge)))


class Entered(NamedTuple):
    """A flow, the call that begins in its environment, and what that offers."""

    flow: Flow
    call: Call
    offer: Offer


def enter(visit: Visit, operation: Operation[Any, Any], given: dict[str, str] | None = None) -> Entered:
    """Read the flow of a visit, or one given, and begin a call in the environment of its client.

    Nobody is sent to an address that is not allowed. Refused.
    """
    fields = visit.query | visit.form if given is None else given
    flow = Flow(**{name: fields.get(name, "") for name in NAMES})
    call = visit.begin(operation)
    try:
        offer = pages.enter_client(call, flow.client, flow.redirect_uri)
    except Failure as failure:
        if failure.status == 429:
            raise
        key = "signin.bad_redirect" if failure.details else "signin.bad_client"
        values = {"title": visit.language("error.title"), "text": visit.language(key), "is_problem": True}
        raise Refused(Shown(template="message", status=400, failure=failure, values=values)) from None
    if len(flow.state) > STATE_LENGTH:
        raise Refused(Sent(with_query(flow.redirect_uri, error="invalid_request"), status=302))
    if flow.code_challenge_method != "S256" or not _CHALLENGE.fullmatch(flow.code_challenge):
        raise Refused(Sent(flow.back(error="invalid_request"), status=302))
    return Entered(flow, call, offer)
