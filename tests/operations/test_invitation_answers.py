"""Answering invitations: accepting, declining, what proves a mailbox, what a membership waits for."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from bkendctl.contract import accounts, invitations, keys, mfa, users
from bkendctl.core import schema
from bkendctl.core.clock import DAY, SECOND, wire
from bkendctl.core.crypto import fingerprint
from tests.conftest import PASSWORD, World, at_once
from tests.operations.invited import BOB, accept, by_id, invite, mailed_token, member, query_of, wanted


def role_of(world: World, email: str) -> str | None:
    """The role a user has in the organization."""
    members, people = schema.memberships, schema.users
    with world.core.database.read() as transaction:
        role: str | None = transaction.value(
            select(members.c.role)
            .join(people, people.c.id == members.c.user_id)
            .where(people.c.email == email, people.c.deleted_at.is_(None))
        )
    return role


def prove(world: World, email: str) -> None:
    """Follow the link of the sign-up confirmation."""
    (mail,) = world.mails("signup_confirmation", to=email)
    world.call(accounts.CONFIRM_SIGN_UP, accounts.ConfirmSignUp(**query_of(mail.links[0])), key=None)


def test_a_user_with_a_proven_address_joins_at_once(world: World) -> None:
    """Accepting makes a member with the role offered, without any JWT, and tells when."""
    world.make_user(BOB, email_verified=True)
    invite(world, resource_role="billing")
    answered = accept(world, mailed_token(world), email="Bob@Example.com")
    assert (answered.status, answered.membership_pending) == ("accepted", False)
    assert answered.responded_at == wire(world.clock.now())
    assert role_of(world, BOB) == "billing"


def test_accepting_before_sign_up_waits_for_a_proven_address(world: World) -> None:
    """The membership begins when a user proves the address, not at the sign-up (decisions 81, 146)."""
    invitation = invite(world)
    assert accept(world, mailed_token(world)).membership_pending is True
    world.sign_up(BOB)
    assert role_of(world, BOB) is None
    prove(world, BOB)
    assert role_of(world, BOB) == "member"
    shown = world.call(invitations.GET, by_id(invitation), key="sk")
    assert (shown.status, shown.membership_pending) == ("accepted", False)


def test_accepting_before_an_admin_makes_the_user_joins_when_it_is_marked_proven(world: World) -> None:
    """A user made with a proven address joins what was accepted before."""
    invite(world)
    accept(world, mailed_token(world))
    world.make_user(BOB, email_verified=True)
    assert role_of(world, BOB) == "member"


def test_a_link_handed_over_proves_no_mailbox(world: World) -> None:
    """With send false an unproven account keeps all it has and joins once its address is proven (128)."""
    token = world.sign_up(BOB)
    link = invite(world, send=False).link
    assert accept(world, query_of(link)["token"]).membership_pending is True
    assert world.me(token).email_verified is None
    assert role_of(world, BOB) is None
    prove(world, BOB)
    assert role_of(world, BOB) == "member"


def test_a_link_handed_over_is_enough_for_a_proven_address(world: World) -> None:
    """Where the address was proven before, the membership waits for nothing."""
    world.make_user(BOB, email_verified=True)
    link = invite(world, send=False).link
    assert accept(world, query_of(link)["token"]).membership_pending is False
    assert role_of(world, BOB) == "member"


def test_sending_a_handed_link_again_by_mail_makes_it_a_proof(world: World) -> None:
    """What counts is whether the token that is used went out by mail."""
    token = world.sign_up(BOB)
    invitation = invite(world, send=False)
    handed = query_of(invitation.link)["token"]
    world.call(invitations.RESEND, by_id(invitation), key="sk")
    assert world.refused(invitations.ACCEPT, invitations.Accept(token=handed)).code == "auth/invalid-token"
    accept(world, mailed_token(world))
    assert role_of(world, BOB) == "member"
    assert world.refused(accounts.GET_ME, token=token).code == "auth/invalid-token"


def test_a_mailed_invitation_takes_an_unproven_account_over(world: World) -> None:
    """All that a squatter set up goes: password, sessions, accounts, MFA, keys; a notice is mailed (T081)."""
    squatter = world.sign_up(BOB)
    world.enrol(squatter)
    user = world.me(squatter)
    world.make_user("root@example.com", "admin")
    world.call(users.SET_ROLE, users.SetRole(user_id=user.id, role="admin"), key="sk")
    personal = world.call(keys.CREATE, keys.Create(type="secret", name="mine"), token=squatter).key
    (confirmation,) = world.mails("signup_confirmation", to=BOB)
    invite(world)
    accept(world, mailed_token(world))
    assert world.refused(accounts.GET_ME, token=squatter).code == "auth/invalid-token"
    assert world.refused(users.LIST, key=personal).code == "auth/token-revoked"
    by_password = accounts.SignIn(email=BOB, password=PASSWORD)
    assert world.refused(accounts.SIGN_IN, by_password).code == "auth/invalid-credentials"
    stale = accounts.ConfirmSignUp(**query_of(confirmation.links[0]))
    refusal = world.refused(accounts.CONFIRM_SIGN_UP, stale, key=None)
    assert refusal.code == "auth/verification-token-not-found"
    page = world.call(users.LIST, users.ListUsers(search=BOB, include_accounts=True), key="sk")
    (taken,) = page.items
    assert (taken.id, taken.mfa_enabled, taken.accounts) == (user.id, False, [])
    assert taken.email_verified == wire(world.clock.now())
    assert len(world.mails("sessions_ended", to=BOB)) == 1
    assert role_of(world, BOB) == "member"


def test_a_proven_account_is_not_taken_over(world: World) -> None:
    """Where the address was proven before, accepting changes nothing but the membership."""
    token = world.sign_up(BOB)
    prove(world, BOB)
    world.enrol(token)
    before = world.me(token)
    invite(world)
    accept(world, mailed_token(world))
    assert world.me(token) == before
    assert world.call(mfa.STATUS, token=token).enabled
    assert world.mails("sessions_ended") == []
    assert role_of(world, BOB) == "member"


def test_declining_ends_an_invitation(world: World) -> None:
    """Rejected is final: its token, revoking and sending again meet nothing, and nobody joined."""
    world.make_user(BOB, email_verified=True)
    invitation = invite(world)
    token = mailed_token(world)
    world.call(invitations.REJECT, invitations.Reject(token=token, email=BOB))
    assert world.call(invitations.GET, by_id(invitation), key="sk").status == "rejected"
    for operation, request, how in (
        (invitations.ACCEPT, invitations.Accept(token=token), {}),
        (invitations.REJECT, invitations.Reject(token=token, email=BOB), {}),
        (invitations.RESEND, by_id(invitation), {"key": "sk"}),
    ):
        assert world.refused(operation, request, **how).code == "auth/invitation-not-found"
    assert role_of(world, BOB) is None


ANSWERS = pytest.mark.parametrize(
    ("operation", "request_of"),
    [
        (invitations.ACCEPT, lambda token: invitations.Accept(token=token)),
        (invitations.REJECT, lambda token: invitations.Reject(token=token, email=BOB)),
    ],
    ids=["accept", "reject"],
)


@ANSWERS
def test_a_token_answers_once(world: World, operation: Any, request_of: Any) -> None:
    """After accepting, the token is told to have been used (T135)."""
    invite(world)
    token = mailed_token(world)
    accept(world, token)
    assert world.refused(operation, request_of(token)).code == "auth/invitation-already-accepted"


@ANSWERS
def test_a_token_lives_seven_days(world: World, operation: Any, request_of: Any) -> None:
    """At the last millisecond it answers, then it is 410 and the invitation shows as expired (T135)."""
    invitation = invite(world)
    world.clock.advance(7 * DAY)
    refusal = world.refused(operation, request_of(mailed_token(world)))
    assert (refusal.code, refusal.status) == ("auth/invitation-expired", 410)
    assert world.call(invitations.GET, by_id(invitation), key="sk").status == "expired"
    world.clock.advance(-1)
    world.call(operation, request_of(mailed_token(world)))


@ANSWERS
@pytest.mark.parametrize("attempt", ["guess", "hash", "cut", "case", "longest"])
def test_what_is_no_token_opens_nothing(world: World, operation: Any, request_of: Any, attempt: str) -> None:
    """Guesses, parts of the token, and the hash that the database holds are all unknown (T135)."""
    invite(world)
    token = mailed_token(world)
    wrong = {
        "guess": "A" * 43,
        "hash": fingerprint(token),
        "cut": token[:-1],
        "case": token.swapcase(),
        "longest": "x" * 512,
    }[attempt]
    refusal = world.refused(operation, request_of(wrong))
    assert (refusal.code, refusal.status) == ("auth/invalid-token", 401)
    assert accept(world, token).status == "accepted"


def test_a_token_answers_for_its_own_address_alone(world: World) -> None:
    """With another e-mail the token counts as unknown, whichever way it is answered (decision 77)."""
    invite(world)
    token = mailed_token(world)
    other = "eve@example.com"
    for operation, request in (
        (invitations.ACCEPT, invitations.Accept(token=token, email=other)),
        (invitations.REJECT, invitations.Reject(token=token, email=other)),
    ):
        assert world.refused(operation, request).code == "auth/invalid-token"
    assert accept(world, token, email=BOB).status == "accepted"


@pytest.mark.parametrize(
    ("operation", "request_", "code", "faulty"),
    [
        (invitations.ACCEPT, invitations.Accept(token=""), "common/invalid-parameters", {"token"}),
        (invitations.ACCEPT, invitations.Accept(token="x" * 513), "common/invalid-parameters", {"token"}),
        (
            invitations.ACCEPT,
            invitations.Accept(token="x", email="nobody"),
            "common/invalid-parameters",
            {"email"},
        ),
        (invitations.REJECT, invitations.Reject(token="x", email="nobody"), "auth/invalid-email", {"email"}),
        (
            invitations.REJECT,
            invitations.Reject(token="", email="nobody"),
            "common/invalid-parameters",
            {"token", "email"},
        ),
    ],
)
def test_a_faulty_answer_is_refused(
    world: World, operation: Any, request_: Any, code: str, faulty: set[str]
) -> None:
    """Token and address are judged before anything is looked up; reject alone has the address's own code."""
    refusal = world.refused(operation, request_)
    assert (refusal.code, set(refusal.details or {})) == (code, faulty)


