"""Organizations and projects as people name them: by id, by name or by slug."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from bkendctl.cli.context import Context
from bkendctl.client.voice import Voice
from bkendctl.contract import organizations, projects
from bkendctl.contract.errors import Failure

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Organization = Annotated[str, typer.Argument(help="Id, or name.", metavar="ORGANIZATION")]
Project = Annotated[
    str | None,
    typer.Argument(help="Id, or name; the profile's when left out.", metavar="PROJECT"),
]
ProjectOption = Annotated[
    str | None,
    typer.Option("--project", help="Id, or name; the profile's when left out.", metavar="PROJECT"),
]


def organization_id(ctx: Context, named: str, *, voice: Voice = Voice.ADMIN) -> str:
    """The id of an organization. organization/not-found, cli/ambiguous."""
    return _id(ctx, named, organizations.LIST, "organization/not-found", voice)


def project_id(ctx: Context, named: str | None) -> str:
    """The id of a project, the profile's where none is named. project/not-found, cli/ambiguous, cli/usage."""
    if named is not None:
        return _id(ctx, named, projects.LIST, "project/not-found", Voice.ADMIN)
    if ctx.profile.project_id is None:
        ctx.refuse("The profile knows no project: name one.", hint="bkendctl projects list")
    return str(ctx.profile.project_id)


def _id(ctx: Context, named: str, listing: Any, not_found: str, voice: Voice) -> str:
    """An id as it is; else whose name or slug it is, an exact name going before a slug."""
    if _UUID.fullmatch(named):
        return named
    found = ctx.every(listing, listing.request(limit=100), voice=voice)
    for label in ("name", "slug"):
        meant = [each.id for each in found if getattr(each, label) == named]
        if len(meant) > 1:
            message = f"{len(meant)} have the {label} {named}: {', '.join(meant[:4])}."
            raise Failure("cli/ambiguous", message, hint="name the id")
        if meant:
            return str(meant[0])
    raise Failure(not_found)
