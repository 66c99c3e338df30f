"""Organizations and projects as a caller meets them: which it sees, which it manages, what it may grant.

Organizations are seen by their members; by admins also those of their environment and the one that owns
their project (decision 85). A secret key has no role in any of them: it is an admin of its environment.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn

from msgspec import Struct
from sqlalchemy import ColumnElement, Row, Table, and_, exists, false, or_, select

from bkendctl.contract.errors import Failure
from bkendctl.core import schema
from bkendctl.core.call import Call

_organizations = schema.organizations
_projects = schema.projects
_members = schema.memberships
MANAGERS = ("owner", "admin")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Resource(Struct, frozen=True):
    """An organization or a project, with the organization whose owners and admins manage it."""

    type: str
    id: str
    name: str
    organization_id: str


def resource(call: Call, kind: str, id_: str) -> Resource:
    """What an invitation is for.

    Failures: organization/not-found, project/not-found, also for what the caller may not see.
    """
    if kind == "organization":
        row = organization(call, id_)
        return Resource("organization", row.id, row.name, row.id)
    row = project(call, id_)
    return Resource("project", row.id, row.name, row.organization_id)


def organization(call: Call, id_: str | None) -> Row[Any]:
    """An organization that the caller may see; organization/not-found."""
    return _found(call, _organizations, id_, visible_organizations(call), "organization/not-found")


def project(call: Call, id_: str | None) -> Row[Any]:
    """A project that the caller may see; project/not-found."""
    return _found(call, _projects, id_, visible_projects(call), "project/not-found")


def _found(call: Call, table: Table, id_: str | None, seen: ColumnElement[bool], code: str) -> Row[Any]:
    """A malformed id counts as unknown (x-validation, path-ids)."""
    row = None
    if id_ is not None and _UUID.fullmatch(id_):
        row = call.tx.first(select(table).where(table.c.id == id_, seen))
    if row is None:
        raise Failure(code)
    return row


def visible_organizations(call: Call) -> ColumnElement[bool]:
    """Condition on organizations: the caller may see them."""
    seen = _is_member(call, "organization", _organizations)
    if call.is_admin:
        table = _organizations
        own = table.c.environment_id == call.environment_id
        return or_(seen, own, table.c.id == call.env.organization_id)
    return seen


def visible_projects(call: Call) -> ColumnElement[bool]:
    """Condition on projects: the caller is a member of them, or sees their organization."""
    seen = select(_organizations.c.id).where(visible_organizations(call))
    return or_(_is_member(call, "project", _projects), _projects.c.organization_id.in_(seen))


def _is_member(call: Call, kind: str, table: Table) -> ColumnElement[bool]:
    if call.has_secret_key or call.user is None:
        return false()
    return exists().where(
        _members.c.resource_type == kind,
        _members.c.resource_id == table.c.id,
        _members.c.user_id == call.user.id,
    )


def role_in(call: Call, organization_id: str, user_id: str) -> str | None:
    """A user's role in an organization, None for who is no member."""
    row = call.tx.row(_members, resource_type="organization", resource_id=organization_id, user_id=user_id)
    return None if row is None else str(row.role)


def own_role(call: Call, organization_id: str) -> str | None:
    """The role of the signed-in user who speaks; None for who is no member, and for a secret key."""
    if call.has_secret_key or call.user is None:
        return None
    return role_in(call, organization_id, call.user.id)


def is_manager(call: Call, organization_id: str) -> bool:
    """Whether an owner or admin of the organization speaks, whatever the rights in the environment."""
    return own_role(call, organization_id) in MANAGERS


def require_manager(call: Call, organization_id: str) -> None:
    """Owners and admins of the organization, or an admin: auth/forbidden for others."""
    if not (call.is_admin or is_manager(call, organization_id)):
        raise Failure("auth/forbidden")


def require_owner(call: Call, organization_id: str, message: str | None = None) -> None:
    """Owners of the organization, or an admin: auth/forbidden for others."""
    if not (call.is_admin or own_role(call, organization_id) == "owner"):
        raise Failure("auth/forbidden", message)


def refuse_deletion() -> NoReturn:
    """What somebody meets who is an admin of an environment, and no manager of the organization."""
    raise Failure("auth/forbidden", "Only owners and admins of the organization may delete that.")


def require_grantable(call: Call, of: Resource, role: str) -> None:
    """Projects know admin and member; only owners and environment admins make owners (decision 79)."""
    if of.type == "project" and role not in ("admin", "member"):
        reason = "must be admin or member for a project"
        raise Failure("common/invalid-parameters", details={"resourceRole": [reason]})
    if role == "owner":
        require_owner(call, of.organization_id, "Only an owner makes owners.")


def manages(rows: Table, user_id: str) -> ColumnElement[bool]:
    """Condition on rows with resource_type and resource_id: their organization is managed by the user."""
    organization_of_project = (
        select(_projects.c.organization_id).where(_projects.c.id == rows.c.resource_id).scalar_subquery()
    )
    return and_(
        _members.c.user_id == user_id,
        _members.c.role.in_(MANAGERS),
        _members.c.resource_type == "organization",
        or_(
            and_(rows.c.resource_type == "organization", _members.c.resource_id == rows.c.resource_id),
            and_(rows.c.resource_type == "project", _members.c.resource_id == organization_of_project),
        ),
    )
