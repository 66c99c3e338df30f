"""Proving an address by mail, and changing it."""

from __future__ import annotations

from typing import Any

import pytest

from bkendctl.contract import accounts, invitations, password_resets, verifications
from bkendctl.contract.accounts import TokenPair
from bkendctl.core.call import Source
from bkendctl.core.clock import HOUR
from tests.conftest import PASSWORD, World, at_once
from tests.operations.invited import invite, mailed_token
from tests.operations.mailed import ALICE, APP, follow, link_of, linked, magic_token, token_of, told

NEW = "alice@new.example.com"
BOB = "bob@example.com"
NOT_FOUND = ("auth/verification-token-not-found", 404)
EXPIRED = ("auth/verification-token-expired", 401)
SENDERS = pytest.mark.parametrize(
    "operation", [verifications.SEND, verifications.RESEND], ids=["send", "resend"]
)
GUESTS = pytest.mark.parametrize(
    "operation",
    [verifications.SEND, verifications.RESEND, verifications.RESEND_SIGN_UP],
    ids=["send", "resend", "sign-up resend"],
)


def ask(world: World, email: str = ALICE, operation: Any = verifications.SEND, **how: Any) -> str:
    """Ask for a token and read it."""
    world.clock.advance(1)  # so that it is newer than any before
    world.call(operation, verifications.Send(email=email), **how)
    is_sign_up = operation is verifications.RESEND_SIGN_UP
    return token_of(world, "signup_confirmation" if is_sign_up else "email_verification", email)


def prove(world: World, token: str, email: str = ALICE) -> Any:
    """Prove an address with a token."""
    return world.call(verifications.CONFIRM, verifications.Confirm(token=token, email=email))


def refusal(world: World, token: str, email: str = ALICE) -> tuple[str, int]:
    """Try to prove an address, and be refused: code and status."""
    failure = world.refused(verifications.CONFIRM, verifications.Confirm(token=token, email=email))
    return failure.code, failure.status


@SENDERS
def test_the_own_address_is_proven(world: World, operation: Any) -> None:
    """By who is signed in; password, session and second factor stay, and nobody is told."""
    pair = world.sign_up()
    setup = world.enrol(pair)
    token = ask(world, operation=operation, token=pair)
    link = f"http://127.0.0.1:8787/email/verify?token={token}&email=alice%40example.com"
    assert link_of(world, "email_verification") == link
    answer = prove(world, token)
    assert answer.verified is True
    me = world.me(pair)
    assert (me.email_verified is not None, me.mfa_enabled) == (True, True)
    world.sign_in(mfa_code=world.code(setup.secret))
    assert world.mails("email_changed") == world.mails("sessions_ended") == []


@SENDERS
@pytest.mark.parametrize("key", ["pk", "sk"])
def test_a_guest_may_ask_for_a_registered_address(world: World, operation: Any, key: str) -> None:
    """Decision 54: so that who may not sign in yet can prove it."""
    pair = world.sign_up()
    prove(world, ask(world, operation=operation, key=key))
    assert world.me(pair).email_verified is not None


def test_the_link_leads_to_the_app(world: World) -> None:
    """To callbackUrl, where one is given and allowed."""
    world.sign_up()
    world.call(verifications.SEND, verifications.Send(email=ALICE, callback_url=APP))
    assert link_of(world, "email_verification").startswith(f"{APP}?token=")
    world.clock.advance(1)
    world.call(verifications.RESEND_SIGN_UP, verifications.Send(email=ALICE, callback_url=APP))
    assert link_of(world, "signup_confirmation").startswith(f"{APP}?token=")
    for operation in (verifications.SEND, verifications.RESEND, verifications.RESEND_SIGN_UP):
        bad = verifications.Send(email=ALICE, callback_url="//evil.example")
        assert world.refused(operation, bad).code == "common/invalid-parameters"


@GUESTS
def test_nobody_learns_who_is_known(world: World, operation: Any) -> None:
    """T007: unproven, unknown and deleted addresses are answered alike; the first alone gets mail."""
    world.sign_up()
    world.call(accounts.WITHDRAW, token=world.sign_up("gone@example.com"))
    before = [mail.id for mail in world.mails()]
    addresses = (ALICE, "nobody@example.com", "gone@example.com")
    assert len({told(world, operation, verifications.Send(email=email)) for email in addresses}) == 1
    assert [mail.to for mail in world.mails() if mail.id not in before] == [ALICE]


@SENDERS
def test_only_the_owner_learns_that_an_address_is_proven(world: World, operation: Any) -> None:
    """T007: 400 with the user's own token, the answer for unknown ones without."""
    pair = _proven(world)
    asked = verifications.Send(email=ALICE)
    assert world.refused(operation, asked, token=pair).code == "auth/already-verified"
    nobody = verifications.Send(email="nobody@example.com")
    assert told(world, operation, asked) == told(world, operation, nobody)
    bob = world.sign_up(BOB)
    assert told(world, operation, asked, token=bob) == told(world, operation, nobody, token=bob)


