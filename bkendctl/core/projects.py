"""Projects: made with their environment dev, set up, deleted with all their environments."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET
from sqlalchemy import Row, delete, func, select

from bkendctl.contract import projects as contract
from bkendctl.contract.environments import ProjectId
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Message, Raw
from bkendctl.contract.paging import Page, Pagination
from bkendctl.core import callbacks, environments, members, resources, schema
from bkendctl.core.call import Call
from bkendctl.core.clock import SECOND, wire
from bkendctl.core.decoding import require_fields
from bkendctl.core.dispatch import handles
from bkendctl.core.slugs import free_slug
from bkendctl.core.tokens import LONGEST_LIFE_SECONDS

_table = schema.projects
_environments = schema.environments


@handles(contract.LIST)
def list_projects(call: Call, request: contract.ListProjects) -> Page[contract.Project]:
    """Those the caller may see, oldest first."""
    wanted = [resources.visible_projects(call)]
    if request.organization_id is not UNSET:
        wanted.append(_table.c.organization_id == request.organization_id)
    total = int(call.tx.value(select(func.count()).select_from(_table).where(*wanted)))
    rows = call.tx.all(
        select(_table)
        .where(*wanted)
        .order_by(_table.c.created_at, _table.c.id)
        .limit(request.limit)
        .offset((request.page - 1) * request.limit)
    )
    found = environments.of_projects(call, [row.id for row in rows])
    items = [contract.Project(**_fields(row), environments=found[row.id]) for row in rows]
    return Page(items=items, pagination=Pagination.of(request.page, request.limit, total))


def _may_create(call: Call, raw: Raw) -> None:
    """The organization is named in the body: a malformed one is left to be told with all other faults."""
    named = raw.body.get("organizationId") if isinstance(raw.body, dict) else None
    if isinstance(named, str):
        organization = resources.organization(call, named)
        resources.require_manager(call, organization.id)


@handles(contract.CREATE, allowed=_may_create)
def create(call: Call, request: contract.Create) -> contract.ProjectCreated:
    """Make a project with its environment dev, whose keys are shown this once."""
    organization = resources.organization(call, request.organization_id)
    resources.require_manager(call, organization.id)
    call.tx.hold(organization.id)  # it may be seen from several environments
    project_id, now = call.new_id(), call.core.clock.now()
    values = {
        "id": project_id,
        "organization_id": organization.id,
        "name": request.name,
        "slug": _slug(call, request),
        "description": None if request.description is UNSET else request.description,
        "former_issuers": [],
        "cors_origins": [],
        "created_at": now,
        "updated_at": now,
    }
    call.tx.insert(_table, values)
    _environment_id, initial_keys = environments.make(call, project_id, "dev", "dev")
    row = call.tx.one(select(_table).where(_table.c.id == project_id))
    _tell(call, row, name=row.name)
    found = environments.of_projects(call, [project_id])
    return contract.ProjectCreated(**_fields(row), environments=found[project_id], initial_keys=initial_keys)


def _slug(call: Call, request: contract.Create) -> str:
    same = _table.c.organization_id == request.organization_id
    taken = {row.slug for row in call.tx.all(select(_table.c.slug).where(same))}
    if request.slug is UNSET:
        return free_slug(request.name, "project", taken)
    if request.slug in taken:
        raise Failure("project/slug-already-exists")
    return str(request.slug)


@handles(contract.GET, counts=True)
def get(call: Call, request: ProjectId) -> contract.Project:
    """One project with its settings."""
    return _shown(call, resources.project(call, request.project_id))


def _may_update(call: Call, raw: Raw) -> None:
    project = resources.project(call, raw.path.get("projectId"))
    resources.require_manager(call, project.organization_id)


@handles(contract.UPDATE, allowed=_may_update)
def update_project(call: Call, request: contract.Update) -> contract.Project:
    """Rename, describe, or set issuer, origins and public URL; they count from the next request on."""
    row = resources.project(call, request.project_id)
    resources.require_manager(call, row.organization_id)
    call.tx.hold(row.organization_id)  # the project may be set up from several environments
    row = resources.project(call, request.project_id)
    named = require_fields(request, "name", "description", "issuer", "cors_origins", "public_url")
    _tell(call, row, before={name: _present(row, name) for name in named}, after=dict(named))
    rewrite(call, row, named)
    return _shown(call, resources.project(call, row.id))


def settings_of(row: Row[Any]) -> dict[str, Any]:
    """What an update may change, by attribute."""
    names = ("name", "description", "issuer", "cors_origins", "public_url")
    return {name: _present(row, name) for name in names}


def rewrite(call: Call, row: Row[Any], named: dict[str, Any]) -> None:
    """Change a project's settings; common/invalid-parameters for what no form tells."""
    _check(named)
    if "issuer" in named and named["issuer"] != _issuer(row):
        named["former_issuers"] = _former_issuers(call, row)
    call.tx.update(_table, named | {"updated_at": call.core.clock.now()}, id=row.id)


