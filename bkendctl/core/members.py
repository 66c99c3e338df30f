"""Members of organizations and projects: who they are, what they manage, what they may grant."""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import ColumnElement, Table, and_, or_, select

from bkendctl.contract.errors import Failure
from bkendctl.core import schema
from bkendctl.core.call import Call

_members = schema.memberships
_projects = schema.projects
MANAGERS = ("owner", "admin")


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
        table = schema.organizations
        owns_project = table.c.id == call.env.organization_id
        row = call.tx.first(
            select(table).where(
                table.c.id == id_, or_(table.c.environment_id == call.environment_id, owns_project)
            )
        )
        found = Resource("organization", row.id, row.name, row.id) if row is not None else None
    else:
        row = call.tx.first(
            select(_projects).where(_projects.c.id == id_, _projects.c.id == call.env.project_id)
        )
        found = Resource("project", row.id, row.name, row.organization_id) if row is not None else None
    if found is None or not (call.is_admin or role_in(call, found.organization_id, call.caller.id)):
        raise Failure(f"{kind}/not-found")
    return found


def role_in(call: Call, organization_id: str, user_id: str) -> str | None:
    """A user's role in an organization, None for who is no member."""
    return call.tx.value(  # type: ignore[no-any-return]
        select(_members.c.role).where(
            _members.c.resource_type == "organization",
            _members.c.resource_id == organization_id,
            _members.c.user_id == user_id,
        )
    )


def require_manager(call: Call, of: Resource) -> None:
    """Owners and admins of the organization, or an admin: auth/forbidden for others."""
    if not call.is_admin and role_in(call, of.organization_id, call.caller.id) not in MANAGERS:
        raise Failure("auth/forbidden")


def require_grantable(call: Call, of: Resource, role: str) -> None:
    """Projects know admin and member; only owners and environment admins make owners (decision 79)."""
    if of.type == "project" and role not in ("admin", "member"):
        reason = "must be admin or member for a project"
        raise Failure("common/invalid-parameters", details={"resourceRole": [reason]})
    owner = call.is_admin or role_in(call, of.organization_id, call.caller.id) == "owner"
    if role == "owner" and not owner:
        raise Failure("auth/forbidden", "Only an owner makes owners.")


def is_member(call: Call, kind: str, id_: str, email: str) -> bool:
    """Whether the user of an address is a member."""
    users = schema.users
    row = call.tx.first(
        select(_members.c.user_id)
        .join(users, users.c.id == _members.c.user_id)
        .where(
            _members.c.resource_type == kind,
            _members.c.resource_id == id_,
            users.c.environment_id == call.environment_id,
            users.c.email == email,
            users.c.deleted_at.is_(None),
        )
    )
    return row is not None


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
