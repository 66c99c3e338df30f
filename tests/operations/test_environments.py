"""Environments of a project: added with keys of their own, deleted with all that is in them."""

from __future__ import annotations

from typing import Any

import pytest

from bkendctl.contract import audit_events, environments, organizations, projects, users
from bkendctl.core import schema
from bkendctl.core.database import Database
from bkendctl.core.runtime import Core
from tests.conftest import MASTER_KEY, World, at_once
from tests.operations import tenancy
from tests.operations.test_projects import get, rows_of_environments


def delete(world: World, project_id: str, name: str, **fields: Any) -> environments.Delete:
    """Name an environment that is to go."""
    return environments.Delete(**{"project_id": project_id, "environment": name, "confirm": name} | fields)


def names(world: World, project_id: str, **how: Any) -> list[str]:
    """The environments of a project."""
    found = world.call(environments.LIST, environments.ProjectId(project_id=project_id), **how)
    return [each.environment for each in found.items]


def test_an_environment_is_added_empty_with_keys_of_its_own(world: World) -> None:
    """It has the type asked for, no users, and keys that reach it alone; a name is had once."""
    project_id = world.installed.project_id
    world.sign_up()
    request = environments.Create(project_id=project_id, environment="staging", environment_type="staging")
    made = world.call(environments.CREATE, request, key="sk")
    assert (made.environment, made.environment_type, made.user_count) == ("staging", "staging", 0)
    assert made.initial_keys.secret.environment == "staging"
    there = tenancy.world_of(world, made)
    assert there.call(users.LIST, key="sk").items == []
    assert names(world, project_id, key="sk") == names(there, project_id, key="sk") == ["dev", "staging"]
    assert world.refused(environments.CREATE, request, key="sk").code == "project/environment-already-exists"
    for field in ({"environment": "Prod"}, {"environment_type": "production"}):
        bad = environments.Create(
            **{"project_id": project_id, "environment": "x", "environment_type": "custom"} | field  # type: ignore[arg-type]
        )
        assert world.refused(environments.CREATE, bad, key="sk").code == "common/invalid-parameters"


def test_of_two_who_add_the_same_one_succeeds(world: World) -> None:
    """From two environments at once: the other is told that it exists."""
    worlds = (world, world.beside("other"))
    project_id = world.installed.project_id
    answers = at_once(2, lambda number: tenancy.environment(worlds[number], project_id, "new", key="sk"))
    assert [each for each in answers if isinstance(each, str)] == ["project/environment-already-exists"]


def test_managers_add_and_delete_members_do_not(world: World) -> None:
    """Owners and admins of the organization any of it, before all else is looked at."""
    owner = world.sign_up()
    made = tenancy.organization(world, owner)
    shop = tenancy.project(world, made.id, token=owner)
    admin, member = (tenancy.add(world, made.id, f"{role}@example.com", role) for role in ("admin", "member"))
    stranger = world.sign_up("stranger@example.com")
    tenancy.environment(world, shop.id, "staging", token=admin)
    bad = environments.Create(project_id=shop.id, environment="!", environment_type="custom")
    gone = delete(world, shop.id, "nowhere")
    for operation, request in ((environments.CREATE, bad), (environments.DELETE, gone)):
        assert world.refused(operation, request, token=member).code == "auth/forbidden"
        assert world.refused(operation, request, token=stranger).code == "project/not-found"
    assert names(world, shop.id, token=member) == ["dev", "staging"]
    assert world.refused(environments.DELETE, gone, token=owner).code == "data/environment-not-found"
    wrong = delete(world, shop.id, "staging", confirm="stagin")
    assert "confirm" in (world.refused(environments.DELETE, wrong, token=owner).details or {})
    world.call(environments.DELETE, delete(world, shop.id, "staging"), token=admin)
    last = delete(world, shop.id, "dev")
    assert world.refused(environments.DELETE, last, token=owner).code == "project/last-environment"
    assert names(world, shop.id, token=owner) == ["dev"]


