"""bkendctl environments: of a project, each with users, keys and settings of its own."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from bkendctl.cli import keeping, resources
from bkendctl.cli.context import Context
from bkendctl.cli.keeping import NewProfile
from bkendctl.cli.options import Noun, one_of
from bkendctl.cli.resources import ProjectOption
from bkendctl.cli.tables import KEEP, Column, View
from bkendctl.client.voice import Voice
from bkendctl.contract import environments
from bkendctl.contract.errors import Failure
from bkendctl.contract.fields import EnvironmentType

noun = Noun("Environments of a project: list, create, delete.")

NAMED_AS_THEIR_TYPE = ("dev", "staging", "prod")

Name = Annotated[str, typer.Argument(help="Name of the environment.", metavar="ENVIRONMENT")]

MADE = View(
    columns=(
        Column("Project", "projectId"),
        Column("Environment", "environment"),
        Column("Type", "environmentType"),
    ),
)


def _many(ctx: Context) -> View:
    def current(environment: Any) -> str:
        here = (ctx.profile.project_id, ctx.profile.environment)
        return "current" if (environment["projectId"], environment["environment"]) == here else ""

    return View(
        columns=(
            Column("Name", "environment", KEEP),
            Column("Current", current, 9),
            Column("Type", "environmentType", 8),
            Column("Users", "userCount", 7, "number"),
            Column("Created", "createdAt", 4, "time"),
            Column("Id", "id", 3),
        ),
        quiet="environment",
        noun="environments",
        real_time=True,
    )


@noun.verb("list")
def list_environments(ctx: Context, project: ProjectOption = None) -> None:
    """List the environments of a project.

    Example: bkendctl environments list
    """
    request = environments.ProjectId(project_id=resources.project_id(ctx, project))
    ctx.show(ctx.call(environments.LIST, request, voice=Voice.ADMIN), _many(ctx))


@noun.verb("create")
def create(
    ctx: Context,
    name: Name,
    kind: Annotated[
        str | None,
        typer.Option(
            "--type", help="As its name is, else custom, when left out.", metavar=one_of(EnvironmentType)
        ),
    ] = None,
    project: ProjectOption = None,
    new_profile: NewProfile = None,
) -> None:
    """Add an environment, empty and with default settings.

    Its first keys are shown once, or kept in a new profile.

    Example: bkendctl environments create staging --new-profile staging
    """
    new_profile = keeping.chosen_profile(ctx, new_profile, name)
    chosen: Any = kind or (name if name in NAMED_AS_THEIR_TYPE else "custom")
    request = environments.Create(
        project_id=resources.project_id(ctx, project), environment=name, environment_type=chosen
    )
    made = ctx.call(environments.CREATE, request, voice=Voice.ADMIN)
    if new_profile is not None:
        keeping.keep(ctx, new_profile, made.initial_keys, made.environment_type)
    keeping.show_made(ctx, made, MADE, new_profile)


@noun.verb("delete")
def delete(ctx: Context, name: Name, project: ProjectOption = None) -> None:
    """Delete an environment for good, with its users and keys.

    A secret key deletes its own; owners and admins of the organization any of it.

    Example: bkendctl environments delete staging --profile staging
    """
    project_id = resources.project_id(ctx, project)
    request = environments.ProjectId(project_id=project_id)
    listed = ctx.call(environments.LIST, request, voice=Voice.ADMIN).items
    found = next((each for each in listed if each.environment == name), None)
    if found is None:
        raise Failure("data/environment-not-found")
    ctx.confirm(f"Delete the environment {name} for good, with {found.user_count} users?")
    wanted = environments.Delete(project_id=project_id, environment=name, confirm=name)
    ctx.show(ctx.call(environments.DELETE, wanted, voice=Voice.ADMIN))
