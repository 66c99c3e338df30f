"""How far a user is in the first run of an app."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from bkendctl.contract.fields import OnboardingStatus, Timestamp
from bkendctl.contract.operation import Access, Body, Operation
from bkendctl.contract.users import UserId

Step = Annotated[str, Meta(max_length=100, description="at most 100 characters")]
Steps = Annotated[list[Step], Meta(max_length=50, description="at most 50 steps of at most 100 characters")]


class Onboarding(Body, kw_only=True):
    """completed_at: when the status became completed, null while it is another. Steps: labels of the app."""

    onboarding_status: OnboardingStatus
    current_step: str | None
    completed_steps: list[str]
    completed_at: Timestamp | None


class SetOnboarding(UserId, kw_only=True):
    """Only given fields change; a null current_step clears it. completed_steps: all of them, none twice."""

    onboarding_status: OnboardingStatus | UnsetType = UNSET
    current_step: Step | UnsetType | None = UNSET
    completed_steps: Steps | UnsetType = UNSET


SHOW = Operation(
    name="onboarding.show",
    operation_id="get_onboarding",
    method="GET",
    path="/v1/users/{userId}/onboarding",
    summary="Read first-run progress",
    access=Access.SELF_OR_ADMIN,
    scope="users:read",
    request=UserId,
    response=Onboarding,
    errors=("user/not-found",),
)

SET = Operation(
    name="onboarding.set",
    operation_id="update_onboarding",
    method="PATCH",
    path="/v1/users/{userId}/onboarding",
    summary="Change first-run progress",
    access=Access.SELF_OR_ADMIN,
    scope="users:update",
    request=SetOnboarding,
    response=Onboarding,
    errors=("user/not-found",),
)
