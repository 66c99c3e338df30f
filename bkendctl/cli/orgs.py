"""bkendctl orgs: organizations and their members."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from msgspec import UNSET

from bkendctl.cli import resources
from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun, one_of
from bkendctl.cli.resources import Organization
from bkendctl.cli.subject import typed
from bkendctl.cli.tables import KEEP, Column, View
from bkendctl.client.voice import Voice
from bkendctl.contract import members, organizations
from bkendctl.contract.errors import Failure
from bkendctl.contract.fields import OrganizationRole

noun = Noun("Organizations and their members.")
of_members = Noun("Members of an organization: list, roles, remove.")
noun.add_typer(of_members, name="members")

User = Annotated[str, typer.Argument(help="Id or e-mail.", metavar="USER")]

ONE = View(
    columns=(
        Column("Id", "id"),
        Column("Name", "name"),
        Column("Slug", "slug"),
        Column("Shown as", "displayName", optional=True),
        Column("Description", "description", style="text", optional=True),
        Column("Your role", "role"),
        Column("Members", "memberCount", style="number"),
        Column("Created", "createdAt", style="time"),
    ),
)
MANY = View(
    columns=(
        Column("Id", "id", KEEP),
        Column("Name", "name", 9),
        Column("Your role", "role", 8),
        Column("Members", "memberCount", 7, "number"),
        Column("Slug", "slug", 5),
        Column("Created", "createdAt", 4, "time"),
    ),
    noun="organizations",
    offer=lambda organization: (organization["id"], organization["name"]),
)
MEMBER = View(
    columns=(
        Column("User", "userId"),
        Column("E-mail", "email"),
        Column("Name", "name"),
        Column("Role", "role"),
        Column("Joined", "joinedAt", style="time"),
    ),
    quiet="userId",
)
MEMBERS = View(
    columns=(
        Column("E-mail", "email", KEEP),
        Column("Role", "role", 9),
        Column("Name", "name", 6),
        Column("Joined", "joinedAt", 5, "time"),
        Column("User", "userId", 4),
    ),
    quiet="userId",
    noun="members",
)


def _call(ctx: Context, operation: Any, request: Any) -> Any:
    return ctx.call(operation, request, voice=Voice.ADMIN)


@noun.verb("list")
def list_organizations(
    ctx: Context,
    page: Annotated[int, typer.Option(help="Page, from 1.")] = 1,
    limit: Annotated[int, typer.Option(help="Organizations per page, 1 to 100.")] = 20,
) -> None:
    """List the organizations you may see.

    Example: bkendctl orgs list
    """
    ctx.show(_call(ctx, organizations.LIST, organizations.ListOrganizations(page=page, limit=limit)), MANY)


@noun.verb("create")
def create(
    ctx: Context,
    name: Annotated[str, typer.Option(help="Name of the organization.")],
    owner: Annotated[
        str | None,
        typer.Option(
            help="First owner, id or e-mail; you when signed in, needed with a key.", metavar="USER"
        ),
    ] = None,
    slug: Annotated[str | None, typer.Option(help="URL label; made from the name when left out.")] = None,
    display_name: Annotated[str | None, typer.Option(help="Name to show instead.")] = None,
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
) -> None:
    """Make an organization.

    Example: bkendctl orgs create --name Acme --owner alice@example.com
    """
    request = organizations.Create(name=name)
    if owner is not None:
        request.owner_user_id = ctx.user_id(owner)
    for field, value in (("slug", slug), ("display_name", display_name), ("description", description)):
        if value is not None:
            setattr(request, field, value)
    try:
        made = _call(ctx, organizations.CREATE, request)
    except Failure as failure:
        if owner is None and "ownerUserId" in (failure.details or {}):  # a key is nobody who could own it
            failure.hint = "bkendctl orgs create --owner USER, or --as user"
        raise
    ctx.show(made, ONE)


@noun.verb("get")
def get(ctx: Context, organization: Organization) -> None:
    """Show one organization.

    Example: bkendctl orgs get Acme
    """
    request = organizations.OrganizationId(organization_id=resources.organization_id(ctx, organization))
    ctx.show(_call(ctx, organizations.GET, request), ONE)


@noun.verb("update")
def update(
    ctx: Context,
    organization: Organization,
    name: Annotated[str | None, typer.Option(help="New name.")] = None,
    display_name: Annotated[str | None, typer.Option(help="Name to show instead; null clears.")] = None,
    description: Annotated[str | None, typer.Option(help="What it is for; null clears.")] = None,
) -> None:
    """Rename or describe an organization; the slug is fixed.

    Example: bkendctl orgs update Acme --display-name "Acme"
    """
    changes = typed(ctx, name=name, display_name=display_name, description=description)
    if name is not None:
        changes["name"] = name  # which cannot be cleared, so an organization may be called null
    organization_id = resources.organization_id(ctx, organization)
    request = organizations.Update(organization_id=organization_id, **changes)
    ctx.show(_call(ctx, organizations.UPDATE, request), ONE)


@noun.verb("delete")
def delete(ctx: Context, organization: Organization) -> None:
    """Delete an organization that holds no projects.

    Example: bkendctl orgs delete Acme
    """
    organization_id = resources.organization_id(ctx, organization)
    found = _call(ctx, organizations.GET, organizations.OrganizationId(organization_id=organization_id))
    ctx.confirm(f"Delete the organization {found.name} for good, with {found.member_count} members?")
    request = organizations.Delete(organization_id=found.id, confirm=found.name)
    ctx.show(_call(ctx, organizations.DELETE, request))


@noun.verb("switch")
def switch(ctx: Context, organization: Organization) -> None:
    """Put an organization and your role into the tokens.

    Example: bkendctl orgs switch Acme
    """
    organization_id = resources.organization_id(ctx, organization, voice=Voice.USER)
    request = organizations.Switch(organization_id=organization_id)
    pair = ctx.speaker.trade(organizations.SWITCH, request)
    if ctx.output.format == "table" and not ctx.option("quiet"):
        ctx.say.done(f"the tokens name the organization {organization_id}: bkendctl token show")
    else:
        ctx.show(
            {"organizationId": organization_id, "expiresIn": pair.expires_in}, View(quiet="organizationId")
        )


@of_members.verb("list")
def list_members(
    ctx: Context,
    organization: Organization,
    role: Annotated[
        str | None, typer.Option(help="Only with this role.", metavar=one_of(OrganizationRole))
    ] = None,
    page: Annotated[int, typer.Option(help="Page, from 1.")] = 1,
    limit: Annotated[int, typer.Option(help="Members per page, 1 to 100.")] = 20,
) -> None:
    """List the members, those of this environment.

    Example: bkendctl orgs members list Acme --role owner
    """
    chosen: Any = UNSET if role is None else role
    request = members.ListMembers(
        organization_id=resources.organization_id(ctx, organization), role=chosen, page=page, limit=limit
    )
    ctx.show(_call(ctx, members.LIST, request), MEMBERS)


@of_members.verb("set-role")
def set_role(
    ctx: Context,
    organization: Organization,
    user: User,
    role: Annotated[str, typer.Argument(help="Role to give.", metavar=one_of(OrganizationRole))],
) -> None:
    """Give a member a role; the last owner stays.

    Owners are made and unmade by owners, or by an admin of the environment.

    Example: bkendctl orgs members set-role Acme bob@example.com admin
    """
    chosen: Any = role
    request = members.SetRole(
        organization_id=resources.organization_id(ctx, organization),
        user_id=member_id(ctx, organization, user),
        role=chosen,
    )
    ctx.confirm_in_prod(f"Give {user} the role {role} in {organization}?")
    ctx.show(_call(ctx, members.SET_ROLE, request), MEMBER)


@of_members.verb("remove")
def remove(ctx: Context, organization: Organization, user: User) -> None:
    """Remove a member, or leave.

    Example: bkendctl orgs members remove Acme bob@example.com
    """
    request = members.MemberId(
        organization_id=resources.organization_id(ctx, organization),
        user_id=member_id(ctx, organization, user),
    )
    ctx.confirm(f"Remove {user} from the organization {organization}?")
    ctx.show(_call(ctx, members.REMOVE, request))


def member_id(ctx: Context, organization: str, user: str) -> str:
    """The id of a member named by id or e-mail; who is no admin of the environment finds members alone."""
    if "@" not in user:
        return user
    request = members.ListMembers(organization_id=resources.organization_id(ctx, organization), limit=100)
    email = user.strip().lower()
    found = next((each for each in ctx.every(members.LIST, request) if each.email == email), None)
    return user if found is None else str(found.user_id)