def test_the_sign_up_mail_comes_again(world: World) -> None:
    """The earlier token stops; the new one confirms; then there is nothing to send (decision 56)."""
    pair = world.sign_up()
    older = token_of(world, "signup_confirmation")
    token = ask(world, operation=verifications.RESEND_SIGN_UP)
    stale = accounts.ConfirmSignUp(token=older, email=ALICE)
    assert world.refused(accounts.CONFIRM_SIGN_UP, stale, key=None).code == NOT_FOUND[0]
    world.call(accounts.CONFIRM_SIGN_UP, accounts.ConfirmSignUp(token=token, email=ALICE), key=None)
    assert world.me(pair).email_verified is not None
    again = world.refused(verifications.RESEND_SIGN_UP, verifications.Send(email=ALICE))
    assert (again.code, again.status) == ("auth/already-verified", 400)


@GUESTS
def test_mails_are_counted_alike(world: World, operation: Any) -> None:
    """T005, T099: after five for an address 429, known or not."""
    world.configure(
        "sessions", rateLimits={"code": {"limit": 5, "limitPerSource": 10, "windowSeconds": 3600}}
    )
    world.sign_up()
    for email in (ALICE, "nobody@example.com"):
        answers = [told(world, operation, verifications.Send(email=email)) for _ in range(6)]
        assert len(set(answers[:5])) == 1
        assert answers[5].startswith("auth/too-many-code-requests")
    more = verifications.Send(email=BOB)
    assert world.refused(operation, more).code == "auth/too-many-code-requests"
    world.call(operation, more, source=Source(ip_address="192.0.2.9"))


def test_a_token_works_once(world: World) -> None:
    """P5: used, older, guessed, for another address or from elsewhere are all not found."""
    world.sign_up()
    older, token = ask(world), ask(world)
    for wrong in (older, "x" * 43, token_of(world, "signup_confirmation")):
        assert refusal(world, wrong) == NOT_FOUND
    assert refusal(world, token, BOB) == NOT_FOUND
    assert refusal(world.beside("other"), token) == NOT_FOUND
    prove(world, token)
    assert refusal(world, token) == NOT_FOUND


def test_of_fifty_uses_one_counts(world: World) -> None:
    """P5: one proves, forty-nine are told that the token is used."""
    world.sign_up()
    token = ask(world)
    outcomes = at_once(50, lambda _: prove(world, token))
    assert sum(not isinstance(outcome, str) for outcome in outcomes) == 1
    assert outcomes.count(NOT_FOUND[0]) == 49


def test_a_token_lives_a_day(world: World) -> None:
    """24 hours to the millisecond."""
    world.sign_up()
    token = ask(world)
    world.clock.advance(24 * HOUR)
    assert refusal(world, token) == EXPIRED
    token = ask(world)
    world.clock.advance(24 * HOUR - 1)
    prove(world, token)


def test_a_deleted_users_token(world: World) -> None:
    """T137: it proves nothing, also when the address was taken anew."""
    pair = world.sign_up()
    token = ask(world)
    world.call(accounts.WITHDRAW, token=pair)
    assert refusal(world, token) == NOT_FOUND
    second = world.sign_up()
    assert refusal(world, token) == NOT_FOUND
    assert world.me(second).email_verified is None


def test_a_bad_access_token_is_refused(world: World) -> None:
    """optional_user: a token that is sent must be good."""
    failure = world.refused(verifications.SEND, verifications.Send(email=ALICE), token="x.y.z")
    assert failure.code == "auth/invalid-token"


# A new address


def test_a_new_address_replaces_the_old(world: World) -> None:
    """Not before it is proven; the session stays, the old address is told and free again."""
    pair = _proven(world)
    token = ask(world, NEW, token=pair)
    assert world.me(pair).email == ALICE
    prove(world, token, NEW)
    me = world.me(pair)
    assert (me.email, me.email_verified is not None) == (NEW, True)
    (notice,) = world.mails("email_changed")
    assert (notice.to, NEW in notice.text) == (ALICE, True)
    world.sign_in(NEW)
    assert world.refusal(world.sign_in) == "auth/invalid-credentials"
    assert linked(world) == [("email", NEW, NEW)]
    world.sign_up(ALICE)


