"""Ways to invite and answer that the tests of invitations share."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from bkendctl.contract import invitations
from bkendctl.contract.accounts import TokenPair, User
from tests.conftest import World

BOB = "bob@example.com"


def wanted(world: World, **fields: Any) -> invitations.Create:
    """Bob is to become a member of the organization."""
    organization = {"resource_type": "organization", "resource_id": world.installed.organization_id}
    return invitations.Create(**organization | {"email": BOB, "resource_role": "member"} | fields)


def invite(world: World, *, key: str = "sk", token: TokenPair | None = None, **fields: Any) -> Any:
    """Invite, as the secret key unless said otherwise."""
    return world.call(invitations.CREATE, wanted(world, **fields), key=key, token=token)


def query_of(link: str) -> dict[str, str]:
    """What a link carries."""
    return {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}


def mailed_token(world: World, to: str = BOB) -> str:
    """The token of the newest invitation mailed to an address; a mail has one link."""
    newest = max(world.mails("invitation", to=to), key=lambda mail: mail.created_at)
    (link,) = newest.links
    return query_of(link)["token"]


def accept(world: World, token: str, **fields: Any) -> Any:
    """Accept with a token."""
    return world.call(invitations.ACCEPT, invitations.Accept(token=token, **fields))


def member(world: World, email: str, role: str, **fields: Any) -> tuple[User, TokenPair]:
    """A user with a proven address and a role in the organization, signed in."""
    world.make_user(email, email_verified=True, password="Corr3ct-horse!")
    invite(world, email=email, resource_role=role, **fields)
    accept(world, mailed_token(world, email))
    token = world.sign_in(email)
    return world.me(token), token


def by_id(invitation: Any) -> invitations.InvitationId:
    """Name an invitation."""
    return invitations.InvitationId(invitation_id=invitation.id)
