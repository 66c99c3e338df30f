"""Organizations: whose members manage projects; one of them at a time stands in the tokens of a session."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from bkendctl.contract.accounts import TokenPair
from bkendctl.contract.fields import Description, Limit, Name, OrganizationRole, Slug, Timestamp, Uuid
from bkendctl.contract.operation import Access, Body, Message, Operation
from bkendctl.contract.paging import Page, PageRequest

DisplayName = Annotated[str, Meta(max_length=100, description="at most 100 characters")]


class Organization(Body, kw_only=True):
    """role: the caller's own, null for an admin who is no member."""

    id: str
    name: str
    slug: str
    display_name: str | None
    description: str | None
    plan: Literal["free"]
    status: Literal["active"]
    role: OrganizationRole | None
    member_count: int
    created_at: Timestamp
    updated_at: Timestamp


class ListOrganizations(PageRequest, kw_only=True):
    """Which page."""

    limit: Limit = 20


class Create(Body, kw_only=True):
    """slug: made from the name when left out; ownerUserId: needed with a secret key alone."""

    name: Name
    slug: Slug | UnsetType = UNSET
    display_name: DisplayName | UnsetType | None = UNSET
    description: Description | UnsetType | None = UNSET
    owner_user_id: Uuid | UnsetType = UNSET


class OrganizationId(Body, kw_only=True):
    """Which organization."""

    organization_id: str


class Update(Body, kw_only=True):
    """What to change; null clears."""

    organization_id: str
    name: Name | UnsetType = UNSET
    display_name: DisplayName | UnsetType | None = UNSET
    description: Description | UnsetType | None = UNSET


class Delete(Body, kw_only=True):
    """confirm repeats the organization's name."""

    organization_id: str
    confirm: Name


class Switch(Body, kw_only=True):
    """Which organization goes into the tokens."""

    organization_id: Uuid


LIST = Operation(
    name="organizations.list",
    operation_id="list_organizations",
    method="GET",
    path="/v1/organizations",
    summary="Organizations the caller may see",
    access=Access.MEMBER_OR_ADMIN,
    scope="organizations:list",
    request=ListOrganizations,
    response=Page[Organization],
    extension=True,
)

CREATE = Operation(
    name="organizations.create",
    operation_id="create_organization",
    method="POST",
    path="/v1/organizations",
    summary="Make an organization",
    access=Access.MEMBER_OR_ADMIN,
    scope="organizations:create",
    request=Create,
    response=Organization,
    status=201,
    extension=True,
    errors=("auth/forbidden", "organization/slug-already-exists", "user/not-found"),
)

GET = Operation(
    name="organizations.get",
    operation_id="get_organization",
    method="GET",
    path="/v1/organizations/{organizationId}",
    summary="One organization",
    access=Access.MEMBER_OR_ADMIN,
    scope="organizations:read",
    request=OrganizationId,
    response=Organization,
    extension=True,
    errors=("organization/not-found",),
)

UPDATE = Operation(
    name="organizations.update",
    operation_id="update_organization",
    method="PATCH",
    path="/v1/organizations/{organizationId}",
    summary="Rename or describe an organization",
    access=Access.MANAGER_OR_ADMIN,
    scope="organizations:update",
    request=Update,
    response=Organization,
    extension=True,
    errors=("organization/not-found",),
)

DELETE = Operation(
    name="organizations.delete",
    operation_id="delete_organization",
    method="DELETE",
    path="/v1/organizations/{organizationId}",
    summary="Delete an organization for good",
    access=Access.MANAGER_OR_ADMIN,
    scope="organizations:delete",
    request=Delete,
    response=Message,
    extension=True,
    errors=("organization/has-projects", "organization/not-found"),
)

SWITCH = Operation(
    name="organizations.switch",
    operation_id="switch_organization",
    method="POST",
    path="/v1/auth/switch-organization",
    summary="Put an organization into the tokens",
    access=Access.USER,
    request=Switch,
    response=TokenPair,
    errors=("auth/forbidden",),
)
