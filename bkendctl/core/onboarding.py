"""How far a user is in the first run of an app. The column holds the answer, its instant in milliseconds."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from bkendctl.contract import onboarding as contract
from bkendctl.contract.errors import Failure
from bkendctl.contract.users import UserId
from bkendctl.core import users
from bkendctl.core.call import Call
from bkendctl.core.clock import wire
from bkendctl.core.decoding import require_fields
from bkendctl.core.dispatch import handles

_NOTHING_YET: dict[str, Any] = {
    "onboardingStatus": "pending",
    "currentStep": None,
    "completedSteps": [],
    "completedAt": None,
}
_COLUMN_NAMES = {
    "onboarding_status": "onboardingStatus",
    "current_step": "currentStep",
    "completed_steps": "completedSteps",
}


@handles(contract.SHOW)
def show(call: Call, request: UserId) -> contract.Onboarding:
    """How far a user is. user/not-found."""
    return _shown(users.by_id(call, request.user_id))


@handles(contract.SET)
def set_onboarding(call: Call, request: contract.SetOnboarding) -> contract.Onboarding:
    """Change what is named; the time of completion follows the status. user/not-found."""
    named = require_fields(request, *_COLUMN_NAMES)
    steps = named.get("completed_steps", ())
    if len(set(steps)) < len(steps):
        raise Failure("common/invalid-parameters", details={"completedSteps": ["must not name a step twice"]})
    user = users.by_id(call, request.user_id)
    before = user.onboarding or _NOTHING_YET
    after = before | {_COLUMN_NAMES[name]: value for name, value in named.items()}
    if after["onboardingStatus"] != "completed":
        after["completedAt"] = None
    elif after["completedAt"] is None:
        after["completedAt"] = call.now
    call.about("user", user.id, before=_status(before), after=_status(after))
    return _shown(users.rewritten(call, user, onboarding=after))


def _status(stored: dict[str, Any]) -> dict[str, Any]:
    """What the audit tells: an app's labels are long and its own business."""
    return {"onboardingStatus": stored["onboardingStatus"]}


def _shown(user: Row[Any]) -> contract.Onboarding:
    stored = user.onboarding or _NOTHING_YET
    return contract.Onboarding(
        onboarding_status=stored["onboardingStatus"],
        current_step=stored["currentStep"],
        completed_steps=stored["completedSteps"],
        completed_at=wire(stored["completedAt"]),
    )