def test_a_secret_key_or_admin_deletes_the_own_environment_alone(world: World) -> None:
    """Another one is out of reach, of this project and of others (decision 138)."""
    project_id = world.installed.project_id
    other = world.beside("other")
    token = other.sign_up()
    role = users.SetRole(user_id=other.me(token).id, role="admin")
    other.call(users.SET_ROLE, role, key="sk")
    shop = tenancy.project(world, world.installed.organization_id, key="sk")
    for how in ({"key": "sk"}, {"token": token}):
        for target in (delete(world, project_id, "dev"), delete(world, shop.id, "dev")):
            assert other.refused(environments.DELETE, target, **how).code == "auth/forbidden"
    other.call(environments.DELETE, delete(world, project_id, "other"), token=token)
    assert other.refused(users.LIST, key="sk").code == "auth/invalid-token"
    assert other.refusal(other.me, token) == "auth/invalid-token"
    newest = world.call(audit_events.LIST, key="sk").items[0]
    assert (newest.action, newest.actor.label) == ("environments.delete", "a***@example.com")
    assert newest.details["environment"] == "other"


def test_a_deleted_environment_leaves_nothing_behind(world: World) -> None:
    """No row of any table names it, its organizations go along, and what others had to do with them."""
    other = world.beside("other")
    token = other.sign_up()
    other.enrol(token)
    gone = tenancy.organization(other, token)
    (before,) = (each for each in get(world, world.installed.project_id, key="sk").environments
                 if each.environment == "other")  # fmt: skip
    assert rows_of_environments(world, {before.id}) != []
    other.call(environments.DELETE, delete(world, world.installed.project_id, "other"), key="sk")
    assert rows_of_environments(world, {before.id}) == []
    with world.core.database.read() as transaction:
        assert transaction.row(schema.organizations, id=gone.id) is None
        assert transaction.all(schema.memberships.select()) == []
    assert world.call(users.LIST, key="sk").items == []


def test_an_organization_that_owns_a_project_elsewhere_outlives_its_environment(world: World) -> None:
    """The users of the project are not to be lost with an environment that is none of theirs."""
    other = world.beside("other")
    owner = other.sign_up()
    made = tenancy.organization(other, owner)
    shop = tenancy.project(other, made.id, token=owner)
    there = tenancy.world_of(other, shop)
    there.sign_up("customer@example.com")
    other.call(environments.DELETE, delete(world, world.installed.project_id, "other"), key="sk")
    assert there.call(users.LIST, key="sk").pagination.total == 1
    (kept,) = there.call(organizations.LIST, key="sk").items
    assert (kept.id, kept.member_count) == (made.id, 0)
    there.call(projects.UPDATE, projects.Update(project_id=shop.id, name="Still here"), key="sk")


@pytest.mark.parametrize("world", ["embedded", "http-postgresql"], indirect=True)
def test_what_is_under_way_in_a_deleted_environment_is_refused(world: World) -> None:
    """Sign-ups that run while it is deleted end in an account of nobody or in a refusal, never in a fault."""
    other = world.beside("other")
    world.sign_up("stays@example.com")

    def act(number: int) -> Any:
        if number == 0:
            return other.call(
                environments.DELETE, delete(world, world.installed.project_id, "other"), key="sk"
            )
        return other.sign_up(f"u{number}@example.com")

    answers = at_once(4, act)
    assert not isinstance(answers[0], str)
    refusals = {answer for answer in answers if isinstance(answer, str)}
    assert refusals <= {"auth/invalid-token", "common/unavailable"}
    assert rows_of_environments(world, set()) == []


@pytest.mark.parametrize("world", ["embedded", "embedded-postgresql"], indirect=True)
def test_every_other_process_refuses_with_the_next_request(world: World) -> None:
    """One that has just served the environment, and remembers what it read, knows at once that it is gone."""
    other = world.beside("other")
    token = other.sign_up()
    database = Database(world.core.database.url)
    elsewhere = World(Core(database, MASTER_KEY, clock=world.clock), world.clock, other.installed)
    assert elsewhere.me(token) == elsewhere.me(token)
    other.call(environments.DELETE, delete(world, world.installed.project_id, "other"), key="sk")
    assert elsewhere.refusal(elsewhere.me, token) == "auth/invalid-token"
    assert elsewhere.refusal(elsewhere.refresh, token) == "auth/invalid-token"
    assert elsewhere.refused(users.LIST, key="sk").code == "auth/invalid-token"
    database.close()
