"""Members of organizations: listed, given roles, removed. An organization that has an owner keeps one.

Seen and changed are those of the caller's environment alone: an organization that owns the project has
members in several, who do not see one another.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET
from sqlalchemy import ColumnElement, Row, and_, delete, func, select, update

from bkendctl.contract import members as contract
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Message, Raw
from bkendctl.contract.paging import Page, Pagination
from bkendctl.core import resources, schema
from bkendctl.core.avatars import image_url
from bkendctl.core.call import Call
from bkendctl.core.clock import wire
from bkendctl.core.dispatch import handles

_table = schema.memberships
_users = schema.users
_sessions = schema.sessions
_OWNERS = and_(_table.c.resource_type == "organization", _table.c.role == "owner")


@handles(contract.LIST)
def list_members(call: Call, request: contract.ListMembers) -> Page[contract.Member]:
    """Members, longest first."""
    organization = resources.organization(call, request.organization_id)
    wanted = _here(call, organization.id)
    if request.role is not UNSET:
        wanted = and_(wanted, _table.c.role == request.role)
    total = count(call, wanted)
    rows = call.tx.all(
        _selected()
        .where(wanted)
        .order_by(_table.c.joined_at, _table.c.user_id)
        .limit(request.limit)
        .offset((request.page - 1) * request.limit)
    )
    pagination = Pagination.of(request.page, request.limit, total)
    return Page(items=[_shown(call, row) for row in rows], pagination=pagination)


def _may_manage(call: Call, raw: Raw) -> None:
    organization = resources.organization(call, raw.path.get("organizationId"))
    resources.require_manager(call, organization.id)


def _may_remove(call: Call, raw: Raw) -> None:
    """Members may remove themselves."""
    organization = resources.organization(call, raw.path.get("organizationId"))
    if not _is_oneself(call, raw.path.get("userId")):
        resources.require_manager(call, organization.id)


def _is_oneself(call: Call, user_id: str | None) -> bool:
    return not call.has_secret_key and call.user is not None and call.user.id == user_id


@handles(contract.SET_ROLE, allowed=_may_manage)
def set_role(call: Call, request: contract.SetRole) -> contract.Member:
    """Give a role; the owner's is given and taken by owners and admins of the environment alone."""
    organization = resources.organization(call, request.organization_id)
    resources.require_manager(call, organization.id)
    if request.role == "owner":
        resources.require_owner(call, organization.id, "Only an owner makes owners.")
    member = _find(call, organization.id, request.user_id)
    _tell(call, organization, member, before={"role": member.role}, after={"role": request.role})
    if member.role == "owner" and request.role != "owner":
        resources.require_owner(call, organization.id, "Only an owner takes the owner's role.")
        _keep_an_owner(call, organization.id, member.user_id)
    call.tx.update(_table, {"role": request.role}, **_identity(organization.id, member.user_id))
    return _shown(call, _find(call, organization.id, member.user_id))


@handles(contract.REMOVE, allowed=_may_remove)
def remove(call: Call, request: contract.MemberId) -> Message:
    """Remove a member, or leave; its tokens stop naming the organization with the next one."""
    organization = resources.organization(call, request.organization_id)
    oneself = _is_oneself(call, request.user_id)
    if not oneself:
        resources.require_manager(call, organization.id)
    member = _find(call, organization.id, request.user_id)
    _tell(call, organization, member, role=member.role)
    if member.role == "owner":
        if not oneself:
            resources.require_owner(call, organization.id, "Only an owner removes owners.")
        _keep_an_owner(call, organization.id, member.user_id)
    call.tx.run(delete(_table).where(*_equals(_identity(organization.id, member.user_id))))
    forget_in_sessions(call, organization.id, user_id=member.user_id)
    return Message(message="You left." if oneself else "The member was removed.")


