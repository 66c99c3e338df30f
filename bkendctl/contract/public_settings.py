"""Whether others see a user's profile, and under which slug."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from bkendctl.contract.fields import Slug
from bkendctl.contract.operation import Access, Body, Operation
from bkendctl.contract.users import UserId


class PublicSettings(Body, kw_only=True):
    """slug: the name in a URL, of one user of the environment; null where none was chosen."""

    slug: str | None
    is_public: bool


class SetPublicSettings(UserId, kw_only=True):
    """Only given fields change; a null slug frees it."""

    slug: Slug | UnsetType | None = UNSET
    is_public: bool | UnsetType = UNSET


SHOW = Operation(
    name="public_settings.show",
    operation_id="get_public_settings",
    method="GET",
    path="/v1/users/{userId}/public-settings",
    summary="Read public profile switch and slug",
    access=Access.SELF_OR_ADMIN,
    scope="users:read",
    request=UserId,
    response=PublicSettings,
    errors=("user/not-found",),
)

SET = Operation(
    name="public_settings.set",
    operation_id="update_public_settings",
    method="PATCH",
    path="/v1/users/{userId}/public-settings",
    summary="Change public profile switch and slug",
    access=Access.SELF_OR_ADMIN,
    scope="users:update",
    request=SetPublicSettings,
    response=PublicSettings,
    errors=("user/not-found", "user/slug-already-exists"),
)
