"""Signing in with a provider from the hosted page: there, and back.

What the page goes on with is kept in a cookie meanwhile; the state at the provider holds its fingerprint.
"""

from __future__ import annotations

from hmac import compare_digest
from urllib.parse import parse_qsl

from bkendctl.contract import oauth as contract
from bkendctl.contract.errors import Failure
from bkendctl.core import oauth, pages
from bkendctl.core.crypto import fingerprint
from bkendctl.server.pages import flow as flows
from bkendctl.server.pages import signing_in
from bkendctl.server.pages.flow import Entered
from bkendctl.server.pages.signing_in import TICKET_MS, Ticket
from bkendctl.server.pages.visit import Outcome, Sent, Visit

COOKIE = "bkendctl-flow-"
CANCELLED = "access_denied"


def begin(visit: Visit) -> Outcome:
    """Send the browser to a provider. A link may: nothing is stored, and only who asked gets the code."""
    try:
        entered = flows.enter(visit, contract.PROVIDERS)
    except flows.Refused as refused:
        return refused.outcome
    query = entered.flow.query
    try:
        address = oauth.begin(entered.call, visit.path["provider"], fingerprint(query))
    except Failure as failure:
        return signing_in.form(visit, entered, failure)
    visit.kept[_cookie(fingerprint(query))] = query
    return Sent(address, status=302)


def back(visit: Visit) -> Outcome:
    """Sign in with what a provider says, and send the browser back to the app with a code.

    auth/invalid-token where it is another browser that was sent there.
    """
    provider, text = visit.path["provider"], visit.query.get("state", "")
    state = pages.returning(visit.core, text)
    flow_hash = (state.flow or "") if state is not None else ""
    query = visit.cookies.get(_cookie(flow_hash), "")
    if state is None or not compare_digest(fingerprint(query), flow_hash):
        raise Failure("auth/invalid-token", "The state is not this browser's.")
    try:
        entered = flows.enter(visit, contract.PROVIDERS, dict(parse_qsl(query)))
    except flows.Refused as refused:
        return refused.outcome
    if state.environment_id != entered.call.environment_id:
        raise Failure("auth/invalid-token", "The state was minted for something else.")
    if "error" in visit.query:
        says = "signin.cancelled" if visit.query["error"] == CANCELLED else "error.auth/oauth-callback-failed"
        return signing_in.form(visit, entered, says=says)
    try:
        return _signed_in(visit, entered, provider, text)
    except Failure as failure:
        return signing_in.form(visit, entered, failure)


def _signed_in(visit: Visit, entered: Entered, provider: str, state: str) -> Outcome:
    flow, offered = entered.flow, entered.call
    code = visit.query.get("code", "")
    call = visit.begin(contract.COMPLETE_REDIRECT)
    try:
        pair = visit.look_up(call, {"provider": provider}, code=code, state=state)
    except Failure as failure:
        if failure.code != "auth/mfa-required":
            raise
        given = {"code": code, "redirectUri": pages.own_redirect_uri(offered, provider)}
        ticket = Ticket(flow.client, given, offered.now + TICKET_MS, provider)
        return signing_in.second_step(visit, flow, offered, ticket, failure)
    return flow.signed_in(call, pair)


def _cookie(flow_hash: str) -> str:
    return COOKIE + flow_hash[:16]
