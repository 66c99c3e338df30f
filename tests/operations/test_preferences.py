"""Language, time zone and theme of a user."""

from __future__ import annotations

import pytest

from bkendctl.contract import preferences
from bkendctl.contract.preferences import Preferences, SetPreferences
from bkendctl.contract.users import UserId
from tests.conftest import World


def test_a_change_keeps_what_is_not_named_and_null_clears(world: World) -> None:
    """All is null at first (decision 99); absent fields stay, null clears one."""
    token = world.sign_up()
    mine = world.me(token).id
    read = world.call(preferences.SHOW, UserId(user_id=mine), token=token)
    assert read == Preferences(locale=None, timezone=None, theme=None)
    wanted = SetPreferences(user_id=mine, locale="en-GB", theme="dark")
    world.call(preferences.SET, wanted, token=token)
    world.call(preferences.SET, SetPreferences(user_id=mine, theme=None), token=token)
    read = world.call(preferences.SHOW, UserId(user_id=mine), token=token)
    assert read == Preferences(locale="en-GB", timezone=None, theme=None)


@pytest.mark.parametrize("fields", [{}, {"locale": "e"}, {"timezone": "x" * 65}, {"theme": "red"}])
def test_faulty_preferences_are_refused(world: World, fields: dict[str, str]) -> None:
    """Nothing to change, and what breaks a limit, answers 400."""
    other = world.make_user("bea@example.com")
    refusal = world.refused(preferences.SET, SetPreferences(user_id=other.id, **fields), key="sk")
    assert refusal.code == "common/invalid-parameters"


def test_others_neither_read_nor_change(world: World) -> None:
    """Another user's preferences answer 403 and stay as they are (T104)."""
    other = world.make_user("bea@example.com")
    token = world.sign_up()
    wanted = SetPreferences(user_id=other.id, theme="dark")
    assert world.refused(preferences.SHOW, UserId(user_id=other.id), token=token).code == "user/forbidden"
    assert world.refused(preferences.SET, wanted, token=token).code == "user/forbidden"
    assert world.call(preferences.SHOW, UserId(user_id=other.id), key="sk").theme is None
