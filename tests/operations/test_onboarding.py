"""How far a user is in the first run of an app."""

from __future__ import annotations

from typing import Any

import pytest

from bkendctl.contract import onboarding
from bkendctl.contract.onboarding import Onboarding, SetOnboarding
from bkendctl.contract.operation import Raw
from bkendctl.contract.users import UserId
from bkendctl.core.clock import SECOND, wire
from tests.conftest import World

FRESH = Onboarding(onboarding_status="pending", current_step=None, completed_steps=[], completed_at=None)


def test_completion_is_dated_once_and_undone_with_the_status(world: World) -> None:
    """completedAt is when the status became completed, and null while it is another."""
    token = world.sign_up()
    mine = world.me(token).id

    def after(**fields: Any) -> Onboarding:
        found: Onboarding = world.call(onboarding.SET, SetOnboarding(user_id=mine, **fields), token=token)
        return found

    assert world.call(onboarding.SHOW, UserId(user_id=mine), token=token) == FRESH
    assert after(onboarding_status="in_progress", current_step="team").completed_at is None
    assert after(completed_steps=["name", "team"]).current_step == "team"
    done = after(onboarding_status="completed", current_step=None)
    assert (done.completed_steps, done.completed_at) == (["name", "team"], wire(world.clock.now()))
    assert world.me(token).onboarding_status == "completed"
    world.clock.advance(SECOND)
    assert after(onboarding_status="completed").completed_at == done.completed_at
    assert after(onboarding_status="skipped").completed_at is None
    assert after(onboarding_status="completed").completed_at == wire(world.clock.now())


@pytest.mark.parametrize(
    ("body", "faulty"),
    [
        ({}, ""),
        ({"completedAt": "2026-01-01T00:00:00Z"}, ""),
        ({"onboardingStatus": None}, "onboardingStatus"),
        ({"onboardingStatus": "done"}, "onboardingStatus"),
        ({"currentStep": "x" * 101}, "currentStep"),
        ({"completedSteps": None}, "completedSteps"),
        ({"completedSteps": ["a", "b", "a"]}, "completedSteps"),
        ({"completedSteps": [str(number) for number in range(51)]}, "completedSteps"),
        ({"completedSteps": ["a", "x" * 101]}, "completedSteps.1"),
    ],
)
def test_faulty_progress_is_refused_by_name(world: World, body: dict[str, Any], faulty: str) -> None:
    """Each limit of the contract holds, and nothing has changed."""
    user = world.make_user("bea@example.com")
    refusal = world.refused(onboarding.SET, Raw(path={"userId": user.id}, body=body), key="sk")
    assert (refusal.code, list(refusal.details or {})) == ("common/invalid-parameters", [faulty])
    assert world.call(onboarding.SHOW, UserId(user_id=user.id), key="sk") == FRESH
