"""What a user tells about itself; others see of it what users.PublicUser holds, if it is public."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from bkendctl.contract.fields import Name, Timestamp
from bkendctl.contract.operation import Access, Body, Operation
from bkendctl.contract.users import PublicUser, SocialLinks, UserId

Nickname = Annotated[str, Meta(min_length=1, max_length=50, description="1 to 50 characters")]
Mobile = Annotated[
    str,
    Meta(
        # No \d: in Python that takes digits of any script.
        pattern=r"^\+[1-9][0-9]{1,18}$",
        max_length=20,
        description="a telephone number such as +821012345678 (E.164)",
    ),
]
Gender = Literal["none", "male", "female", "etc"]
Bio = Annotated[str, Meta(max_length=500, description="at most 500 characters")]
# Shown to others as a link: nothing that a browser would run, no host hidden behind a user name.
Link = Annotated[
    str,
    Meta(
        pattern=r"^https?://[A-Za-z0-9.:_\[\]-]+([/?#][!-~]*)?$",
        max_length=2048,
        description="an http or https URL of at most 2048 characters",
    ),
]
Image = Annotated[
    str,
    Meta(
        # http is for own uploads on this machine alone; empty clears.
        pattern=r"^(https?://[A-Za-z0-9.:_\[\]-]+([/?#][!-~]*)?)?$",
        max_length=2048,
        description="an https URL of at most 2048 characters",
    ),
]


class Profile(Body, kw_only=True):
    """A profile as the user itself or an admin sees it."""

    name: str
    nickname: str | None
    email: str
    mobile: str | None
    gender: Gender | None
    bio: str | None
    social_links: SocialLinks | None
    id: str
    image: str | None
    created_at: Timestamp
    updated_at: Timestamp


class SetSocialLinks(Body, kw_only=True, forbid_unknown_fields=True):
    """Given links are merged into the stored ones; a null one is removed."""

    github: Link | UnsetType | None = UNSET
    twitter: Link | UnsetType | None = UNSET
    linkedin: Link | UnsetType | None = UNSET


class SetProfile(UserId, kw_only=True):
    """Only given fields change; null clears. image: an own upload becomes the avatar, "" clears too."""

    name: Name | UnsetType = UNSET
    nickname: Nickname | UnsetType | None = UNSET
    mobile: Mobile | UnsetType | None = UNSET
    gender: Gender | UnsetType | None = UNSET
    bio: Bio | UnsetType | None = UNSET
    social_links: SetSocialLinks | UnsetType | None = UNSET
    image: Image | UnsetType | None = UNSET


SHOW = Operation(
    name="profile.show",
    operation_id="get_profile",
    method="GET",
    path="/v1/users/{userId}/profile",
    summary="Profile",
    access=Access.SELF_OR_ADMIN,
    any_signed_in=True,
    scope="users:read",
    request=UserId,
    response=Profile | PublicUser,  # type: ignore[arg-type]
    errors=("user/not-found",),
)

SET = Operation(
    name="profile.set",
    operation_id="update_profile",
    method="PATCH",
    path="/v1/users/{userId}/profile",
    summary="Change profile fields",
    access=Access.SELF_OR_ADMIN,
    scope="users:update",
    request=SetProfile,
    response=Profile,
    errors=("user/avatar-not-found", "user/invalid-name", "user/invalid-nickname", "user/not-found"),
)
