"""A user's profile: what it tells about itself, and what others see of it."""

from __future__ import annotations

from typing import Any

import pytest

from bkendctl.contract import audit_events, profile, public_settings, users
from bkendctl.contract.operation import Raw
from bkendctl.contract.profile import SetProfile, SetSocialLinks
from bkendctl.contract.users import SocialLinks, UserId
from bkendctl.core.clock import SECOND, wire
from tests.conftest import World

UNKNOWN = "00000000-0000-4000-8000-000000000000"
GITHUB = "https://github.com/alice"


def test_what_is_not_named_stays_and_null_clears(world: World) -> None:
    """All but name and address is null at first; a change moves updatedAt along."""
    token = world.sign_up()
    mine = world.me(token).id
    fresh = world.call(profile.SHOW, UserId(user_id=mine), token=token)
    assert (fresh.id, fresh.name, fresh.email) == (mine, "Alice", "alice@example.com")
    nulls = (fresh.nickname, fresh.mobile, fresh.gender, fresh.bio, fresh.social_links, fresh.image)
    assert nulls == (None,) * 6
    world.clock.advance(SECOND)
    wanted = SetProfile(user_id=mine, nickname="Al", mobile="+821012345678", gender="etc", bio="")
    changed = world.call(profile.SET, wanted, token=token)
    assert (changed.nickname, changed.mobile, changed.gender, changed.bio) == (
        "Al",
        "+821012345678",
        "etc",
        "",
    )
    assert (changed.created_at, changed.updated_at) == (fresh.created_at, wire(world.clock.now()))
    cleared = world.call(profile.SET, SetProfile(user_id=mine, mobile=None), token=token)
    assert (cleared.nickname, cleared.mobile, cleared.name) == ("Al", None, "Alice")
    assert world.call(profile.SHOW, UserId(user_id=mine), token=token) == cleared


def test_social_links_are_merged_one_by_one(world: World) -> None:
    """A given link is added, a null one removed, null for the whole clears all."""
    user = world.make_user("bea@example.com")

    def links_after(links: SetSocialLinks | None) -> SocialLinks | None:
        wanted = SetProfile(user_id=user.id, social_links=links)
        found: SocialLinks | None = world.call(profile.SET, wanted, key="sk").social_links
        return found

    linkedin = "https://linkedin.com/in/bea"
    links_after(SetSocialLinks(github=GITHUB))
    assert links_after(SetSocialLinks(linkedin=linkedin)) == SocialLinks(github=GITHUB, linkedin=linkedin)
    assert links_after(SetSocialLinks(github=None)) == SocialLinks(linkedin=linkedin)
    assert links_after(SetSocialLinks(linkedin=None)) is None
    links_after(SetSocialLinks(github=GITHUB))
    assert links_after(None) is None


def test_an_image_is_kept_or_cleared(world: World) -> None:
    """Any https URL is stored and seen wherever the user is; null and "" clear (decision 90)."""
    user = world.make_user("bea@example.com")
    image = "https://images.example.com/bea.png?size=1"
    for clearing in (None, ""):
        world.call(profile.SET, SetProfile(user_id=user.id, image=image), key="sk")
        assert world.call(users.GET, UserId(user_id=user.id), key="sk").image == image
        assert world.call(profile.SET, SetProfile(user_id=user.id, image=clearing), key="sk").image is None


def test_an_upload_that_holds_no_file_is_not_taken_as_image(world: World) -> None:
    """A URL of our own avatars without a file answers 404, its query ignored."""
    user = world.make_user("bea@example.com")
    own = "http://127.0.0.1:8787/v1/avatars/nothing.png?signature=x"
    refusal = world.refused(profile.SET, SetProfile(user_id=user.id, image=own), key="sk")
    assert (refusal.code, refusal.status) == ("user/avatar-not-found", 404)


