"""The hosted sign-in page: password, mailed link, second step; ends with a code for the app that asked.

A form is good for the browser that was given it (a cookie and its keyed hash). The password waits for the
second step encrypted in the form, bound to the browser and for five minutes: nothing is stored meanwhile.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import msgspec
from msgspec import Struct

from bkendctl.contract import accounts, magic_links, oauth, password_resets, verifications
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Operation
from bkendctl.core.call import Call
from bkendctl.core.clock import MINUTE
from bkendctl.server.pages import flow as flows
from bkendctl.server.pages.flow import Entered, Flow
from bkendctl.server.pages.landing import land
from bkendctl.server.pages.magic import ASKING
from bkendctl.server.pages.visit import Outcome, Shown, Visit

TICKET_MS = 5 * MINUTE
URL_LENGTH = 2048
"""Of a callback URL: where an app's own parts leave no room, no link can be mailed."""


class Ticket(Struct):
    """What waits for the second step: the fields that signed in so far, by password, or with a provider."""

    client: str
    given: dict[str, str]
    until: int
    provider: str = ""


def show(visit: Visit) -> Outcome:
    """The page as it is opened."""
    try:
        return form(visit, flows.enter(visit, accounts.SIGN_IN))
    except flows.Refused as refused:
        return refused.outcome


def act(visit: Visit) -> Outcome:
    """Do what was pressed."""
    does = _ACTIONS.get(visit.field("action"), _by_password)
    try:
        entered = flows.enter(visit, _OPERATIONS.get(does, accounts.SIGN_IN))
    except flows.Refused as refused:
        return refused.outcome
    flow, call, _offer = entered
    is_late = bool(visit.form.get("ticket")) and _opened(visit, flow, call) is None
    if is_late or not _is_own_form(visit):
        return form(visit, entered, says="signin.stale", status=403)
    try:
        return does(visit, flow, call)
    except Failure as failure:
        return form(visit, entered, failure)


def _by_password(visit: Visit, flow: Flow, call: Call) -> Outcome:
    ticket = _opened(visit, flow, call)
    if ticket is None or ticket.provider:
        typed = {"email": visit.field("email").strip(), "password": visit.field("password")}
        ticket = Ticket(flow.client, typed, call.now + TICKET_MS)
    return _sign_in(visit, flow, call, ticket)


def _by_provider(visit: Visit, flow: Flow, call: Call) -> Outcome:
    """The second step after a provider's word, which was kept for it (decision 44)."""
    ticket = _opened(visit, flow, call)
    if ticket is None or not ticket.provider:
        raise Failure("common/invalid-parameters")
    return _sign_in(visit, flow, call, ticket)


def _sign_in(visit: Visit, flow: Flow, call: Call, ticket: Ticket) -> Outcome:
    code = visit.field("mfaCode").strip()
    path = {"provider": ticket.provider} if ticket.provider else {}
    try:
        pair = visit.ask(call, path, **ticket.given, **({"mfaCode": code} if code else {}))
    except Failure as failure:
        if failure.code not in ASKING and set(failure.details or ()) != {"mfaCode"}:
            raise
        return second_step(visit, flow, call, ticket, failure)
    return land(visit, flow, call, pair)


def _by_link(visit: Visit, flow: Flow, call: Call) -> Outcome:
    email = visit.field("email").strip()
    visit.ask(call, method="magiclink", email=email, callbackUrl=_callback_url(call, flow))
    return _mailed(visit, flow, "signin.mailed_link", email)


def _forgotten(visit: Visit, flow: Flow, call: Call) -> Outcome:
    email = visit.field("email").strip()
    visit.ask(call, email=email)
    return _mailed(visit, flow, "signin.mailed_reset", email)


def _unconfirmed(visit: Visit, flow: Flow, call: Call) -> Outcome:
    email = visit.field("email").strip()
    visit.ask(call, email=email)
    return _mailed(visit, flow, "signin.mailed_confirmation", email)


_ACTIONS = {"provider": _by_provider, "link": _by_link, "forgot": _forgotten, "resend": _unconfirmed}
_OPERATIONS: dict[Any, Operation[Any, Any]] = {
    _by_provider: oauth.COMPLETE,
    _forgotten: password_resets.REQUEST,
    _unconfirmed: verifications.RESEND_SIGN_UP,
}


def form(
    visit: Visit, entered: Entered, failure: Failure | None = None, *, says: str = "", status: int = 200
) -> Shown:
    """The first step. failure: why what was tried did not do; what was typed stays, but for the password."""
    if failure is not None and failure.code == "common/invalid-parameters":
        says = "signin.missing"
    flow, call, offer = entered
    by_link = offer.email.enabled and offer.email.magic_link_enabled and _callback_url(call, flow)
    values = {
        "flow": flow,
        "email": visit.field("email"),
        "csrf": _token(visit),
        "by_password": offer.email.enabled,
        "by_link": bool(by_link),
        "providers": [(flows.PROVIDERS[name], flow.provider_page(name)) for name in offer.providers],
        "is_unconfirmed": failure is not None and failure.code == "auth/email-not-verified",
    }
    status = failure.status if failure is not None else status
    return Shown(
        template="sign_in",
        values=values,
        status=status or 503,
        failure=failure,
        says=says,
        targets=(flow.target,),
    )


def second_step(visit: Visit, flow: Flow, call: Call, ticket: Ticket, failure: Failure) -> Shown:
    """Ask for the second factor; failure: why what came was not enough."""
    is_first = failure.code == "auth/mfa-required"
    if failure.code == "common/invalid-parameters":
        failure = Failure("auth/invalid-mfa-code")
    sealed = call.core.vault.seal(msgspec.json.encode(ticket), _identity(visit))
    hidden = {"csrf": _token(visit), "ticket": urlsafe_b64encode(sealed).decode()}
    hidden |= {"action": "provider"} if ticket.provider else {}
    return Shown(
        template="second_step",
        status=200 if is_first else failure.status,
        failure=None if is_first else failure,
        values={"action": flow.page, "hidden": hidden, "flow": flow},
        targets=(flow.target,),
    )


def _opened(visit: Visit, flow: Flow, call: Call) -> Ticket | None:
    """What the form brought from the first step; None where it brought nothing that is still good."""
    text = visit.form.get("ticket", "")
    try:
        sealed = urlsafe_b64decode(text.encode("ascii"))
        ticket = msgspec.json.decode(call.core.vault.open(sealed, _identity(visit)), type=Ticket)
    except (ValueError, Failure):
        return None
    return ticket if ticket.client == flow.client and call.now < ticket.until else None


def _mailed(visit: Visit, flow: Flow, key: str, email: str) -> Shown:
    values = {"flow": flow, "text": visit.language(key, email=email)}
    return Shown(template="mailed", values=values)


def _callback_url(call: Call, flow: Flow) -> str:
    """Where a mailed link leads: to our own page, with the flow. Empty where there is none or no room."""
    if call.public_url is None:
        return ""
    url = f"{call.public_url}{magic_links.PAGE}?{flow.query}"
    return url if len(url) <= URL_LENGTH else ""


def _identity(visit: Visit) -> str:
    return f"pages/sign-in/{visit.browser}"


def _token(visit: Visit) -> str:
    """The hidden token of a form; gives the browser its cookie."""
    visit.keep_browser()
    return visit.core.vault.keyed_hash("page-form", visit.browser)


def _is_own_form(visit: Visit) -> bool:
    """Whether a form was made for the browser that posts it: a foreign page knows no such token (CSRF)."""
    return visit.has_cookie and hmac.compare_digest(
        visit.form.get("csrf", "").encode(), _token(visit).encode()
    )
