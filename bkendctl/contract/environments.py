"""Environments of a project: users, keys and settings apart from one another."""

from __future__ import annotations

from bkendctl.contract.fields import EnvironmentName, EnvironmentType, Name, Timestamp
from bkendctl.contract.keys import ApiKeyWithSecret
from bkendctl.contract.operation import Access, Body, Message, Operation


class Environment(Body, kw_only=True):
    """dev alone opens the /v1/dev paths."""

    id: str
    project_id: str
    environment: str
    environment_type: EnvironmentType
    user_count: int
    created_at: Timestamp


class Environments(Body, kw_only=True):
    """All environments of a project, oldest first."""

    items: list[Environment]


class InitialKeys(Body, kw_only=True):
    """First keys of a new environment, shown this once."""

    publishable: ApiKeyWithSecret
    secret: ApiKeyWithSecret


class EnvironmentCreated(Environment, kw_only=True):
    """An environment just made."""

    initial_keys: InitialKeys


class ProjectId(Body, kw_only=True):
    """Which project."""

    project_id: str


class Create(Body, kw_only=True):
    """Name and kind of the new environment."""

    project_id: str
    environment: EnvironmentName
    environment_type: EnvironmentType


class Delete(Body, kw_only=True):
    """confirm repeats the environment's name."""

    project_id: str
    environment: str
    confirm: Name


LIST = Operation(
    name="environments.list",
    operation_id="list_environments",
    method="GET",
    path="/v1/projects/{projectId}/environments",
    summary="Environments of a project",
    access=Access.MEMBER_OR_ADMIN,
    scope="projects:read",
    request=ProjectId,
    response=Environments,
    extension=True,
    errors=("project/not-found",),
)

CREATE = Operation(
    name="environments.create",
    operation_id="create_environment",
    method="POST",
    path="/v1/projects/{projectId}/environments",
    summary="Add an environment",
    access=Access.MANAGER_OR_ADMIN,
    scope="projects:update",
    request=Create,
    response=EnvironmentCreated,
    status=201,
    extension=True,
    errors=("project/environment-already-exists", "project/not-found"),
)

DELETE = Operation(
    name="environments.delete",
    operation_id="delete_environment",
    method="DELETE",
    path="/v1/projects/{projectId}/environments/{environment}",
    summary="Delete an environment for good",
    access=Access.MANAGER_OR_ADMIN,
    scope="projects:delete",
    request=Delete,
    response=Message,
    extension=True,
    errors=("data/environment-not-found", "project/last-environment", "project/not-found"),
)