def test_what_was_mailed_to_the_old_address_is_dead(world: World) -> None:
    """Its reset, magic link and tokens reach the account no more."""
    pair = _proven(world)
    world.call(password_resets.REQUEST, password_resets.Request(email=ALICE))
    reset, link = token_of(world, "password_reset"), magic_token(world)
    prove(world, ask(world, NEW, token=pair), NEW)
    for email in (ALICE, NEW):
        request = password_resets.Confirm(email=email, token=reset, new_password="Batt3ry-staple!")
        assert world.refused(password_resets.CONFIRM, request).code == NOT_FOUND[0]
    assert world.refusal(follow, world, link) == "auth/invalid-token"


def test_an_address_that_was_taken_meanwhile(world: World) -> None:
    """409 to who holds the token; nothing changes."""
    pair = _proven(world)
    token = ask(world, NEW, token=pair)
    world.sign_up(NEW)
    assert refusal(world, token, NEW) == ("auth/email-already-exists", 409)
    assert world.me(pair).email == ALICE


def test_of_two_who_want_an_address_the_later_gets_it(world: World) -> None:
    """The newer token stops the older one (decision 117)."""
    alice, bob = _proven(world), world.sign_up(BOB)
    first = ask(world, NEW, token=alice)
    second = ask(world, NEW, token=bob)
    assert refusal(world, first, NEW) == NOT_FOUND
    prove(world, second, NEW)
    assert world.me(bob).email == NEW


def test_a_guest_cannot_stop_a_change(world: World) -> None:
    """What a guest asks for an address that nobody has ends no token for it."""
    pair = _proven(world)
    token = ask(world, NEW, token=pair)
    world.call(verifications.SEND, verifications.Send(email=NEW))
    prove(world, token, NEW)
    assert world.me(pair).email == NEW


def test_a_reset_ends_a_pending_change(world: World) -> None:
    """T028: a thief's change of address does not outlive the owner's reset."""
    thief = _proven(world)
    token = ask(world, NEW, token=thief)
    world.call(password_resets.REQUEST, password_resets.Request(email=ALICE))
    reset = token_of(world, "password_reset")
    request = password_resets.Confirm(email=ALICE, token=reset, new_password="Batt3ry-staple!")
    world.call(password_resets.CONFIRM, request)
    assert refusal(world, token, NEW) == NOT_FOUND
    assert world.me(world.sign_in(password="Batt3ry-staple!")).email == ALICE


def test_an_unproven_owner_moves_away(world: World) -> None:
    """T081: who squats an address may leave it; the change proves the new one alone."""
    squatter = world.sign_up()
    prove(world, ask(world, NEW, token=squatter), NEW)
    assert world.me(squatter).email == NEW
    victim = world.sign_up(ALICE)
    assert world.me(victim).email_verified is None


def test_a_proven_address_joins_what_was_accepted(world: World) -> None:
    """Decision 146: an invitation accepted by a link handed over waits for the proof."""
    pair = world.sign_up(BOB)
    made = invite(world, send=False)
    token = made.link.partition("token=")[2].partition("&")[0]
    accepted = world.call(invitations.ACCEPT, invitations.Accept(token=token))
    assert accepted.membership_pending is True
    prove(world, ask(world, BOB, token=pair), BOB)
    assert world.call(invitations.GET, by(made), key="sk").membership_pending is False


def test_a_resent_invitation_has_one_live_token(world: World) -> None:
    """Decision 117: the token of the first mail is unknown from the resend on."""
    made = invite(world)
    older = mailed_token(world)
    world.clock.advance(1)
    world.call(invitations.RESEND, by(made), key="sk")
    assert mailed_token(world) != older
    stale = invitations.Accept(token=older)
    assert world.refused(invitations.ACCEPT, stale).code == "auth/invalid-token"
    world.call(invitations.ACCEPT, invitations.Accept(token=mailed_token(world)))


# Where a proven address is needed


@GUESTS
def test_sign_in_waits_for_the_proof(world: World, operation: Any) -> None:
    """requireEmailVerification: no tokens at sign-up; any mail that a guest asks for opens the way."""
    world.configure("email", requireEmailVerification=True)
    request = accounts.SignUp(method="password", email=ALICE, password=PASSWORD, name="Alice")
    assert isinstance(world.call(accounts.SIGN_UP, request), accounts.MessageEmail)
    assert world.refusal(world.sign_in) == "auth/email-not-verified"
    token = ask(world, operation=operation)
    if operation is verifications.RESEND_SIGN_UP:
        world.call(accounts.CONFIRM_SIGN_UP, accounts.ConfirmSignUp(token=token, email=ALICE), key=None)
    else:
        prove(world, token)
    world.sign_in()


def by(made: Any) -> invitations.InvitationId:
    """Name an invitation."""
    return invitations.InvitationId(invitation_id=made.id)


def _proven(world: World) -> TokenPair:
    """Alice with a proven address, signed in."""
    world.make_user(ALICE, email_verified=True, password=PASSWORD)
    return world.sign_in()