def is_member(call: Call, kind: str, id_: str, email: str) -> bool:
    """Whether the user of an address is a member."""
    row = call.tx.first(
        _selected().where(
            _table.c.resource_type == kind,
            _table.c.resource_id == id_,
            _users.c.environment_id == call.environment_id,
            _users.c.email == email,
            _users.c.deleted_at.is_(None),
        )
    )
    return row is not None


def join(call: Call, *, kind: str, id_: str, user_id: str, role: str) -> None:
    """Make a user a member; a member stays what it is."""
    identity = {"resource_type": kind, "resource_id": id_, "user_id": user_id}
    if call.tx.row(_table, **identity) is None:
        rest = {"environment_id": call.environment_id, "role": role, "joined_at": call.now}
        call.tx.insert(_table, identity | rest)


def leave_all(call: Call, user_id: str) -> None:
    """End every membership of a user who goes. organization/last-owner where nobody else owns one."""
    owned = call.tx.all(select(_table.c.resource_id).where(_OWNERS, _table.c.user_id == user_id))
    for organization_id in sorted(row.resource_id for row in owned):
        _keep_an_owner(call, organization_id, user_id)
    call.tx.run(delete(_table).where(_table.c.user_id == user_id))


def count_here(call: Call, organization_id: str) -> int:
    """How many members of the caller's environment an organization has."""
    return count(call, _here(call, organization_id))


def count(call: Call, wanted: ColumnElement[bool]) -> int:
    """How many memberships fulfil a condition."""
    return int(call.tx.value(select(func.count()).select_from(_table).where(wanted)))


def forget_in_sessions(call: Call, organization_id: str, *, user_id: str | None = None) -> None:
    """Take an organization out of the sessions of a user, or of everybody: new tokens do not name it."""
    named = _sessions.c.organization_id == organization_id
    if user_id is not None:
        named = and_(named, _sessions.c.user_id == user_id)
    call.tx.run(update(_sessions).where(named).values(organization_id=None))


def forget_resource(call: Call, kind: str, id_: str) -> None:
    """Remove what is kept of an organization or project that goes, in every environment."""
    for table in (_table, schema.invitations):
        call.tx.run(delete(table).where(table.c.resource_type == kind, table.c.resource_id == id_))
    if kind == "organization":
        forget_in_sessions(call, id_)


def _keep_an_owner(call: Call, organization_id: str, user_id: str) -> None:
    """organization/last-owner unless somebody else owns it too, in whatever environment."""
    call.tx.hold(organization_id)
    others = and_(_OWNERS, _table.c.resource_id == organization_id, _table.c.user_id != user_id)
    if not count(call, others):
        raise Failure("organization/last-owner")


def _here(call: Call, organization_id: str) -> ColumnElement[bool]:
    return and_(
        _table.c.resource_type == "organization",
        _table.c.resource_id == organization_id,
        _table.c.environment_id == call.environment_id,
    )


def _identity(organization_id: str, user_id: str) -> dict[str, str]:
    return {"resource_type": "organization", "resource_id": organization_id, "user_id": user_id}


def _equals(identity: dict[str, str]) -> list[ColumnElement[bool]]:
    return [_table.c[name] == value for name, value in identity.items()]


def _selected() -> Any:
    return select(_table, _users.c.email, _users.c.name, _users.c.image).join(
        _users, _users.c.id == _table.c.user_id
    )


def _find(call: Call, organization_id: str, user_id: str) -> Row[Any]:
    here = and_(_here(call, organization_id), _table.c.user_id == user_id)
    row: Row[Any] | None = call.tx.first(_selected().where(here))
    if row is None:
        raise Failure("organization/member-not-found")
    return row


def _tell(call: Call, organization: Row[Any], member: Row[Any], **details: Any) -> None:
    call.organization_id = organization.id
    call.about("user", member.user_id, email=member.email, **details)


def _shown(call: Call, row: Row[Any]) -> contract.Member:
    return contract.Member(
        user_id=row.user_id,
        email=row.email,
        name=row.name,
        image=image_url(call, row.image),
        role=row.role,
        joined_at=wire(row.joined_at),
    )
