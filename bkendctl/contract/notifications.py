"""What a user wants to be told, and on which channels."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from bkendctl.contract.operation import Access, Body, Operation
from bkendctl.contract.users import UserId


class Notifications(Body, kw_only=True):
    """Switches, here as of a user who set none. night_time: also from 22:00 to 08:00 local time."""

    service: bool = True
    marketing: bool = False
    push: bool = True
    email: bool = True
    sms: bool = False
    night_time: bool = False
    security_alerts: bool = True


class SetNotifications(UserId, kw_only=True):
    """Only given switches change."""

    service: bool | UnsetType = UNSET
    marketing: bool | UnsetType = UNSET
    push: bool | UnsetType = UNSET
    email: bool | UnsetType = UNSET
    sms: bool | UnsetType = UNSET
    night_time: bool | UnsetType = UNSET
    security_alerts: bool | UnsetType = UNSET


SHOW = Operation(
    name="notifications.show",
    operation_id="get_notifications",
    method="GET",
    path="/v1/users/{userId}/notifications",
    summary="Read notification switches",
    access=Access.SELF_OR_ADMIN,
    scope="users:read",
    request=UserId,
    response=Notifications,
    errors=("user/not-found",),
)

SET = Operation(
    name="notifications.set",
    operation_id="update_notifications",
    method="PATCH",
    path="/v1/users/{userId}/notifications",
    summary="Change notification switches",
    access=Access.SELF_OR_ADMIN,
    scope="users:update",
    request=SetNotifications,
    response=Notifications,
    errors=("user/not-found",),
)
