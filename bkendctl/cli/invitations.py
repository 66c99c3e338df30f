"""bkendctl invitations: invite, answer, take back."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from msgspec import UNSET

from bkendctl.cli import resources
from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun, one_of
from bkendctl.cli.prompt import code_or_stdin
from bkendctl.cli.tables import KEEP, Column, View
from bkendctl.client.voice import Voice
from bkendctl.contract import invitations
from bkendctl.contract.fields import OrganizationRole

noun = Noun("Invite to organizations and projects.")

Invitation = Annotated[str, typer.Argument(help="Id, or its first 8 characters.", metavar="INVITATION")]
Token = Annotated[
    str, typer.Option("--token", help="Token of the link; - reads it from stdin.", metavar="TOKEN")
]

ONE = View(
    columns=(
        Column("Id", "id"),
        Column("E-mail", "email"),
        Column("To", "resourceName"),
        Column("Role", "resourceRole"),
        Column("Status", "status"),
        Column("Membership waits", "membershipPending"),
        Column("Expires", "expiresAt", style="time"),
    ),
)
LINK = ONE._replace(columns=(*ONE.columns, Column("Link", "link")), quiet="link")
MANY = View(
    columns=(
        Column("Id", "id", KEEP),
        Column("E-mail", "email", 9),
        Column("To", "resourceName", 6),
        Column("Role", "resourceRole", 7),
        Column("Status", "status", 8),
        Column("Expires", "expiresAt", 5, "time"),
    ),
    noun="invitations",
    offer=lambda invitation: (invitation["id"], invitation["email"]),
)


@noun.verb("create")
def create(
    ctx: Context,
    email: Annotated[str, typer.Argument(help="Whom to invite.")],
    organization: Annotated[
        str | None, typer.Option(help="To this one: id, or name.", metavar="ORGANIZATION")
    ] = None,
    project: Annotated[
        str | None,
        typer.Option(help="To this one: id, or name; the profile's when left out.", metavar="PROJECT"),
    ] = None,
    role: Annotated[
        str, typer.Option(help="In a project admin or member.", metavar=one_of(OrganizationRole))
    ] = "member",
    name: Annotated[str | None, typer.Option(help="Name of the invitee.")] = None,
    callback_url: Annotated[
        str | None, typer.Option(help="Page of your app that the link leads to.", metavar="URL")
    ] = None,
    send: Annotated[
        bool, typer.Option("--send/--no-send", help="Mail the link, or print it instead.")
    ] = True,
) -> None:
    """Invite an address; the link works for seven days.

    A link that is handed out with --no-send proves no mailbox.

    Example: bkendctl invitations create bob@example.com --role member
    """
    if organization and project:
        ctx.refuse("Only one of --organization and --project.")
    if organization:
        resource = resources.organization_id(ctx, organization)
    else:
        resource = resources.project_id(ctx, project)
    kind: Any = "organization" if organization else "project"
    chosen: Any = role
    request = invitations.Create(
        resource_type=kind,
        resource_id=resource,
        email=email,
        name=UNSET if name is None else name,
        resource_role=chosen,
        callback_url=UNSET if callback_url is None else callback_url,
        send=send,
    )
    ctx.show(ctx.call(invitations.CREATE, request, voice=Voice.ADMIN), ONE if send else LINK)


@noun.verb("list")
def list_invitations(
    ctx: Context,
    status: Annotated[
        str | None, typer.Option(help="Only in this state.", metavar=one_of(invitations.InvitationStatus))
    ] = None,
    page: Annotated[int, typer.Option(help="Page, from 1.")] = 1,
    limit: Annotated[int, typer.Option(help="Invitations per page, 1 to 100.")] = 20,
) -> None:
    """List invitations, newest first.

    Example: bkendctl invitations list --status pending
    """
    request = invitations.ListInvitations(page=page, limit=limit)
    if status is not None:
        chosen: Any = status
        request.status = chosen
    ctx.show(ctx.call(invitations.LIST, request, voice=Voice.ADMIN), MANY)


def _id(ctx: Context, invitation: str) -> invitations.InvitationId:
    full = ctx.full_id(invitation, invitations.LIST, "auth/invitation-not-found", voice=Voice.ADMIN)
    return invitations.InvitationId(invitation_id=full)


@noun.verb("get")
def get(ctx: Context, invitation: Invitation) -> None:
    """Show one invitation.

    Example: bkendctl invitations get 3f2a9c1e
    """
    ctx.show(ctx.call(invitations.GET, _id(ctx, invitation), voice=Voice.ADMIN), ONE)


@noun.verb("accept")
def accept(
    ctx: Context,
    token: Token,
    email: Annotated[
        str | None, typer.Option(help="Invited address, checked when given.", metavar="EMAIL")
    ] = None,
) -> None:
    """Accept an invitation with its token.

    Example: bkendctl invitations accept --token TOKEN
    """
    request = invitations.Accept(token=code_or_stdin(token, option="--token"))
    if email is not None:
        request.email = email
    ctx.show(ctx.call(invitations.ACCEPT, request, voice=Voice.GUEST), ONE)


@noun.verb("reject")
def reject(
    ctx: Context,
    token: Token,
    email: Annotated[str, typer.Option("--email", help="Invited address.", metavar="EMAIL")],
) -> None:
    """Decline an invitation with its token.

    Example: bkendctl invitations reject --token TOKEN --email bob@example.com
    """
    request = invitations.Reject(token=code_or_stdin(token, option="--token"), email=email)
    answer = ctx.call(invitations.REJECT, request, voice=Voice.GUEST)
    if ctx.output.format == "table":
        ctx.say.done("the invitation was declined")
    else:
        ctx.show(answer)


@noun.verb("revoke")
def revoke(ctx: Context, invitation: Invitation) -> None:
    """Take an open invitation back.

    Example: bkendctl invitations revoke 3f2a9c1e --yes
    """
    request = _id(ctx, invitation)
    ctx.confirm(f"Take back the invitation {invitation}?")
    ctx.show(ctx.call(invitations.REVOKE, request, voice=Voice.ADMIN))


@noun.verb("resend")
def resend(ctx: Context, invitation: Invitation) -> None:
    """Mail an open or expired invitation again, with a new token.

    Example: bkendctl invitations resend 3f2a9c1e
    """
    ctx.show(ctx.call(invitations.RESEND, _id(ctx, invitation), voice=Voice.ADMIN), ONE)
