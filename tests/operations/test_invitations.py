"""Invitations: made, mailed or handed over, listed, taken back, sent again. Not answering them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from msgspec import to_builtins
from sqlalchemy import delete

from bkendctl.contract import accounts, invitations, users
from bkendctl.core import schema
from bkendctl.core.clock import DAY, SECOND, wire
from tests.conftest import World
from tests.operations.invited import (
    BOB,
    accept,
    by_id,
    invite,
    mailed_token,
    member,
    query_of,
    wanted,
)

UNKNOWN = "00000000-0000-4000-8000-000000000000"


def test_an_invitation_is_mailed_and_shown_without_its_token(world: World) -> None:
    """The answer tells all but the link; the mail goes to the invitee with a link of the public URL."""
    made = invite(world, name="Bob", inviter_name="Ann")
    assert (made.status, made.email, made.name, made.inviter_name) == ("pending", BOB, "Bob", "Ann")
    assert (made.resource_name, made.resource_role, made.invited_by) == ("Demo", "member", None)
    assert made.created_at == wire(world.clock.now())
    assert made.expires_at == wire(world.clock.now() + 7 * DAY)
    assert (made.responded_at, made.membership_pending) == (None, False)
    assert "link" not in to_builtins(made)
    (mail,) = world.mails("invitation")
    (link,) = mail.links
    assert mail.to == BOB
    assert link.startswith("http://127.0.0.1:8787/")
    assert query_of(link)["email"] == BOB
    assert len(query_of(link)["token"]) >= 43


def test_the_app_behind_a_callback_gets_token_and_address(world: World) -> None:
    """With callbackUrl the mail leads to the app's own page, its query kept."""
    invite(world, callback_url="https://app.example/join?from=mail")
    (mail,) = world.mails("invitation")
    (link,) = mail.links
    assert link.startswith("https://app.example/join?")
    assert query_of(link) == {"from": "mail", "token": mailed_token(world), "email": BOB}


def test_an_invitation_by_a_user_bears_its_name(world: World) -> None:
    """The inviter's name comes from the database where none is given, and invitedBy names it."""
    owner, token = member(world, "olga@example.com", "owner")
    made = invite(world, key="pk", token=token)
    assert (made.invited_by, made.inviter_name) == (owner.id, owner.name)


def test_a_name_in_an_invitation_is_no_link_and_no_header(world: World) -> None:
    """T100, T098: what an inviter calls itself is text that leads nowhere, and stays in its line."""
    name = "Google Security https://evil.example/login"
    invite(world, inviter_name=name, resource_name="Acme\r\nBcc: eve@evil.example", name="Bob\u2028x")
    (mail,) = world.mails("invitation")
    assert name in mail.html
    assert len(mail.links) == 1
    assert "evil.example" not in mail.links[0]
    assert not re.search(r"""(href|src)\s*=\s*["']?[^"'>]*evil""", mail.html)
    assert not set("\r\n\u2028") & set(mail.subject + mail.from_)
    assert mail.to == BOB


def test_without_mail_the_link_is_answered_once(world: World) -> None:
    """send false mails nothing and hands the link over in this answer alone (decision 128)."""
    made = invite(world, send=False)
    assert world.mails("invitation") == []
    token = query_of(made.link)["token"]
    assert "link" not in to_builtins(world.call(invitations.GET, by_id(made), key="sk"))
    (listed,) = world.call(invitations.LIST, key="sk").items
    assert "link" not in to_builtins(listed)
    assert accept(world, token).status == "accepted"


