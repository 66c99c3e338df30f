"""Signing in with a provider from the hosted page: there, and back.

What the page goes on with is kept in a cookie meanwhile; the state at the provider holds its fingerprint.
"""

from __future__ import annotations

from hmac import compare_digest
from urllib.parse import parse_qsl

from bkendctl.contract import linked_accounts, sessions
from bkendctl.contract import oauth as contract
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Raw
from bkendctl.core import oauth, pages
from bkendctl.core.crypto import fingerprint
from bkendctl.core.dispatch import answer
from bkendctl.core.oauth_states import State
from bkendctl.server.pages import flow as flows
from bkendctl.server.pages import signing_in
from bkendctl.server.pages.flow import Entered
from bkendctl.server.pages.landing import kept_token, land
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
    return _away(visit, entered, None)


def begin_link(visit: Visit) -> Outcome:
    """Send a browser that just signed in to a provider, to link what it comes back with (decision 144)."""
    try:
        entered = flows.enter(visit, contract.PROVIDERS)
        session = pages.session_of(entered.call, kept_token(visit))
    except flows.Refused as refused:
        return refused.outcome
    except Failure:
        return signing_in.form(visit, entered, says="signin.stale", status=403)
    return _away(visit, entered, session)


def _away(visit: Visit, entered: Entered, session: str | None) -> Outcome:
    query = entered.flow.query
    try:
        address = oauth.begin(entered.call, visit.path["provider"], fingerprint(query), session)
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
    if state.purpose == "link":
        return _linked(visit, entered, provider, state)
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
    return land(visit, flow, call, pair)


def _linked(visit: Visit, entered: Entered, provider: str, state: State) -> Outcome:
    """Link to whom the browser's kept token is of, end that session, and tell the app by linked or error."""
    flow = entered.flow
    call = visit.begin(linked_accounts.LINK)
    try:
        if not oauth.is_browser_of(call, state):
            raise Failure("auth/invalid-token", "The state is not this browser's.")
        headers = {"x-api-key": flow.client, "authorization": f"Bearer {kept_token(visit)}"}
        proof = {
            "provider": provider,
            "code": visit.query.get("code", ""),
            "state": visit.query["state"],
            "redirectUri": pages.own_redirect_uri(entered.call, provider),
        }
        answer(call, Raw(headers=headers, body=proof))
        answer(visit.begin(sessions.SIGN_OUT), Raw(headers=headers))
    except Failure as failure:
        return Sent(flow.back(error=failure.code))
    return Sent(flow.back(linked=provider))


def _cookie(flow_hash: str) -> str:
    return COOKIE + flow_hash[:16]
