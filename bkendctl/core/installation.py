"""Set-up: the first organization, project, environment and keys. Done once however many ask at once."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
from msgspec import Struct
from sqlalchemy import select

from bkendctl.contract.errors import Failure
from bkendctl.contract.fields import EnvironmentName, EnvironmentType, Name
from bkendctl.contract.operation import Access, Empty, Operation
from bkendctl.core import audit, schema
from bkendctl.core.call import Actor, Call, Source, environment_row
from bkendctl.core.database import SCHEMA, Database
from bkendctl.core.keys import new_key
from bkendctl.core.master_key import KEY_BYTES
from bkendctl.core.occupancy import alone
from bkendctl.core.randomness import new_id
from bkendctl.core.runtime import Core
from bkendctl.core.slugs import slug_of
from bkendctl.core.tokens import new_signing_key
from bkendctl.core.transaction import Transaction
from bkendctl.core.upgrade import upgrade

INIT: Operation[Empty, Empty] = Operation(
    name="installation.init",
    operation_id="",
    method="POST",
    path="",
    summary="Set up",
    access=Access.PUBLIC,
    request=Empty,
    response=Empty,
)
"""Not of the API (there is no bootstrap door); it names the audit rows."""


class Installed(Struct):
    """What is there now; keys only where they were just made."""

    created: bool
    organization_id: str
    project_id: str
    environment: str
    environment_type: str
    publishable_key: str | None = None
    secret_key: str | None = None


def initialize(core: Core, *, name: str, environment: str, new_keys: bool = False) -> Installed:
    """Make what is missing in the database: tables, organization, project, environment, keys.

    A database set up before is joined and left alone, unless new_keys asks for a fresh pair.
    Failures: common/invalid-parameters, cli/master-key when the database was made with another one,
    data/environment-not-found, cli/database-in-use when an older database is served meanwhile.
    """
    _check_names(name, environment)
    _bring_up(core.database)
    with core.database.write() as transaction:
        if transaction.first(select(schema.installation.c.id)) is None:
            return _set_up(core, transaction, name, environment)
        core.unlock(transaction)
        return _join(core, transaction, environment, new_keys=new_keys)


def _bring_up(database: Database) -> None:
    """Make the tables, or bring older ones up: those may be in use, and then have to be had alone."""
    if database.schema_version() in {None, SCHEMA}:
        upgrade(database)
        return
    with alone(database):
        upgrade(database)


def _check_names(name: str, environment: str) -> None:
    for field, value, rule in (("name", name, Name), ("environment", environment, EnvironmentName)):
        try:
            msgspec.convert(value, rule)
        except msgspec.ValidationError:
            reason = f"must be {get_args(rule)[1].description}"
            raise Failure("common/invalid-parameters", details={field: [reason]}) from None


def _set_up(core: Core, transaction: Transaction, name: str, environment: str) -> Installed:
    now = core.clock.now()
    organization_id, project_id = new_id(core.randomness), new_id(core.randomness)
    wrapped = core.master_keys[0].wrapped(core.randomness.bytes(KEY_BYTES))
    transaction.insert(schema.installation, wrapped | {"id": 1, "created_at": now})
    core.unlock(transaction)
    made = {"name": name, "slug": slug_of(name, "project"), "created_at": now, "updated_at": now}
    transaction.insert(schema.organizations, made | {"id": organization_id})
    project = {"id": project_id, "organization_id": organization_id, "former_issuers": [], "cors_origins": []}
    transaction.insert(schema.projects, made | project)
    environment_id = new_id(core.randomness)
    transaction.run(
        schema.environments.insert().values(
            id=environment_id,
            project_id=project_id,
            name=environment,
            type=type_of(environment),
            clock_offset_ms=0,
            created_at=now,
        )
    )
    transaction.run(
        schema.signing_keys.insert().values(new_signing_key(core.vault, core.randomness, environment_id, now))
    )
    return _join(core, transaction, environment, new_keys=True, created=True)


def _join(
    core: Core, transaction: Transaction, environment: str, *, new_keys: bool, created: bool = False
) -> Installed:
    environments = schema.environments
    row = environment_row(transaction, environments.c.name == environment)
    if row is None:
        known = [found.name for found in transaction.all(select(environments.c.name))]
        raise Failure(
            "data/environment-not-found", f"This database has no environment {environment}: {known}."
        )
    found = Installed(created, row.organization_id, row.project_id, row.name, row.type)
    call = Call(core, INIT, Source())
    call.enter(row)
    call.about("environment", row.id, created=created, keys=new_keys)
    if new_keys:
        found.publishable_key = _issue(call, transaction, "publishable")
        found.secret_key = _issue(call, transaction, "secret")
        audit.event(call, transaction, "installation.init", Actor("local"))
    return found


def record(
    core: Core, transaction: Transaction, action: str, *, environment_id: str | None = None, **details: Any
) -> None:
    """Write in the audit of every environment, or of one, what was done to the database from this machine."""
    every = [row.id for row in transaction.all(select(schema.environments.c.id))]
    for id_ in every if environment_id is None else [environment_id]:
        call = call_in(core, transaction, id_)
        if call is not None:
            call.about("environment", id_, **details)
            audit.event(call, transaction, action, Actor("local"))


def call_in(core: Core, transaction: Transaction, environment_id: str) -> Call | None:
    """A call from this machine in an environment, None where that is gone."""
    environment = environment_row(transaction, schema.environments.c.id == environment_id)
    if environment is None:
        return None
    call = Call(core, INIT, Source())
    call.enter(environment)
    return call


def _issue(call: Call, transaction: Transaction, kind: str) -> str:
    key, stored = new_key(call.core.randomness, kind)
    values = stored | {
        "id": call.new_id(),
        "environment_id": call.environment_id,
        "type": kind,
        "name": f"init {kind}",
        "scopes": [],
        "created_at": call.now,
    }
    transaction.insert(schema.api_keys, values)
    return key


def type_of(environment: str) -> EnvironmentType:
    """dev, staging and prod are of their own kind, all others custom."""
    if environment == "dev":
        return "dev"
    if environment == "staging":
        return "staging"
    return "prod" if environment == "prod" else "custom"


def environment_types(transaction: Transaction) -> set[str]:
    """The types of all environments there are."""
    return {str(row.type) for row in transaction.all(select(schema.environments.c.type).distinct())}
