"""Ways to make organizations, projects and environments that their tests share."""

from __future__ import annotations

from typing import Any

from bkendctl.contract import environments, members, organizations, projects
from bkendctl.contract.accounts import TokenPair
from bkendctl.core.installation import Installed
from tests.conftest import World


def organization(world: World, token: TokenPair, name: str = "Acme") -> organizations.Organization:
    """An organization of the user of a token."""
    made: organizations.Organization = world.call(
        organizations.CREATE, organizations.Create(name=name), token=token
    )
    return made


def project(world: World, organization_id: str, name: str = "Shop", **how: Any) -> Any:
    """A project of an organization, as its response."""
    request = projects.Create(organization_id=organization_id, name=name)
    return world.call(projects.CREATE, request, **how)


def environment(world: World, project_id: str, name: str, **how: Any) -> Any:
    """An environment of a project, of kind custom, as its response."""
    request = environments.Create(project_id=project_id, environment=name, environment_type="custom")
    return world.call(environments.CREATE, request, **how)


def world_of(world: World, made: Any) -> World:
    """The world of those who hold the first keys of what was made."""
    keys = made.initial_keys
    installed = Installed(
        created=True,
        organization_id=world.installed.organization_id,
        project_id=keys.secret.project_id,
        environment=keys.secret.environment,
        environment_type="dev",
        publishable_key=keys.publishable.key,
        secret_key=keys.secret.key,
    )
    return World(world.core, world.clock, installed, world.server)


def add(world: World, organization_id: str, email: str, role: str) -> TokenPair:
    """A member of an organization with a role, signed in, without the way through its mailbox."""
    from bkendctl.core import schema

    token = world.sign_up(email)
    user = world.me(token)
    with world.core.database.write() as transaction:
        own = transaction.row(schema.users, id=user.id)
        assert own is not None
        row = {
            "resource_type": "organization",
            "resource_id": organization_id,
            "user_id": user.id,
            "environment_id": own.environment_id,
            "role": role,
            "joined_at": world.clock.now(),
        }
        transaction.insert(schema.memberships, row)
    return token


def owners(world: World, organization_id: str) -> list[str]:
    """E-mails of the owners in the world's environment."""
    request = members.ListMembers(organization_id=organization_id, role="owner", limit=100)
    return [member.email for member in world.call(members.LIST, request, key="sk").items]
