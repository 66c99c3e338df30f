"""What a user wants to be told."""

from __future__ import annotations

from typing import Any

import pytest

from bkendctl.contract import notifications
from bkendctl.contract.notifications import Notifications, SetNotifications
from bkendctl.contract.operation import Raw
from bkendctl.contract.users import UserId
from tests.conftest import World


def test_switches_keep_their_defaults_until_they_are_set(world: World) -> None:
    """A new user is told what matters and nothing that advertises; one switch leaves the others."""
    token = world.sign_up()
    mine = world.me(token).id
    fresh = world.call(notifications.SHOW, UserId(user_id=mine), token=token)
    assert fresh == Notifications(
        service=True,
        marketing=False,
        push=True,
        email=True,
        sms=False,
        night_time=False,
        security_alerts=True,
    )
    world.call(notifications.SET, SetNotifications(user_id=mine, push=False, night_time=True), token=token)
    world.call(notifications.SET, SetNotifications(user_id=mine, night_time=False), token=token)
    assert world.call(notifications.SHOW, UserId(user_id=mine), token=token) == Notifications(push=False)


@pytest.mark.parametrize("body", [{}, {"push": None}, {"push": "true"}, {"push": 1}, {"fax": True}])
def test_only_switches_are_taken(world: World, body: dict[str, Any]) -> None:
    """Nothing to change, null and what is no boolean answer 400."""
    user = world.make_user("bea@example.com")
    refusal = world.refused(notifications.SET, Raw(path={"userId": user.id}, body=body), key="sk")
    assert refusal.code == "common/invalid-parameters"
    assert world.call(notifications.SHOW, UserId(user_id=user.id), key="sk") == Notifications()
