"""Resetting a password: asked for by anybody, done by who reads the mailbox."""

from __future__ import annotations

from typing import Any

import pytest

from bkendctl.contract import accounts, password_resets, users
from bkendctl.contract.operation import Raw
from bkendctl.core.call import Source
from bkendctl.core.clock import DAY, HOUR
from tests.conftest import PASSWORD, World, at_once
from tests.operations.mailed import ALICE, APP, follow, link_of, linked, magic_token, token_of, told

FRESH = "Batt3ry-staple!"
BOB = "bob@example.com"
NOT_FOUND = ("auth/verification-token-not-found", 404)
EXPIRED = ("auth/verification-token-expired", 401)


def ask(world: World, email: str = ALICE, **more: Any) -> str:
    """Ask for a reset and read its token."""
    world.clock.advance(1)  # so that it is newer than any before
    world.call(password_resets.REQUEST, password_resets.Request(email=email, **more))
    return token_of(world, "password_reset", email)


def reset(world: World, token: str, password: str = FRESH, email: str = ALICE) -> Any:
    """Set a password with a token."""
    return world.call(password_resets.CONFIRM, confirmation(token, password, email))


def confirmation(token: str, password: str = FRESH, email: str = ALICE) -> password_resets.Confirm:
    """A request to set a password."""
    return password_resets.Confirm(email=email, token=token, new_password=password)


def refusal(world: World, token: str, password: str = FRESH, email: str = ALICE) -> tuple[str, int]:
    """Try to set a password, and be refused: code and status."""
    failure = world.refused(password_resets.CONFIRM, confirmation(token, password, email))
    return failure.code, failure.status


def test_a_reset_sets_the_password_and_ends_all_sessions(world: World) -> None:
    """T028: no tokens in the answer, every session dead, the old password too, and a notice mailed."""
    pairs = [_proven(world), world.sign_in()]
    answer = reset(world, ask(world))
    assert set(answer.__struct_fields__) == {"message"}
    world.assert_dead(*pairs)
    assert world.refusal(world.sign_in) == "auth/invalid-credentials"
    world.sign_in(password=FRESH)
    assert len(world.mails("password_changed", to=ALICE)) == 1
    assert world.mails("sessions_ended") == []


def test_asking_changes_nothing(world: World) -> None:
    """T031: the old password works, the session lives, and the answer holds no token."""
    pair = _proven(world)
    token = ask(world)
    assert token not in told(world, password_resets.REQUEST, password_resets.Request(email=ALICE))
    world.sign_in()
    world.me(pair)


def test_the_mail_leads_to_the_app_or_to_the_servers_page(world: World) -> None:
    """Below the public URL without a callbackUrl; both carry token and address."""
    world.sign_up()
    token = ask(world)
    own = f"http://127.0.0.1:8787/password/reset?token={token}&email=alice%40example.com"
    assert link_of(world, "password_reset") == own
    token = ask(world, callback_url=APP)
    assert link_of(world, "password_reset") == f"{APP}?token={token}&email=alice%40example.com"
    request = password_resets.Request(email=ALICE, callback_url="https:evil.example")
    assert world.refused(password_resets.REQUEST, request).code == "common/invalid-parameters"


def test_nobody_learns_who_is_known(world: World) -> None:
    """T004: the same answer for known, unknown, passwordless, deleted and banned; known alone get mail."""
    world.sign_up()
    world.call(accounts.WITHDRAW, token=world.sign_up("gone@example.com"))
    world.make_user("nopassword@example.com")
    banned = world.make_user("banned@example.com", password=PASSWORD)
    world.call(users.BAN, users.Ban(user_id=banned.id), key="sk")
    addresses = (ALICE, "nobody@example.com", "gone@example.com", "nopassword@example.com", banned.email)
    answers = {
        told(world, password_resets.REQUEST, password_resets.Request(email=email)) for email in addresses
    }
    assert len(answers) == 1
    mailed = {mail.to for mail in world.mails("password_reset")}
    assert mailed == {ALICE, "nopassword@example.com", banned.email}


