"""The page behind a magic link that leads here: signs in where an app or a terminal waits for it.

Without one there is nobody to give a session to: then it shows the token, to be pasted.
"""

from __future__ import annotations

from bkendctl.contract import magic_links
from bkendctl.contract.errors import Failure
from bkendctl.core import mail_tokens, pages
from bkendctl.core.call import Call
from bkendctl.core.magic_links import REFUSALS
from bkendctl.server.pages import flow as flows
from bkendctl.server.pages.flow import Flow
from bkendctl.server.pages.landing import land
from bkendctl.server.pages.visit import Outcome, Shown, Visit

ASKING = ("auth/mfa-required", "auth/invalid-mfa-code", "auth/mfa-backup-codes-exhausted")
"""What a second factor, or another one, mends."""


def show(visit: Visit) -> Outcome:
    """Ask whether to sign in; uses nothing up."""
    token = visit.field("token")
    if "client" not in visit.query:
        call = visit.begin(magic_links.COMPLETE)
        behind = pages.enter(call, mail_tokens.MAGIC_LINK, token, None, REFUSALS)
        visit.speak(behind.locale)
        return Shown(template="magic_token", values={"email": behind.email, "token": token})
    try:
        flow, call, _offer = flows.enter(visit, magic_links.COMPLETE)
    except flows.Refused as refused:
        return refused.outcome
    return _button(visit, flow, call)


def sign_in(visit: Visit) -> Outcome:
    """Sign in and send the browser on; asks for a second factor first where one is wanted."""
    try:
        flow, call, _offer = flows.enter(visit, magic_links.COMPLETE)
    except flows.Refused as refused:
        return refused.outcome
    code = visit.field("mfaCode").strip()
    try:
        pair = visit.ask(call, token=visit.field("token"), **({"mfaCode": code} if code else {}))
    except Failure as failure:
        if failure.code not in ASKING and not (failure.code == "common/invalid-parameters" and code):
            raise
        return _second_step(visit, flow, failure)
    return land(visit, flow, call, pair)


def _button(visit: Visit, flow: Flow, call: Call) -> Shown:
    token = visit.field("token")
    behind = pages.enter(call, mail_tokens.MAGIC_LINK, token, None, REFUSALS)
    visit.speak(behind.locale)
    values = {"email": behind.email, "token": token, "hidden": _hidden(visit, flow), "flow": flow}
    return Shown(template="magic_link", values=values, targets=(flow.target,))


def _second_step(visit: Visit, flow: Flow, failure: Failure) -> Shown:
    is_first = failure.code == "auth/mfa-required"
    if failure.code == "common/invalid-parameters":
        failure = Failure("auth/invalid-mfa-code")
    return Shown(
        template="second_step",
        status=200 if is_first else failure.status,
        failure=None if is_first else failure,
        values={"action": magic_links.PAGE, "hidden": _hidden(visit, flow), "flow": flow},
        targets=(flow.target,),
    )


def _hidden(visit: Visit, flow: Flow) -> dict[str, str]:
    given = {name: getattr(flow, name) for name in flows.NAMES if getattr(flow, name)}
    return given | {"token": visit.field("token")}
