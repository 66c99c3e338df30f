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

from bkendctl.contract import accounts, magic_links, password_resets, verifications
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Operation
from bkendctl.core.call import Call
from bkendctl.core.clock import MINUTE
from bkendctl.core.settings import EmailSettings
from bkendctl.server.pages import flow as flows
from bkendctl.server.pages.flow import Flow
from bkendctl.server.pages.magic import ASKING
from bkendctl.server.pages.visit import Outcome, Shown, Visit

TICKET_MS = 5 * MINUTE
URL_LENGTH = 2048
"""Of a callback URL: where an app's own parts leave no room, no link can be mailed."""


class Ticket(Struct):
    """What waits for the second step."""

    client: str
    email: str
    password: str
    until: int


def show(visit: Visit) -> Outcome:
    """The page as it is opened."""
    try:
        flow, call, settings = flows.enter(visit, accounts.SIGN_IN)
    except flows.Refused as refused:
        return refused.outcome
    return _form(visit, flow, call, settings)


def act(visit: Visit) -> Outcome:
    """Do what was pressed."""
    does = _ACTIONS.get(visit.field("action"), _by_password)
    try:
        flow, call, settings = flows.enter(visit, _OPERATIONS.get(does, accounts.SIGN_IN))
    except flows.Refused as refused:
        return refused.outcome
    is_late = bool(visit.form.get("ticket")) and _opened(visit, flow, call) is None
    if is_late or not _is_own_form(visit):
        return _form(visit, flow, call, settings, says="signin.stale", status=403)
    try:
        return does(visit, flow, call)
    except Failure as failure:
        return _form(visit, flow, call, settings, failure)


def _by_password(visit: Visit, flow: Flow, call: Call) -> Outcome:
    ticket = _opened(visit, flow, call)
    code = visit.field("mfaCode").strip()
    email = ticket.email if ticket is not None else visit.field("email").strip()
    password = ticket.password if ticket is not None else visit.field("password")
    body = {"email": email, "password": password} | ({"mfaCode": code} if code else {})
    try:
        pair = visit.ask(call, **body)
    except Failure as failure:
        is_about_code = failure.code == "common/invalid-parameters" and set(failure.details or ()) == {
            "mfaCode"
        }
        if failure.code not in ASKING and not is_about_code:
            raise
        return _second_step(visit, flow, call, body, failure)
    return flow.signed_in(call, pair)


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


_ACTIONS = {"link": _by_link, "forgot": _forgotten, "resend": _unconfirmed}
_OPERATIONS: dict[Any, Operation[Any, Any]] = {
    _forgotten: password_resets.REQUEST,
    _unconfirmed: verifications.RESEND_SIGN_UP,
}


def _form(
    visit: Visit,
    flow: Flow,
    call: Call,
    settings: EmailSettings,
    failure: Failure | None = None,
    *,
    says: str = "",
    status: int = 200,
) -> Shown:
    """The first step. failure: why what was tried did not do; what was typed stays, but for the password."""
    if failure is not None and failure.code == "common/invalid-parameters":
        says = "signin.missing"
    link = _callback_url(call, flow)
    values = {
        "flow": flow,
        "email": visit.field("email"),
        "csrf": _token(visit),
        "by_password": settings.enabled,
        "by_link": settings.enabled and settings.magic_link_enabled and bool(link),
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


def _second_step(visit: Visit, flow: Flow, call: Call, body: dict[str, str], failure: Failure) -> Shown:
    is_first = failure.code == "auth/mfa-required"
    if failure.code == "common/invalid-parameters":
        failure = Failure("auth/invalid-mfa-code")
    ticket = Ticket(flow.client, body["email"], body["password"], call.now + TICKET_MS)
    sealed = call.core.vault.seal(msgspec.json.encode(ticket), _identity(visit))
    hidden = {"csrf": _token(visit), "ticket": urlsafe_b64encode(sealed).decode()}
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
    visit.sets_cookie = True
    return visit.core.vault.keyed_hash("page-form", visit.browser)


def _is_own_form(visit: Visit) -> bool:
    """Whether a form was made for the browser that posts it: a foreign page knows no such token (CSRF)."""
    return visit.has_cookie and hmac.compare_digest(
        visit.form.get("csrf", "").encode(), _token(visit).encode()
    )