def test_mails_are_counted_alike(world: World) -> None:
    """T005, T099: after five for an address 429, known or not; so many by source."""
    world.configure(
        "sessions", rateLimits={"code": {"limit": 5, "limitPerSource": 11, "windowSeconds": 3600}}
    )
    world.sign_up()
    for email in (ALICE, "nobody@example.com"):
        asked = password_resets.Request(email=email)
        answers = [told(world, password_resets.REQUEST, asked) for _ in range(6)]
        assert len(set(answers[:5])) == 1
        assert answers[5].startswith("auth/too-many-code-requests")
    asked = password_resets.Request(email=BOB)
    world.call(password_resets.REQUEST, asked)
    assert world.refused(password_resets.REQUEST, asked).code == "auth/too-many-code-requests"
    world.call(password_resets.REQUEST, asked, source=Source(ip_address="192.0.2.9"))


def test_a_token_works_once(world: World) -> None:
    """T027: used, older, guessed, and of another address are all not found."""
    world.sign_up()
    world.sign_up(BOB)
    older, of_bob = ask(world), ask(world, BOB)
    token = ask(world)
    for wrong in (older, of_bob, "x" * 43):
        assert refusal(world, wrong) == NOT_FOUND
    assert refusal(world, token, email=BOB) == NOT_FOUND
    reset(world, token)
    assert refusal(world, token, "An0ther-staple!") == NOT_FOUND
    world.sign_in(password=FRESH)


def test_of_fifty_uses_one_sets_the_password(world: World) -> None:
    """T027, P5: the password changes once, to what the one that succeeded said."""
    world.sign_up()
    token = ask(world)
    outcomes = at_once(50, lambda number: reset(world, token, f"N0-{number:02}-staple!"))
    won = [number for number, outcome in enumerate(outcomes) if not isinstance(outcome, str)]
    assert len(won) == 1
    assert outcomes.count(NOT_FOUND[0]) == 49
    world.sign_in(password=f"N0-{won[0]:02}-staple!")
    assert len(world.mails("password_changed")) == 1


def test_a_token_lives_a_day(world: World) -> None:
    """24 hours to the millisecond."""
    world.sign_up()
    token = ask(world)
    world.clock.advance(24 * HOUR)
    assert refusal(world, token) == EXPIRED
    token = ask(world)
    world.clock.advance(24 * HOUR - 1)
    reset(world, token)


@pytest.mark.parametrize("token", [None, "", [], ["x"], {}, 0, "\0", "%00", " ", "x" * 513])
def test_without_the_token_nothing_changes(world: World, token: Any) -> None:
    """T029: left out, empty, null or of another kind: a 4xx, and the old password works."""
    world.sign_up()
    ask(world)
    for body in ({"token": token}, {}):
        values = {"email": ALICE, "newPassword": FRESH} | body
        assert 400 <= world.refused(password_resets.CONFIRM, Raw(body=values)).status < 500
    world.sign_in()


def test_a_token_of_another_kind_or_environment(world: World) -> None:
    """T068, T094: a magic link's and a confirmation's token reset nothing, nor does one from elsewhere."""
    world.sign_up()
    for token in (magic_token(world), token_of(world, "signup_confirmation")):
        assert refusal(world, token) == NOT_FOUND
    token = ask(world)
    other = world.beside("other")
    other.sign_up()
    assert refusal(other, token) == NOT_FOUND


def test_a_reset_ends_open_links(world: World) -> None:
    """T028: magic links and whatever else was mailed before the reset are dead."""
    _proven(world)
    link, token = magic_token(world), ask(world)
    reset(world, token)
    assert world.refusal(follow, world, link) == "auth/invalid-token"


def test_a_change_of_the_password_ends_open_links(world: World) -> None:
    """Who changes the password shuts out whoever holds a link."""
    pair = _proven(world)
    link, token = magic_token(world), ask(world)
    request = accounts.ChangePassword(current_password=PASSWORD, new_password=FRESH)
    world.call(accounts.CHANGE_PASSWORD, request, token=pair)
    assert refusal(world, token, "An0ther-staple!") == NOT_FOUND
    assert world.refusal(follow, world, link) == "auth/invalid-token"


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short", "auth/invalid-password-format"),
        ("P@ssw0rd", "auth/weak-password"),
        (PASSWORD, "auth/same-as-previous-password"),
    ],
)
def test_a_refused_password_leaves_the_token(world: World, password: str, code: str) -> None:
    """Policy, common and present passwords are refused, and the next try goes on."""
    _proven(world)
    token = ask(world)
    assert refusal(world, token, password) == (code, 400)
    reset(world, token)


