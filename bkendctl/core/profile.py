"""What a user tells about itself. What others see of it is in users.py."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row

from bkendctl.contract import profile as contract
from bkendctl.contract.errors import Failure
from bkendctl.contract.users import PublicUser, SocialLinks, UserId
from bkendctl.core import avatars, users
from bkendctl.core.call import Call
from bkendctl.core.clock import wire
from bkendctl.core.decoding import require_fields
from bkendctl.core.dispatch import handles


@handles(contract.SHOW)
def show(call: Call, request: UserId) -> contract.Profile | PublicUser:
    """A profile: whole for the user itself and admins, as far as it is public for others. user/not-found."""
    if call.is_admin or call.caller.id == request.user_id:
        return _shown(call, users.by_id(call, request.user_id))
    return users.seen_by_others(call, request.user_id)


@handles(contract.SET)
def set_profile(call: Call, request: contract.SetProfile) -> contract.Profile:
    """Change what is named; null clears. user/not-found, user/avatar-not-found."""
    named = require_fields(request, "name", "nickname", "mobile", "gender", "bio", "social_links", "image")
    user = users.by_id(call, request.user_id)
    # The names alone: an audit outlives the user, whose number and words it must not keep.
    call.about("user", user.id, changed=sorted(named))
    if "social_links" in named:
        named["social_links"] = _merged(user.social_links, named["social_links"])
    if "image" in named:
        named["image"] = _image(call, user, named["image"])
    return _shown(call, users.rewritten(call, user, **named))


def _merged(stored: dict[str, str] | None, given: contract.SetSocialLinks | None) -> dict[str, str] | None:
    """The links after a change; null where none is left."""
    if given is None:
        return None
    merged = (stored or {}) | msgspec.to_builtins(given)
    return {name: link for name, link in merged.items() if link is not None} or None


def _image(call: Call, user: Row[Any], given: str | None) -> str | None:
    """The image to store; an own upload becomes the avatar. user/avatar-not-found."""
    if given:
        own = avatars.taken_from_url(call, user, given)
        if own is not None:
            return own
        if not given.startswith("https:"):
            raise Failure("common/invalid-parameters", details={"image": ["must be an https URL"]})
    avatars.drop_image(call, user)
    return given or None


def _shown(call: Call, user: Row[Any]) -> contract.Profile:
    return contract.Profile(
        name=user.name,
        nickname=user.nickname,
        email=user.email,
        mobile=user.mobile,
        gender=user.gender,
        bio=user.bio,
        social_links=msgspec.convert(user.social_links, SocialLinks | None),
        id=user.id,
        image=avatars.image_url(call, user.image),
        created_at=wire(user.created_at),
        updated_at=wire(user.updated_at),
    )
