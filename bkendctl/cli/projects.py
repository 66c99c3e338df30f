"""bkendctl projects: make, set up, delete."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from msgspec import UNSET

from bkendctl.cli import keeping, resources
from bkendctl.cli.context import Context
from bkendctl.cli.keeping import NewProfile
from bkendctl.cli.options import Noun
from bkendctl.cli.resources import Project
from bkendctl.cli.subject import CLEAR, typed
from bkendctl.cli.tables import KEEP, Column, View
from bkendctl.client.voice import Voice
from bkendctl.contract import projects
from bkendctl.contract.environments import ProjectId

noun = Noun("Projects: make, set up, delete.")


def _environments(project: Any) -> str:
    return ", ".join(each["environment"] for each in project["environments"])


ONE = View(
    columns=(
        Column("Id", "id"),
        Column("Name", "name"),
        Column("Slug", "slug"),
        Column("Description", "description", style="text", optional=True),
        Column("Organization", "organizationId"),
        Column("Environments", _environments),
        Column("Issuer", "issuer"),
        Column("CORS origins", lambda project: ", ".join(project["corsOrigins"])),
        Column("Public URL", "publicUrl"),
        Column("Created", "createdAt", style="time"),
    ),
)
MADE = View(
    columns=(
        Column("Project", "id"),
        Column("Name", "name"),
        Column("Environment", _environments),
    ),
)
MANY = View(
    columns=(
        Column("Id", "id", KEEP),
        Column("Name", "name", 9),
        Column("Environments", _environments, 8),
        Column("Slug", "slug", 5),
        Column("Created", "createdAt", 4, "time"),
    ),
    noun="projects",
    offer=lambda project: (project["id"], project["name"]),
)


@noun.verb("list")
def list_projects(
    ctx: Context,
    organization: Annotated[
        str | None, typer.Option(help="Only of this one: id, or name.", metavar="ORGANIZATION")
    ] = None,
    page: Annotated[int, typer.Option(help="Page, from 1.")] = 1,
    limit: Annotated[int, typer.Option(help="Projects per page, 1 to 100.")] = 20,
) -> None:
    """List the projects you may see.

    Example: bkendctl projects list
    """
    request = projects.ListProjects(page=page, limit=limit)
    if organization is not None:
        request.organization_id = resources.organization_id(ctx, organization)
    ctx.show(ctx.call(projects.LIST, request, voice=Voice.ADMIN), MANY)


@noun.verb("create")
def create(
    ctx: Context,
    organization: Annotated[
        str, typer.Option("--organization", help="Whose: id, or name.", metavar="ORGANIZATION")
    ],
    name: Annotated[str, typer.Option(help="Name of the project.")],
    slug: Annotated[str | None, typer.Option(help="URL label; made from the name when left out.")] = None,
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    new_profile: NewProfile = None,
) -> None:
    """Make a project with its environment dev.

    The first keys there are shown once, or kept in a new profile.

    Example: bkendctl projects create --organization Acme --name Shop --new-profile shop
    """
    new_profile = keeping.chosen_profile(ctx, new_profile, slug or name)
    request = projects.Create(
        organization_id=resources.organization_id(ctx, organization),
        name=name,
        slug=UNSET if slug is None else slug,
        description=UNSET if description is None else description,
    )
    made = ctx.call(projects.CREATE, request, voice=Voice.ADMIN)
    if new_profile is not None:
        keeping.keep(ctx, new_profile, made.initial_keys, "dev")
    keeping.show_made(ctx, made, MADE, new_profile)


@noun.verb("get")
def get(ctx: Context, project: Project = None) -> None:
    """Show a project with its settings.

    Example: bkendctl projects get
    """
    request = ProjectId(project_id=resources.project_id(ctx, project))
    ctx.show(ctx.call(projects.GET, request, voice=Voice.ADMIN), ONE)


@noun.verb("update")
def update(
    ctx: Context,
    project: Project = None,
    name: Annotated[str | None, typer.Option(help="New name.")] = None,
    description: Annotated[str | None, typer.Option(help="What it is for; null clears.")] = None,
    issuer: Annotated[
        str | None, typer.Option(help="iss of the access tokens; those of the former one run out.")
    ] = None,
    cors_origin: Annotated[
        list[str] | None,
        typer.Option(
            help="Origin of browsers, or *; repeatable, null for none.",
            metavar="ORIGIN",
        ),
    ] = None,
    public_url: Annotated[
        str | None, typer.Option(help="Base of the links in mails; null clears.", metavar="URL")
    ] = None,
) -> None:
    """Rename, describe or set up a project.

    Issuer, origins and public URL count in all its environments.

    Example: bkendctl projects update --public-url https://auth.example.com --cors-origin https://example.com
    """
    changes = typed(
        ctx, name=name, description=description, issuer=issuer, cors_origins=cors_origin or None,
        public_url=public_url,
    )  # fmt: skip
    if cors_origin == [CLEAR]:
        changes["cors_origins"] = []
    if name is not None:
        changes["name"] = name  # which cannot be cleared, so a project may be called null
    project_id = resources.project_id(ctx, project)
    if issuer is not None or cors_origin or public_url is not None:
        ctx.confirm_in_prod("Change what all environments of the project go by?")
    request = projects.Update(project_id=project_id, **changes)
    ctx.show(ctx.call(projects.UPDATE, request, voice=Voice.ADMIN), ONE)


@noun.verb("delete")
def delete(ctx: Context, project: Project = None) -> None:
    """Delete a project for good, with all that is in it.

    A secret key deletes the own project, once no other environment is left; owners and admins of the
    organization any of it.

    Example: bkendctl projects delete Shop --as user
    """
    found = ctx.call(
        projects.GET, ProjectId(project_id=resources.project_id(ctx, project)), voice=Voice.ADMIN
    )
    users = sum(environment.user_count for environment in found.environments)
    what = ", ".join(environment.environment for environment in found.environments)
    ctx.confirm(f"Delete the project {found.name} for good, with {what} and {users} users?")
    request = projects.Delete(project_id=found.id, confirm=found.name)
    ctx.show(ctx.call(projects.DELETE, request, voice=Voice.ADMIN))
