"""Environments of a project: made with their first keys, deleted with all that is in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, and_, delete, exists, func, select, update

from bkendctl.contract import environments as contract
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Message, Raw
from bkendctl.core import avatars, keys, members, resources, schema
from bkendctl.core.call import Call
from bkendctl.core.clock import wire
from bkendctl.core.dispatch import handles
from bkendctl.core.tokens import new_signing_key

_table = schema.environments
_organizations = schema.organizations
_projects = schema.projects


@handles(contract.LIST, counts=True)
def list_environments(call: Call, request: contract.ProjectId) -> contract.Environments:
    """All environments of a project that the caller may see."""
    project = resources.project(call, request.project_id)
    return contract.Environments(items=of_projects(call, [project.id])[project.id])


def _may_create(call: Call, raw: Raw) -> None:
    project = resources.project(call, raw.path.get("projectId"))
    resources.require_manager(call, project.organization_id)


@handles(contract.CREATE, allowed=_may_create)
def create(call: Call, request: contract.Create) -> contract.EnvironmentCreated:
    """Add an environment without users, with default settings and its first keys."""
    project = resources.project(call, request.project_id)
    resources.require_manager(call, project.organization_id)
    call.organization_id = project.organization_id
    call.tx.hold(project.organization_id)  # the project may be seen from several environments
    call.about("project", project.id, environment=request.environment, type=request.environment_type)
    if call.tx.row(_table, project_id=project.id, name=request.environment) is not None:
        raise Failure("project/environment-already-exists")
    environment_id, initial_keys = make(call, project.id, request.environment, request.environment_type)
    (shown,) = (each for each in of_projects(call, [project.id])[project.id] if each.id == environment_id)
    return contract.EnvironmentCreated(
        **{name: getattr(shown, name) for name in shown.__struct_fields__}, initial_keys=initial_keys
    )


def make(call: Call, project_id: str, name: str, kind: str) -> tuple[str, contract.InitialKeys]:
    """Make an environment, what signs its tokens, and its first keys. Its clock is the real one."""
    environment_id, now = call.new_id(), call.core.clock.now()
    row = {"id": environment_id, "project_id": project_id, "name": name, "type": kind}
    call.tx.insert(_table, row | {"clock_offset_ms": 0, "created_at": now})
    signing = new_signing_key(call.core.vault, call.core.randomness, environment_id, now)
    call.tx.insert(schema.signing_keys, signing)
    initial_keys = contract.InitialKeys(
        publishable=keys.initial(call, "publishable", environment_id=environment_id, now=now),
        secret=keys.initial(call, "secret", environment_id=environment_id, now=now),
    )
    return environment_id, initial_keys


def _may_delete(call: Call, raw: Raw) -> None:
    project = resources.project(call, raw.path.get("projectId"))
    _require_deletable(call, project, raw.path.get("environment"))


def _require_deletable(call: Call, project: Row[Any], name: str | None) -> None:
    """Owners and admins of the organization; an admin of an environment that one alone (decision 138)."""
    own = call.is_admin and (project.id, name) == (call.env.project_id, call.env.name)
    if not own and not resources.is_manager(call, project.organization_id):
        resources.refuse_deletion()


@handles(contract.DELETE, allowed=_may_delete, alone=True)
def delete_environment(call: Call, request: contract.Delete) -> Message:
    """Delete an environment; its keys, tokens and mailed links are refused from the next request on."""
    project = resources.project(call, request.project_id)
    _require_deletable(call, project, request.environment)
    call.organization_id = project.organization_id
    call.about("project", project.id, environment=request.environment)
    row = call.tx.row(_table, project_id=project.id, name=request.environment)
    if row is None:
        raise Failure("data/environment-not-found")
    if request.confirm != row.name:
        raise Failure(
            "common/invalid-parameters", details={"confirm": ["must repeat the environment's name"]}
        )
    others = call.tx.all(select(_table.c.id).where(_table.c.project_id == project.id, _table.c.id != row.id))
    if not others:
        raise Failure("project/last-environment")
    remove(call, [row.id])
    tell_those_left(call, [row.id], [other.id for other in others])
    return Message(message=f"The environment {row.name} was deleted.")


def remove(call: Call, ids: Sequence[str]) -> None:
    """Remove environments with all that is in them.

    An organization of theirs that owns a project elsewhere stays, as that project's: nobody else's users and
    keys go along with an environment (docs/adr/0015).
    """
    here = _organizations.c.environment_id.in_(ids)
    owns = exists().where(_projects.c.organization_id == _organizations.c.id)
    call.tx.run(update(_organizations).where(and_(here, owns)).values(environment_id=None))
    for organization in call.tx.all(select(_organizations.c.id).where(here)):
        members.forget_resource(call, "organization", organization.id)
    avatars.drop_with_environments(call, ids)
    call.tx.run(delete(_table).where(_table.c.id.in_(ids)))
    counts = schema.user_counts  # kept by triggers, so without a foreign key
    call.tx.run(delete(counts).where(counts.c.environment_id.in_(ids)))


def tell_those_left(call: Call, gone: Sequence[str], others: Sequence[str]) -> None:
    """Let the audit of the caller's environment tell it, if that is left, and of the others it concerns."""
    own = [] if call.environment_id in gone else [call.environment_id]
    call.witnesses = list(dict.fromkeys([*own, *others]))


def of_projects(call: Call, project_ids: Sequence[str]) -> dict[str, list[contract.Environment]]:
    """The environments of projects, oldest first."""
    found: dict[str, list[contract.Environment]] = {id_: [] for id_ in project_ids}
    counts = schema.user_counts
    kept = func.coalesce(func.sum(counts.c.number), 0)
    count = select(kept).where(counts.c.environment_id == _table.c.id, counts.c.state != "deleted")
    rows = call.tx.all(
        select(_table, count.scalar_subquery().label("user_count"))
        .where(_table.c.project_id.in_(project_ids))
        .order_by(_table.c.created_at, _table.c.name)
    )
    for row in rows:
        found[row.project_id].append(
            contract.Environment(
                id=row.id,
                project_id=row.project_id,
                environment=row.name,
                environment_type=row.type,
                user_count=int(row.user_count),
                created_at=wire(row.created_at),
            )
        )
    return found