def test_of_many_parallel_answers_one_counts(world: World) -> None:
    """Fifty accepts at once: one succeeds, the others are told that it was accepted (T135)."""
    world.make_user(BOB, email_verified=True)
    invite(world)
    token = mailed_token(world)
    answers = at_once(50, lambda _: accept(world, token).status)
    assert sorted(answers) == ["accepted"] + ["auth/invitation-already-accepted"] * 49


def test_a_member_keeps_its_role_when_it_accepts_an_older_invitation(world: World) -> None:
    """An expired invitation that is sent again lowers nobody's role."""
    world.make_user(BOB, email_verified=True)
    older = invite(world, resource_role="member")
    world.clock.advance(7 * DAY)
    invite(world, resource_role="admin")
    accept(world, mailed_token(world))
    world.clock.advance(SECOND)
    world.call(invitations.RESEND, by_id(older), key="sk")
    accept(world, mailed_token(world))
    assert role_of(world, BOB) == "admin"


def test_a_deleted_user_leaves_its_memberships(world: World) -> None:
    """Who withdraws and signs up again is no member any more, and may be invited again (T137)."""
    _, token = member(world, BOB, "member")
    world.call(accounts.WITHDRAW, token=token)
    world.sign_up(BOB)
    prove(world, BOB)
    assert role_of(world, BOB) is None
    assert world.call(invitations.CREATE, wanted(world), key="sk").status == "pending"