def test_a_reset_lifts_locks(world: World) -> None:
    """T012: a reset works while sign-in is locked, and ends the lock, from everywhere."""
    _proven(world)
    sources = [Source(ip_address=f"192.0.2.{number}") for number in (1, 2)]
    for source in sources:
        for _ in range(5):
            world.refusal(world.sign_in, ALICE, "Wr0ng-password!", source=source)
        assert world.refusal(world.sign_in, source=source) == "auth/account-locked"
    reset(world, ask(world))
    for source in sources:
        world.sign_in(password=FRESH, source=source)


def test_mfa_stays_on(world: World) -> None:
    """P6, T047: of a proven address a reset is no way round the second factor."""
    setup = world.enrol(_proven(world))
    reset(world, ask(world))
    assert world.refusal(world.sign_in, password=FRESH) == "auth/mfa-required"
    world.sign_in(password=FRESH, mfa_code=world.code(setup.secret))


def test_an_unproven_account_is_taken_over(world: World) -> None:
    """T081: the squatter's sessions and MFA go, its password is not compared, and a notice tells."""
    squatter = world.sign_up()
    world.enrol(squatter)
    reset(world, ask(world), PASSWORD)
    world.assert_dead(squatter)
    me = world.me(world.sign_in())
    assert (me.email_verified is not None, me.mfa_enabled) == (True, False)
    assert {mail.category for mail in world.mails(to=ALICE)} >= {"sessions_ended", "password_changed"}


def test_a_reset_adds_a_password(world: World) -> None:
    """Decision 52: a user without one has one afterwards, as a linked account of provider email."""
    world.make_user(BOB, email_verified=True)
    assert linked(world) == []
    reset(world, ask(world, BOB), email=BOB)
    world.sign_in(BOB, FRESH)
    assert linked(world) == [("email", BOB, BOB)]


def test_a_reset_renews_an_expired_password(world: World) -> None:
    """Decision 53: its age counts from the reset."""
    _proven(world)
    policy = {"expirationDays": 30}
    world.configure("email", passwordPolicy=policy)
    world.clock.advance(30 * DAY)
    assert world.refusal(world.sign_in) == "auth/password-expired"
    reset(world, ask(world))
    world.sign_in(password=FRESH)


def test_a_reset_proves_the_address_where_that_is_needed(world: World) -> None:
    """requireEmailVerification: the mailbox was read."""
    world.configure("email", requireEmailVerification=True)
    request = accounts.SignUp(method="password", email=ALICE, password=PASSWORD, name="Alice")
    world.call(accounts.SIGN_UP, request)
    assert world.refusal(world.sign_in) == "auth/email-not-verified"
    reset(world, ask(world))
    world.sign_in(password=FRESH)


def test_a_user_deleted_meanwhile(world: World) -> None:
    """Decision 49: told so to who holds the token, also when the address was taken anew or restored."""
    pair = world.sign_up()
    user = world.me(pair)
    token = ask(world)
    world.call(accounts.WITHDRAW, token=pair)
    assert refusal(world, token) == ("auth/account-not-found", 404)
    second = world.sign_up()
    assert refusal(world, token) == ("auth/account-not-found", 404)
    world.call(accounts.WITHDRAW, token=second)
    world.call(users.RESTORE, users.UserId(user_id=user.id), key="sk")
    assert refusal(world, token) == NOT_FOUND


def test_a_banned_user_stays_banned(world: World) -> None:
    """A reset is no way round a ban."""
    user = world.make_user(BOB, password=PASSWORD, email_verified=True)
    world.call(users.BAN, users.Ban(user_id=user.id), key="sk")
    reset(world, ask(world, BOB), email=BOB)
    assert world.refusal(world.sign_in, BOB, FRESH) == "auth/account-banned"


def test_switched_off(world: World) -> None:
    """Without e-mail sign-in there is nothing to reset."""
    world.configure("email", enabled=False)
    request = password_resets.Request(email=ALICE)
    assert world.refused(password_resets.REQUEST, request).code == "auth/email-auth-disabled"


def _proven(world: World) -> accounts.TokenPair:
    """Alice with a proven address, signed in."""
    world.make_user(ALICE, email_verified=True, password=PASSWORD)
    return world.sign_in()