@pytest.mark.parametrize(
    ("fields", "code", "faulty"),
    [
        ({"email": "nobody"}, "auth/invalid-email", "email"),
        ({"resource_role": "king"}, "common/invalid-parameters", "resourceRole"),
        ({"resource_type": "user"}, "common/invalid-parameters", "resourceType"),
        ({"resource_id": "no-id"}, "common/invalid-parameters", "resourceId"),
        ({"name": ""}, "common/invalid-parameters", "name"),
        ({"inviter_name": "x" * 101}, "common/invalid-parameters", "inviterName"),
        ({"callback_url": "javascript:alert(1)"}, "common/invalid-parameters", "callbackUrl"),
        ({"callback_url": "//evil.example"}, "common/invalid-parameters", "callbackUrl"),
    ],
)
def test_a_faulty_invitation_is_refused(world: World, fields: dict[str, str], code: str, faulty: str) -> None:
    """Each faulty field is named; nothing is made and nothing mailed."""
    refusal = world.refused(invitations.CREATE, wanted(world, **fields), key="sk")
    assert (refusal.code, set(refusal.details or {})) == (code, {faulty})
    assert world.mails("invitation") == []
    assert world.call(invitations.LIST, key="sk").items == []


def test_a_project_has_admins_and_members_alone(world: World) -> None:
    """owner and billing are no roles of a project (decision 79)."""
    project = {"resource_type": "project", "resource_id": world.installed.project_id}
    for role in ("owner", "billing"):
        refusal = world.refused(invitations.CREATE, wanted(world, resource_role=role, **project), key="sk")
        assert (refusal.code, set(refusal.details or {})) == ("common/invalid-parameters", {"resourceRole"})
    assert invite(world, resource_role="admin", **project).resource_name == "Demo"


@pytest.mark.parametrize("kind", ["organization", "project"])
def test_what_is_invited_to_has_to_exist_and_be_seen(world: World, kind: str) -> None:
    """Unknown resources and, for outsiders, existing ones answer the same 404 (T111)."""
    known = world.installed.organization_id if kind == "organization" else world.installed.project_id
    token = world.sign_up()
    unknown = wanted(world, resource_type=kind, resource_id=UNKNOWN)
    assert world.refused(invitations.CREATE, unknown, key="sk").code == f"{kind}/not-found"
    assert world.refused(invitations.CREATE, unknown, token=token).code == f"{kind}/not-found"
    existing = wanted(world, resource_type=kind, resource_id=known)
    assert world.refused(invitations.CREATE, existing, token=token).code == f"{kind}/not-found"


@pytest.mark.parametrize(
    ("role", "may"), [("owner", True), ("admin", True), ("member", False), ("billing", False)]
)
def test_owners_and_admins_of_the_organization_invite(world: World, role: str, may: bool) -> None:
    """Members and billing see the organization but do not invite (decision 79)."""
    _, token = member(world, "mia@example.com", role)
    if may:
        assert invite(world, key="pk", token=token).status == "pending"
    else:
        assert world.refused(invitations.CREATE, wanted(world), token=token).code == "auth/forbidden"


def test_nobody_grants_more_than_it_may(world: World) -> None:
    """Only owners and admins of the environment make owners (T111)."""
    _, admin = member(world, "adam@example.com", "admin")
    as_owner = wanted(world, resource_role="owner")
    assert world.refused(invitations.CREATE, as_owner, token=admin).code == "auth/forbidden"
    _, owner = member(world, "olga@example.com", "owner")
    assert world.call(invitations.CREATE, as_owner, token=owner).resource_role == "owner"


def test_one_open_invitation_per_address_and_resource(world: World) -> None:
    """A second one is refused while the first is open; other resources and times are free (decision 80)."""
    first = invite(world)
    again = wanted(world, email="BOB@example.com")
    assert world.refused(invitations.CREATE, again, key="sk").code == "auth/invitation-already-pending"
    project = {"resource_type": "project", "resource_id": world.installed.project_id}
    assert invite(world, **project).id != first.id
    world.clock.advance(7 * DAY)
    assert invite(world).status == "pending"


def test_members_are_not_invited_again(world: World) -> None:
    """Whoever is a member already is refused, whatever the role offered."""
    member(world, BOB, "member")
    request = wanted(world, resource_role="admin")
    assert world.refused(invitations.CREATE, request, key="sk").code == "auth/already-member"


