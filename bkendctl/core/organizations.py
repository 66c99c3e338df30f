"""Organizations: made, listed, changed, deleted, and put into the tokens of a session."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET
from sqlalchemy import Row, exists, func, or_, select

from bkendctl.contract import organizations as contract
from bkendctl.contract.accounts import TokenPair
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Message, Raw
from bkendctl.contract.paging import Page, Pagination
from bkendctl.core import members, resources, schema, sessions, users
from bkendctl.core.call import Call
from bkendctl.core.clock import wire
from bkendctl.core.decoding import require_fields
from bkendctl.core.dispatch import handles
from bkendctl.core.slugs import free_slug

_table = schema.organizations
_projects = schema.projects


@handles(contract.LIST)
def list_organizations(call: Call, request: contract.ListOrganizations) -> Page[contract.Organization]:
    """Those the caller may see, oldest first."""
    seen = resources.visible_organizations(call)
    total = int(call.tx.value(select(func.count()).select_from(_table).where(seen)))
    rows = call.tx.all(
        select(_table)
        .where(seen)
        .order_by(_table.c.created_at, _table.c.id)
        .limit(request.limit)
        .offset((request.page - 1) * request.limit)
    )
    pagination = Pagination.of(request.page, request.limit, total)
    return Page(items=[_shown(call, row) for row in rows], pagination=pagination)


def _may_create(call: Call, _raw: Raw) -> None:
    """Everybody but users with role guest (decision 18)."""
    if not call.is_admin and call.caller.role == "guest":
        raise Failure("auth/forbidden")


@handles(contract.CREATE, allowed=_may_create)
def create(call: Call, request: contract.Create) -> contract.Organization:
    """Make an organization of the environment; the caller, or who is named, becomes its owner."""
    owner = _owner(call, request)
    organization_id = call.new_id()
    values = {
        "id": organization_id,
        "environment_id": call.environment_id,
        "name": request.name,
        "slug": _slug(call, request),
        "display_name": None if request.display_name is UNSET else request.display_name,
        "description": None if request.description is UNSET else request.description,
        "created_at": call.now,
        "updated_at": call.now,
    }
    call.tx.insert(_table, values)
    members.join(call, kind="organization", id_=organization_id, user_id=owner.id, role="owner")
    _tell(call, organization_id, name=request.name, owner=owner.email)
    return _shown(call, _reread(call, organization_id))


def _owner(call: Call, request: contract.Create) -> Row[Any]:
    """The first owner: who is named, by admins alone, else the user of the token."""
    own = None if call.user is None else call.user.id
    wanted = own if request.owner_user_id is UNSET else str(request.owner_user_id)
    if wanted is None:
        raise Failure("common/invalid-parameters", details={"ownerUserId": ["is required"]})
    if wanted != own and not call.is_admin:
        raise Failure("auth/forbidden")
    return users.by_id(call, wanted)


def _slug(call: Call, request: contract.Create) -> str:
    """The slug asked for, or one made from the name; no other of the environment has it."""
    here = or_(_table.c.environment_id == call.environment_id, _table.c.id == call.env.organization_id)
    taken = {row.slug for row in call.tx.all(select(_table.c.slug).where(here))}
    if request.slug is UNSET:
        return free_slug(request.name, "organization", taken)
    if request.slug in taken:
        raise Failure("organization/slug-already-exists")
    return str(request.slug)


@handles(contract.GET, counts=True)
def get(call: Call, request: contract.OrganizationId) -> contract.Organization:
    """One organization."""
    return _shown(call, resources.organization(call, request.organization_id))


def _may_update(call: Call, raw: Raw) -> None:
    row = resources.organization(call, raw.path.get("organizationId"))
    resources.require_manager(call, row.id)


@handles(contract.UPDATE, allowed=_may_update)
def update_organization(call: Call, request: contract.Update) -> contract.Organization:
    """Rename or describe."""
    row = resources.organization(call, request.organization_id)
    resources.require_manager(call, row.id)
    named = require_fields(request, "name", "display_name", "description")
    _tell(call, row.id, before={name: getattr(row, name) for name in named}, after=dict(named))
    call.tx.update(_table, named | {"updated_at": call.now}, id=row.id)
    return _shown(call, _reread(call, row.id))


def _may_delete(call: Call, raw: Raw) -> None:
    row = resources.organization(call, raw.path.get("organizationId"))
    resources.require_owner(call, row.id)


@handles(contract.DELETE, allowed=_may_delete, alone=True)
def delete_organization(call: Call, request: contract.Delete) -> Message:
    """Delete an organization that holds no projects, with its memberships and invitations."""
    row = resources.organization(call, request.organization_id)
    resources.require_owner(call, row.id)
    _tell(call, row.id, name=row.name)
    if request.confirm != row.name:
        raise Failure(
            "common/invalid-parameters", details={"confirm": ["must repeat the organization's name"]}
        )
    if call.tx.value(select(exists().where(_projects.c.organization_id == row.id))):
        raise Failure("organization/has-projects")
    members.forget_resource(call, "organization", row.id)
    call.tx.run(_table.delete().where(_table.c.id == row.id))
    return Message(message=f"The organization {row.name} was deleted.")


@handles(contract.SWITCH)
def switch(call: Call, request: contract.Switch) -> TokenPair:
    """Put an organization of the caller into the tokens of this session; the refresh token rotates."""
    assert call.session is not None
    if resources.role_in(call, request.organization_id, call.caller.id) is None:
        raise Failure("auth/forbidden")
    _tell(call, request.organization_id, session=call.session.id)
    call.tx.update(schema.sessions, {"organization_id": request.organization_id}, id=call.session.id)
    session = call.tx.row(schema.sessions, id=call.session.id)
    if session is None or session.ended_at is not None:
        raise Failure("auth/invalid-token", "The session has ended.")
    return sessions.reissue(call, call.caller, session)


def _tell(call: Call, organization_id: str, **details: Any) -> None:
    call.organization_id = organization_id
    call.about("organization", organization_id, **details)


def _reread(call: Call, organization_id: str) -> Row[Any]:
    return call.tx.one(select(_table).where(_table.c.id == organization_id))


def _shown(call: Call, row: Row[Any]) -> contract.Organization:
    role: Any = resources.own_role(call, row.id)
    return contract.Organization(
        id=row.id,
        name=row.name,
        slug=row.slug,
        display_name=row.display_name,
        description=row.description,
        plan="free",
        status="active",
        role=role,
        member_count=members.count_here(call, row.id),
        created_at=wire(row.created_at),
        updated_at=wire(row.updated_at),
    )
