"""The pages behind mailed links. Showing one changes nothing, so scanners may; its button does (T093).

What is posted is bound to the mailed token, which nobody else can put into a form.
"""

from __future__ import annotations

from typing import Any

from bkendctl.contract import accounts, invitations, password_resets, verifications
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Operation
from bkendctl.core import mail_tokens, pages
from bkendctl.core.call import Call
from bkendctl.core.clock import datetime_of
from bkendctl.core.passwords import broken_rules, rules_of
from bkendctl.server.pages.visit import Outcome, Sent, Shown, Visit, with_query


def refused(visit: Visit, failure: Failure) -> Shown:
    """The page of a link that cannot be followed, or of anything else that leaves nothing to do."""
    title, text = visit.language.of_link(failure)
    return Shown(
        template="message",
        status=failure.status or 503,
        failure=failure,
        values={"title": title, "text": text, "is_problem": True},
    )


def _enter(visit: Visit, operation: Operation[Any, Any], kind: str) -> Call:
    call = visit.begin(operation)
    behind = pages.enter(call, kind, visit.field("token"), visit.field("email"), mail_tokens.OF_PROOFS)
    visit.speak(behind.locale)
    return call


def _link_of(visit: Visit) -> dict[str, str]:
    return {"token": visit.field("token"), "email": visit.field("email")}


# Proof of an address


def show_sign_up(visit: Visit) -> Outcome:
    """Ask whether the address of a sign-up is to be confirmed (decision 133)."""
    _enter(visit, accounts.CONFIRM_SIGN_UP, mail_tokens.SIGN_UP)
    return _confirmation(visit, "/sign-up/confirm", "confirm.signup")


def confirm_sign_up(visit: Visit) -> Outcome:
    """Confirm it."""
    call = _enter(visit, accounts.CONFIRM_SIGN_UP, mail_tokens.SIGN_UP)
    visit.look_up(call, **_link_of(visit))
    return _done(visit, "confirm.done")


def redirect_sign_up(visit: Visit) -> Outcome:
    """Confirm it, and tell the app by a redirect how that went (decision 57).

    Refused, not redirected, where the callback URL is not allowed or no environment is known to say so.
    """
    call = visit.begin(accounts.CONFIRM_SIGN_UP)
    target = visit.field("callbackUrl")
    result = {"verified": "true", "email": visit.field("email")}
    names = visit.fields.keys() & {"token", "email", "callbackUrl"}
    try:
        visit.look_up(call, **{name: visit.field(name) for name in names})
    except Failure as failure:
        if not pages.may_lead_to(call, target):
            raise
        result |= {"verified": "false", "error": failure.code}
    return Sent(with_query(target, **result), status=302)


def show_verification(visit: Visit) -> Outcome:
    """Ask whether an address is to be confirmed."""
    _enter(visit, verifications.CONFIRM, mail_tokens.VERIFICATION)
    return _confirmation(visit, "/email/verify", "confirm.verify")


def verify(visit: Visit) -> Outcome:
    """Confirm it."""
    call = _enter(visit, verifications.CONFIRM, mail_tokens.VERIFICATION)
    visit.ask(call, **_link_of(visit))
    return _done(visit, "confirm.done")


def _confirmation(visit: Visit, action: str, text: str) -> Shown:
    return Shown(
        template="confirm",
        values={
            "title": visit.language("confirm.title"),
            "text": visit.language(text, email=visit.field("email")),
            "action": action,
            "hidden": _link_of(visit),
        },
    )


def _done(visit: Visit, title: str, text: str = "close") -> Shown:
    values = {"title": visit.language(title), "text": visit.language(text), "is_problem": False}
    return Shown(template="message", values=values)


# A new password


def show_reset(visit: Visit) -> Outcome:
    """Ask for a new password, with the rules it has to follow."""
    return _reset_form(visit, _enter(visit, password_resets.CONFIRM, mail_tokens.RESET))


def reset(visit: Visit) -> Outcome:
    """Set the password; what is wrong with it is told beside the field, and the link stays good."""
    call = _enter(visit, password_resets.CONFIRM, mail_tokens.RESET)
    password = visit.field("newPassword")
    if password != visit.field("repeat"):
        return _reset_form(visit, call, differ=True)
    try:
        visit.ask(call, newPassword=password, **_link_of(visit))
    except Failure as failure:
        if failure.status not in (400, 429):
            raise
        return _reset_form(visit, call, failure)
    return _done(visit, "reset.done", "reset.then")


def _reset_form(visit: Visit, call: Call, failure: Failure | None = None, *, differ: bool = False) -> Shown:
    policy = pages.password_policy(call)
    broken = broken_rules(visit.field("newPassword"), policy) if failure is not None else []
    rules = [
        (visit.language(f"reset.rule.{name}", number=number), name in broken)
        for name, number in rules_of(policy).items()
        if name != "max_length" or name in broken
    ]
    status = failure.status if failure is not None else 400 if differ else 200
    values = {"hidden": _link_of(visit), "rules": rules, "email": visit.field("email")}
    says = "reset.differ" if differ else ""
    return Shown(template="reset", values=values, status=status, failure=failure, says=says)


# An invitation


def show_invitation(visit: Visit) -> Outcome:
    """Tell who invites to what, and ask for the answer."""
    row = pages.enter_invitation(visit.begin(invitations.ACCEPT), visit.field("token"), visit.field("email"))
    until = datetime_of(row.expires_at)
    return Shown(
        template="invitation",
        values={
            "row": row,
            "until": f"{until:%Y-%m-%d %H:%M} UTC",
            "role": visit.language(f"role.{row.resource_role}"),
            "hidden": _link_of(visit),
        },
    )


def answer_invitation(visit: Visit) -> Outcome:
    """Accept or decline it."""
    is_accepted = visit.field("answer") == "accept"
    call = visit.begin(invitations.ACCEPT if is_accepted else invitations.REJECT)
    row = pages.enter_invitation(call, visit.field("token"), visit.field("email"))
    given = visit.ask(call, **_link_of(visit))
    if not is_accepted:
        return _done(visit, "invitation.declined")
    title, text = visit.language("invitation.accepted", resource=row.resource_name), visit.language("close")
    if given.membership_pending:
        title = visit.language("invitation.pending")
        text = visit.language("invitation.pending_text", email=row.email, resource=row.resource_name)
    return Shown(template="message", values={"title": title, "text": text, "is_problem": False})