def test_who_sees_which_invitations(world: World) -> None:
    """Admins see all; others what they sent, manage, or hold a proven address for (T111)."""
    _, of_owner = member(world, "olga@example.com", "owner")
    _, of_billing = member(world, "bill@example.com", "billing")
    unproven = world.sign_up(BOB)
    invitation = invite(world)
    project = invite(
        world, email="pia@example.com", resource_type="project", resource_id=world.installed.project_id
    )

    def seen(**how: Any) -> set[str]:
        page = world.call(invitations.LIST, invitations.ListInvitations(status="pending"), **how)
        assert page.pagination.total == len(page.items)
        return {found.id for found in page.items}

    assert seen(key="sk") == seen(token=of_owner) == {invitation.id, project.id}
    assert seen(token=of_billing) == seen(token=unproven) == set()
    for token in (of_billing, unproven):
        refusal = world.refused(invitations.GET, by_id(invitation), token=token)
        assert refusal.code == "auth/invitation-not-found"
    (mail,) = world.mails("signup_confirmation", to=BOB)
    proof = accounts.ConfirmSignUp(**query_of(mail.links[0]))
    world.call(accounts.CONFIRM_SIGN_UP, proof, key=None)
    assert seen(token=unproven) == {invitation.id}
    shown = world.call(invitations.GET, by_id(invitation), token=unproven)
    assert to_builtins(shown) == to_builtins(invitation)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, {"accepted", "rejected", "expired", "revoked", "pending"}),
        ({"status": "pending"}, {"pending"}),
        ({"status": "expired"}, {"expired"}),
        ({"status": "accepted"}, {"accepted"}),
        ({"status": "rejected"}, {"rejected"}),
        ({"status": "revoked"}, {"revoked"}),
        ({"resource_type": "organization"}, {"accepted", "rejected", "expired", "revoked", "pending"}),
        ({"resource_type": "project"}, set()),
        ({"resource_type": "user"}, set()),
        ({"resource_id": UNKNOWN}, set()),
    ],
)
def test_the_list_is_filtered(world: World, filters: dict[str, str], expected: set[str]) -> None:
    """By state, counting the expiry, and by resource; user matches nothing (decision 75)."""
    invite(world, email="expired@example.com")
    world.clock.advance(7 * DAY)
    for state in ("accepted", "rejected", "revoked", "pending"):
        made = invite(world, email=f"{state}@example.com")
        token = mailed_token(world, made.email)
        if state == "accepted":
            accept(world, token)
        if state == "rejected":
            world.call(invitations.REJECT, invitations.Reject(token=token, email=made.email))
        if state == "revoked":
            world.call(invitations.REVOKE, by_id(made), key="sk")
    page = world.call(invitations.LIST, invitations.ListInvitations(**filters), key="sk")
    assert {found.email.partition("@")[0] for found in page.items} == expected
    assert {found.status for found in page.items} == expected
    assert page.pagination.total == len(expected)


def test_the_list_is_paged_newest_first(world: World) -> None:
    """Ten to a page unless asked otherwise."""
    for number in range(11):
        invite(world, email=f"u{number}@example.com")
        world.clock.advance(SECOND)
    page = world.call(invitations.LIST, key="sk")
    assert [found.email for found in page.items] == [f"u{number}@example.com" for number in range(10, 0, -1)]
    assert (page.pagination.total, page.pagination.total_pages) == (11, 2)
    last = world.call(invitations.LIST, invitations.ListInvitations(page=2), key="sk")
    assert [found.email for found in last.items] == ["u0@example.com"]


