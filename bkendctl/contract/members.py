"""Members of an organization: list, change the role, remove."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from bkendctl.contract.fields import Limit, OrganizationRole, Timestamp
from bkendctl.contract.operation import Access, Body, Message, Operation
from bkendctl.contract.paging import Page, PageRequest


class Member(Body, kw_only=True):
    """A user with its role in the organization."""

    user_id: str
    email: str
    name: str
    image: str | None
    role: OrganizationRole
    joined_at: Timestamp


class ListMembers(PageRequest, kw_only=True):
    """role: only with this one."""

    organization_id: str
    limit: Limit = 20
    role: OrganizationRole | UnsetType = UNSET


class SetRole(Body, kw_only=True):
    """Which role a member is to have."""

    organization_id: str
    user_id: str
    role: OrganizationRole


class MemberId(Body, kw_only=True):
    """Which member of which organization."""

    organization_id: str
    user_id: str


LIST = Operation(
    name="members.list",
    operation_id="list_members",
    method="GET",
    path="/v1/organizations/{organizationId}/members",
    summary="Members of an organization",
    access=Access.MEMBER_OR_ADMIN,
    scope="organizations:read",
    request=ListMembers,
    response=Page[Member],
    extension=True,
    errors=("organization/not-found",),
)

SET_ROLE = Operation(
    name="members.set_role",
    operation_id="change_member_role",
    method="PATCH",
    path="/v1/organizations/{organizationId}/members/{userId}",
    summary="Set a member's role",
    access=Access.MANAGER_OR_ADMIN,
    scope="organizations:update",
    request=SetRole,
    response=Member,
    extension=True,
    errors=("organization/last-owner", "organization/member-not-found", "organization/not-found"),
)

REMOVE = Operation(
    name="members.remove",
    operation_id="remove_member",
    method="DELETE",
    path="/v1/organizations/{organizationId}/members/{userId}",
    summary="Remove a member, or leave",
    access=Access.MANAGER_OR_ADMIN,
    scope="organizations:update",
    request=MemberId,
    response=Message,
    extension=True,
    errors=("organization/last-owner", "organization/member-not-found", "organization/not-found"),
)