def _check(named: dict[str, Any]) -> None:
    faults = {}
    origins = named.get("cors_origins", [])
    if len(set(origins)) != len(origins):
        faults["corsOrigins"] = ["must not repeat an origin"]
    url = named.get("public_url")
    if url is not None and not callbacks.is_base(url):
        faults["publicUrl"] = ["must be an http or https URL without user name, query or fragment"]
    if faults:
        raise Failure("common/invalid-parameters", details=faults)


def _present(row: Row[Any], name: str) -> Any:
    return _issuer(row) if name == "issuer" else getattr(row, name)


def _former_issuers(call: Call, row: Row[Any]) -> list[dict[str, Any]]:
    """Take tokens of the issuer so far until the last of them has expired (decision 122).

    Each environment has its own clock, so it is the one furthest ahead that counts.
    """
    offsets = select(func.max(_environments.c.clock_offset_ms)).where(_environments.c.project_id == row.id)
    ahead = max(0, int(call.tx.value(offsets) or 0))
    now = call.core.clock.now()
    until = now + ahead + LONGEST_LIFE_SECONDS * SECOND
    present = _issuer(row)
    still = [each for each in row.former_issuers if each["until"] > now and each["issuer"] != present]
    return [*still, {"issuer": present, "until": until}]


def _may_delete(call: Call, raw: Raw) -> None:
    _require_deletable(call, resources.project(call, raw.path.get("projectId")))


def _require_deletable(call: Call, project: Row[Any]) -> None:
    """Owners and admins of the organization; an admin of its last environment (decision 138)."""
    if resources.is_manager(call, project.organization_id):
        return
    count = select(func.count()).select_from(_environments).where(_environments.c.project_id == project.id)
    if not (call.is_admin and project.id == call.env.project_id and call.tx.value(count) == 1):
        resources.refuse_deletion()


@handles(contract.DELETE, allowed=_may_delete, alone=True)
def delete_project(call: Call, request: contract.Delete) -> Message:
    """Delete a project with its environments; their keys and tokens are refused from the next request on."""
    row = resources.project(call, request.project_id)
    _require_deletable(call, row)
    _tell(call, row, name=row.name)
    if request.confirm != row.name:
        raise Failure("common/invalid-parameters", details={"confirm": ["must repeat the project's name"]})
    own = call.tx.all(select(_environments.c.id).where(_environments.c.project_id == row.id))
    gone = [environment.id for environment in own]
    members.forget_resource(call, "project", row.id)
    environments.remove(call, gone)
    call.tx.run(delete(_table).where(_table.c.id == row.id))
    environments.tell_those_left(call, gone, _of_the_organization(call, row.organization_id))
    return Message(message=f"The project {row.name} was deleted.")


def _of_the_organization(call: Call, organization_id: str) -> list[str]:
    """Ids of the environments of an organization's projects."""
    same = select(_table.c.id).where(_table.c.organization_id == organization_id)
    rows = call.tx.all(select(_environments.c.id).where(_environments.c.project_id.in_(same)))
    return [row.id for row in rows]


def _tell(call: Call, row: Row[Any], **details: Any) -> None:
    call.organization_id = row.organization_id
    call.about("project", row.id, **details)


def _shown(call: Call, row: Row[Any]) -> contract.Project:
    return contract.Project(**_fields(row), environments=environments.of_projects(call, [row.id])[row.id])


def _issuer(row: Row[Any]) -> str:
    """What permissions.issuer_of says of its environments."""
    return str(row.issuer or f"urn:uuid:{row.id}")


def _fields(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "organization_id": row.organization_id,
        "name": row.name,
        "slug": row.slug,
        "description": row.description,
        "issuer": _issuer(row),
        "cors_origins": row.cors_origins,
        "public_url": row.public_url,
        "created_at": wire(row.created_at),
        "updated_at": wire(row.updated_at),
    }