def test_a_revoked_invitation_is_answered_no_more(world: World) -> None:
    """Its token is worthless, it cannot be sent again or revoked again, and the address is free."""
    invitation = invite(world)
    token = mailed_token(world)
    world.call(invitations.REVOKE, by_id(invitation), key="sk")
    shown = world.call(invitations.GET, by_id(invitation), key="sk")
    assert (shown.status, shown.responded_at) == ("revoked", wire(world.clock.now()))
    answers = [
        (invitations.ACCEPT, invitations.Accept(token=token), {}),
        (invitations.REJECT, invitations.Reject(token=token, email=BOB), {}),
        (invitations.REVOKE, by_id(invitation), {"key": "sk"}),
        (invitations.RESEND, by_id(invitation), {"key": "sk"}),
    ]
    for operation, request, how in answers:
        assert world.refused(operation, request, **how).code == "auth/invitation-not-found"
    assert invite(world).id != invitation.id


@pytest.mark.parametrize("operation", [invitations.REVOKE, invitations.RESEND])
def test_an_accepted_invitation_is_neither_revoked_nor_sent_again(world: World, operation: Any) -> None:
    """What was accepted stays so."""
    invitation = invite(world)
    accept(world, mailed_token(world))
    refusal = world.refused(operation, by_id(invitation), key="sk")
    assert refusal.code == "auth/invitation-already-accepted"


def test_an_expired_invitation_is_not_revoked(world: World) -> None:
    """Seven days on there is nothing to take back."""
    invitation = invite(world)
    world.clock.advance(7 * DAY)
    assert world.refused(invitations.REVOKE, by_id(invitation), key="sk").code == "auth/invitation-expired"


def test_sending_again_replaces_the_token(world: World) -> None:
    """A new mail for seven new days; the old token stops, and an expired invitation is open again."""
    invitation = invite(world)
    old = mailed_token(world)
    world.clock.advance(8 * DAY)
    again = world.call(invitations.RESEND, by_id(invitation), key="sk")
    assert (again.status, again.expires_at) == ("pending", wire(world.clock.now() + 7 * DAY))
    fresh = mailed_token(world)
    assert fresh != old
    assert world.refused(invitations.ACCEPT, invitations.Accept(token=old)).code == "auth/invalid-token"
    assert accept(world, fresh).status == "accepted"


def test_who_takes_back_and_who_sends_again(world: World) -> None:
    """The inviter and managers revoke, managers alone send again, the invitee does neither (decision 78)."""
    inviter, of_inviter = member(world, "ina@example.com", "admin")
    _, of_other = member(world, "adam@example.com", "admin")
    outsider = world.sign_up("eve@example.com")
    bob = world.make_user(BOB, password="Corr3ct-horse!", email_verified=True)
    first = invite(world, key="pk", token=of_inviter)
    of_bob = world.sign_in(bob.email)
    for operation in (invitations.REVOKE, invitations.RESEND):
        refusal = world.refused(operation, by_id(first), token=outsider)
        assert refusal.code == "auth/invitation-not-found"
        assert world.refused(operation, by_id(first), token=of_bob).code == "auth/forbidden"
    world.call(invitations.RESEND, by_id(first), token=of_other)
    world.call(invitations.REVOKE, by_id(first), token=of_other)
    second = invite(world, key="pk", token=of_inviter)
    _leave(world, inviter.id)
    assert world.refused(invitations.RESEND, by_id(second), token=of_inviter).code == "auth/forbidden"
    world.call(invitations.REVOKE, by_id(second), token=of_inviter)


def _leave(world: World, user_id: str) -> None:
    """Take a membership away; no operation built so far does."""
    table = schema.memberships
    with world.core.database.write() as transaction:
        transaction.run(delete(table).where(table.c.user_id == user_id))


def test_the_last_owner_does_not_leave(world: World) -> None:
    """Neither by withdrawal nor by deletion is an organization left without an owner."""
    owner, token = member(world, "olga@example.com", "owner")
    assert world.refused(accounts.WITHDRAW, token=token).code == "organization/last-owner"
    refusal = world.refused(users.DELETE, users.UserId(user_id=owner.id), key="sk")
    assert refusal.code == "organization/last-owner"
    member(world, "otto@example.com", "owner")
    world.call(accounts.WITHDRAW, token=token)