@pytest.mark.parametrize(
    ("body", "code", "faulty"),
    [
        ({}, "common/invalid-parameters", ""),
        ({"unknown": 1}, "common/invalid-parameters", ""),
        ({"name": ""}, "user/invalid-name", "name"),
        ({"name": None}, "user/invalid-name", "name"),
        ({"nickname": ""}, "user/invalid-nickname", "nickname"),
        ({"nickname": "x" * 51}, "user/invalid-nickname", "nickname"),
        ({"mobile": "01012345678"}, "common/invalid-parameters", "mobile"),
        ({"mobile": "+1\u0662\u0663"}, "common/invalid-parameters", "mobile"),
        ({"mobile": "+12\n"}, "common/invalid-parameters", "mobile"),
        ({"gender": "x"}, "common/invalid-parameters", "gender"),
        ({"bio": "x" * 501}, "common/invalid-parameters", "bio"),
        ({"bio": "a\0b"}, "common/invalid-parameters", "bio"),
        ({"socialLinks": GITHUB}, "common/invalid-parameters", "socialLinks"),
        ({"socialLinks": {"mastodon": GITHUB}}, "common/invalid-parameters", "socialLinks"),
        ({"socialLinks": {"github": GITHUB + "\n"}}, "common/invalid-parameters", "socialLinks.github"),
        ({"socialLinks": {"github": "javascript:alert(1)"}}, "common/invalid-parameters",
         "socialLinks.github"),
        ({"socialLinks": {"github": "https://github.com@evil.example"}}, "common/invalid-parameters",
         "socialLinks.github"),
        ({"socialLinks": {"github": "https://x.example/" + "x" * 2048}}, "common/invalid-parameters",
         "socialLinks.github"),
        ({"image": "http://images.example.com/x.png"}, "common/invalid-parameters", "image"),
        ({"image": "data:image/png;base64,AAAA"}, "common/invalid-parameters", "image"),
        ({"image": "//evil.example/x.png"}, "common/invalid-parameters", "image"),
    ],
)  # fmt: skip
def test_faulty_fields_are_refused_by_name(
    world: World, body: dict[str, Any], code: str, faulty: str
) -> None:
    """Each limit of the contract holds, and nothing that a browser would run becomes a link."""
    user = world.make_user("bea@example.com")
    refusal = world.refused(profile.SET, Raw(path={"userId": user.id}, body=body), key="sk")
    assert (refusal.code, list(refusal.details or {})) == (code, [faulty])
    assert refusal.status == 400


def test_what_is_no_field_of_a_profile_is_left_alone(world: World) -> None:
    """Role, address, proof, slug and dates cannot be changed along with a name (T105)."""
    token = world.sign_up()
    before = world.me(token)
    extra = {"role": "admin", "email": "x@example.com", "emailVerified": "2026-01-01T00:00:00.000Z",
             "id": UNKNOWN, "slug": "root", "isPublic": True, "passwordHash": "x", "deletedAt": None,
             "createdAt": "2020-01-01T00:00:00.000Z"}  # fmt: skip
    raw = Raw(path={"userId": before.id}, body={"bio": "hi"} | extra)
    world.call(profile.SET, raw, token=token)
    assert world.me(token) == before
    settings = world.call(public_settings.SHOW, UserId(user_id=before.id), token=token)
    assert (settings.slug, settings.is_public) == (None, False)


def test_others_see_a_public_profile_and_nothing_more(world: World) -> None:
    """PublicUser where the user wanted that; 403 else, unknown ids included (decision 88)."""
    other = world.make_user("bea@example.com")
    token = world.sign_up()
    for hidden in (other.id, UNKNOWN, "no-id"):
        assert world.refused(profile.SHOW, UserId(user_id=hidden), token=token).code == "user/forbidden"
    shown = public_settings.SetPublicSettings(user_id=other.id, slug="bea", is_public=True)
    world.call(public_settings.SET, shown, key="sk")
    world.call(profile.SET, SetProfile(user_id=other.id, bio="Hi", mobile="+8210"), key="sk")
    seen = world.call(profile.SHOW, UserId(user_id=other.id), token=token)
    assert seen == users.PublicUser(
        id=other.id, name=other.name, nickname=None, image=None, bio="Hi", social_links=None, slug="bea",
        created_at=other.created_at,
    )  # fmt: skip
    assert (
        world.refused(profile.SET, SetProfile(user_id=other.id, bio=None), token=token).code
        == "user/forbidden"
    )
    world.call(users.DELETE, UserId(user_id=other.id), key="sk")
    assert world.refused(profile.SHOW, UserId(user_id=other.id), token=token).code == "user/forbidden"


def test_the_audit_names_what_changed_and_keeps_none_of_it(world: World) -> None:
    """An audit outlives the user: numbers and words of a profile are not in it."""
    user = world.make_user("bea@example.com")
    world.call(profile.SET, SetProfile(user_id=user.id, mobile="+8210", bio="secret"), key="sk")
    event = world.call(audit_events.LIST, key="sk").items[0]
    assert (event.action, event.target.id) == ("profile.set", user.id)
    assert event.details == {"changed": ["bio", "mobile"]}
