"""Projects of an organization, with the settings that all their environments share."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from bkendctl.contract.environments import Environment, InitialKeys, ProjectId
from bkendctl.contract.fields import Description, Limit, Name, Slug, Timestamp, Url, Uuid
from bkendctl.contract.operation import Access, Body, Message, Operation
from bkendctl.contract.paging import Page, PageRequest

Origin = Annotated[
    str,
    Meta(
        pattern=r"^(\*|https?://[^/?#\s]+)$",
        max_length=255,
        description="an origin such as https://app.example.com, or *",
    ),
]
Issuer = Annotated[str, Meta(min_length=1, max_length=255, description="1 to 255 characters")]


class Project(Body, kw_only=True):
    """issuer: iss of the access tokens. publicUrl: base of the links in mails."""

    id: str
    organization_id: str
    name: str
    slug: str
    description: str | None
    issuer: str
    cors_origins: list[str]
    public_url: str | None
    environments: list[Environment]
    created_at: Timestamp
    updated_at: Timestamp


class ProjectCreated(Project, kw_only=True):
    """A project just made, with the keys of its environment dev."""

    initial_keys: InitialKeys


class ListProjects(PageRequest, kw_only=True):
    """organizationId: only of this one."""

    limit: Limit = 20
    organization_id: Uuid | UnsetType = UNSET


class Create(Body, kw_only=True):
    """slug: unique in the organization, made from the name when left out."""

    organization_id: Uuid
    name: Name
    slug: Slug | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET


class Update(Body, kw_only=True):
    """What to change; null clears. Tokens of a former issuer are taken until they expire."""

    project_id: str
    name: Name | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    issuer: Issuer | UnsetType = UNSET
    cors_origins: (
        Annotated[list[Origin], Meta(max_length=10, description="at most 10 origins")] | UnsetType
    ) = UNSET
    public_url: Url | UnsetType | None = UNSET


class Delete(Body, kw_only=True):
    """confirm repeats the project's name."""

    project_id: str
    confirm: Name


LIST = Operation(
    name="projects.list",
    operation_id="list_projects",
    method="GET",
    path="/v1/projects",
    summary="Projects of organizations the caller may see",
    access=Access.MEMBER_OR_ADMIN,
    scope="projects:list",
    request=ListProjects,
    response=Page[Project],
    extension=True,
)

CREATE = Operation(
    name="projects.create",
    operation_id="create_project",
    method="POST",
    path="/v1/projects",
    summary="Make a project with its environment dev",
    access=Access.MANAGER_OR_ADMIN,
    scope="projects:create",
    request=Create,
    response=ProjectCreated,
    status=201,
    extension=True,
    errors=("organization/not-found", "project/slug-already-exists"),
)

GET = Operation(
    name="projects.get",
    operation_id="get_project",
    method="GET",
    path="/v1/projects/{projectId}",
    summary="One project with its settings",
    access=Access.MEMBER_OR_ADMIN,
    scope="projects:read",
    request=ProjectId,
    response=Project,
    extension=True,
    errors=("project/not-found",),
)

UPDATE = Operation(
    name="projects.update",
    operation_id="update_project",
    method="PATCH",
    path="/v1/projects/{projectId}",
    summary="Rename, describe or set up a project",
    access=Access.MANAGER_OR_ADMIN,
    scope="projects:update",
    request=Update,
    response=Project,
    extension=True,
    errors=("project/not-found",),
)

DELETE = Operation(
    name="projects.delete",
    operation_id="delete_project",
    method="DELETE",
    path="/v1/projects/{projectId}",
    summary="Delete a project for good",
    access=Access.MANAGER_OR_ADMIN,
    scope="projects:delete",
    request=Delete,
    response=Message,
    extension=True,
    errors=("project/not-found",),
)
