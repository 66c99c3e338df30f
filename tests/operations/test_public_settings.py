"""Whether others see a user's profile, and under which slug."""

from __future__ import annotations

from typing import Any

import pytest

from bkendctl.contract import public_settings, users
from bkendctl.contract.operation import Raw
from bkendctl.contract.public_settings import PublicSettings, SetPublicSettings
from bkendctl.contract.users import UserId
from tests.conftest import World, at_once


def settings_after(world: World, user_id: str, **fields: Any) -> PublicSettings:
    """Change settings as an admin."""
    wanted = SetPublicSettings(user_id=user_id, **fields)
    found: PublicSettings = world.call(public_settings.SET, wanted, key="sk")
    return found


def test_a_profile_is_private_and_without_slug_at_first(world: World) -> None:
    """Switch and slug change one by one; a null slug frees it."""
    token = world.sign_up()
    mine = UserId(user_id=world.me(token).id)
    assert world.call(public_settings.SHOW, mine, token=token) == PublicSettings(slug=None, is_public=False)
    own = SetPublicSettings(user_id=mine.user_id, slug="alice-1")
    world.call(public_settings.SET, own, token=token)
    own = SetPublicSettings(user_id=mine.user_id, is_public=True)
    assert world.call(public_settings.SET, own, token=token) == PublicSettings(slug="alice-1", is_public=True)
    own = SetPublicSettings(user_id=mine.user_id, slug=None)
    assert world.call(public_settings.SET, own, token=token) == PublicSettings(slug=None, is_public=True)


@pytest.mark.parametrize(
    "body",
    [{}, {"slug": "ab"}, {"slug": "a" * 51}, {"slug": "Alice"}, {"slug": "-ab"}, {"slug": "ab-"},
     {"slug": "abc\n"}, {"slug": ""}, {"slug": "a/b"}, {"isPublic": None}, {"isPublic": "yes"}],
)  # fmt: skip
def test_faulty_settings_are_refused(world: World, body: dict[str, Any]) -> None:
    """What breaks the form of a slug, and what is no boolean, answers 400 (decision 97)."""
    user = world.make_user("bea@example.com")
    refusal = world.refused(public_settings.SET, Raw(path={"userId": user.id}, body=body), key="sk")
    assert refusal.code == "common/invalid-parameters"


def test_a_slug_is_of_one_user_of_the_environment(world: World) -> None:
    """A second taker gets 409 and keeps what it had; another environment has slugs of its own."""
    first, second = world.make_user("bea@example.com"), world.make_user("carl@example.com")
    settings_after(world, first.id, slug="best")
    settings_after(world, first.id, slug="best", is_public=True)
    settings_after(world, second.id, slug="second")
    wanted = SetPublicSettings(user_id=second.id, slug="best", is_public=True)
    refusal = world.refused(public_settings.SET, wanted, key="sk")
    assert (refusal.code, refusal.status) == ("user/slug-already-exists", 409)
    kept = world.call(public_settings.SHOW, UserId(user_id=second.id), key="sk")
    assert kept == PublicSettings(slug="second", is_public=False)
    beside = world.beside("staging", "staging")
    assert settings_after(beside, beside.make_user("bea@example.com").id, slug="best").slug == "best"


def test_of_many_who_want_a_slug_at_once_one_gets_it(world: World) -> None:
    """All others are told that it is taken."""
    ids = [world.make_user(f"u{number}@example.com").id for number in range(4)]
    outcomes = at_once(4, lambda number: settings_after(world, ids[number], slug="best").slug)
    assert sorted(outcomes) == ["best", *["user/slug-already-exists"] * 3]


def test_a_restored_user_finds_its_slug_again_unless_another_took_it(world: World) -> None:
    """A slug is free once its user is deleted, and a lost one does not stand in the way of coming back."""
    user, other = world.make_user("bea@example.com"), world.make_user("carl@example.com")
    settings_after(world, user.id, slug="best")
    for taken, found in ((False, "best"), (True, None)):
        world.call(users.DELETE, UserId(user_id=user.id), key="sk")
        if taken:
            settings_after(world, other.id, slug="best")
        world.call(users.RESTORE, UserId(user_id=user.id), key="sk")
        assert world.call(public_settings.SHOW, UserId(user_id=user.id), key="sk").slug == found
    assert world.call(public_settings.SHOW, UserId(user_id=other.id), key="sk").slug == "best"
