"""Language, time zone and theme of a user; null where nothing was chosen."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from bkendctl.contract.operation import Access, Body, Operation
from bkendctl.contract.users import UserId

Locale = Annotated[
    str,
    Meta(
        pattern="^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
        max_length=35,
        description="a language tag, such as ko or en-GB",
    ),
]
Timezone = Annotated[str, Meta(max_length=64, description="a time zone's IANA name, at most 64 characters")]
Theme = Literal["light", "dark", "system"]


class Preferences(Body, kw_only=True):
    """What a user chose."""

    locale: str | None
    timezone: str | None
    theme: Theme | None


class SetPreferences(UserId, kw_only=True):
    """Only given fields change; null clears."""

    locale: Locale | UnsetType | None = UNSET
    timezone: Timezone | UnsetType | None = UNSET
    theme: Theme | UnsetType | None = UNSET


SHOW = Operation(
    name="preferences.show",
    operation_id="get_preferences",
    method="GET",
    path="/v1/users/{userId}/preferences",
    summary="Read language, time zone and theme",
    access=Access.SELF_OR_ADMIN,
    scope="users:read",
    request=UserId,
    response=Preferences,
    errors=("user/not-found",),
)

SET = Operation(
    name="preferences.set",
    operation_id="update_preferences",
    method="PATCH",
    path="/v1/users/{userId}/preferences",
    summary="Change language, time zone and theme",
    access=Access.SELF_OR_ADMIN,
    scope="users:update",
    request=SetPreferences,
    response=Preferences,
    errors=("user/not-found",),
)
