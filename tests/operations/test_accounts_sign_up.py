"""Sign-up and the confirmation that is mailed after it."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from bkendctl.contract import accounts, mail
from bkendctl.core import schema
from bkendctl.core.clock import HOUR, MINUTE
from tests.conftest import PASSWORD, World, at_once

OTHER = "Batt3ry-staple!"
ALICE = "alice@example.com"


def signing_in(email: str = ALICE, password: str = PASSWORD, **rest: str) -> accounts.SignIn:
    """A request to sign in."""
    return accounts.SignIn(email=email, password=password, **rest)


def signing_up(email: str = ALICE, password: str = PASSWORD, name: str = "Alice") -> accounts.SignUp:
    """A request to sign up."""
    return accounts.SignUp(method="password", email=email, password=password, name=name)


def link_values(message: mail.Mail) -> dict[str, str]:
    """What a mailed link carries in its query."""
    from urllib.parse import parse_qsl, urlsplit

    return dict(parse_qsl(urlsplit(message.links[0]).query))


def confirmation(world: World, email: str = ALICE) -> accounts.ConfirmSignUp:
    """The newest confirmation mailed to an address."""
    return accounts.ConfirmSignUp(**link_values(world.mails("signup_confirmation", to=email)[0]))


def test_sign_up_opens_a_session_of_an_ordinary_user(world: World) -> None:
    """Sign-up answers tokens of a user who is no admin, unproven, and signed in just now."""
    me = world.me(world.sign_up())
    assert (me.email, me.role, me.name, me.email_verified) == (ALICE, "user", "Alice", None)
    assert me.last_sign_in_at == me.created_at
    assert me.mfa_enabled is False


def test_sign_up_by_a_secret_key_makes_no_admin_either(world: World) -> None:
    """Sign-up never makes an admin, whichever key asks (decision 115)."""
    pair = world.call(accounts.SIGN_UP, signing_up(), key="sk")
    assert world.me(pair).role == "user"


def test_sign_up_stores_the_address_in_lower_case(world: World) -> None:
    """Addresses are compared without regard to case; one that differs in case alone is taken."""
    world.sign_up("Alice@Example.com")
    assert world.me(world.sign_in("ALICE@example.COM")).email == ALICE
    assert (
        world.refused(accounts.SIGN_UP, signing_up("aLice@example.com")).code == "auth/email-already-exists"
    )


def test_sign_up_gives_an_address_once_in_parallel(world: World) -> None:
    """Of parallel sign-ups with one address exactly one makes the user."""
    outcomes = at_once(6, lambda number: world.sign_up(name=f"No {number}"))
    assert sum(not isinstance(outcome, str) for outcome in outcomes) == 1
    assert outcomes.count("auth/email-already-exists") == 5


def test_sign_up_without_tokens_where_a_proven_address_is_needed(world: World) -> None:
    """With requireEmailVerification on, sign-up answers no tokens, and sign-in waits for the proof."""
    world.configure("email", requireEmailVerification=True)
    answer = world.call(accounts.SIGN_UP, signing_up())
    assert isinstance(answer, accounts.MessageEmail)
    assert answer.email == ALICE
    assert world.refused(accounts.SIGN_IN, signing_in()).code == "auth/email-not-verified"
    assert world.refused(accounts.SIGN_IN, signing_in(password=OTHER)).code == "auth/invalid-credentials"
    world.call(accounts.CONFIRM_SIGN_UP, confirmation(world), key=None)
    assert world.me(world.sign_in()).email_verified is not None


@pytest.mark.parametrize("operation", [accounts.SIGN_UP, accounts.SIGN_IN], ids=lambda it: it.name)
def test_email_switched_off_refuses(world: World, operation: accounts.Operation) -> None:
    """Where e-mail is switched off, neither sign-up nor sign-in by password goes on."""
    world.configure("email", enabled=False)
    request = signing_up() if operation is accounts.SIGN_UP else signing_in()
    assert world.refused(operation, request).code == "auth/email-auth-disabled"


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("Sh0rt-!", "auth/invalid-password-format"),
        ("no-upper-c4se!", "auth/invalid-password-format"),
        ("NO-LOWER-C4SE!", "auth/invalid-password-format"),
        ("No-digit-here!", "auth/invalid-password-format"),
        ("N0specialHere", "auth/invalid-password-format"),
        ("Aa1!" + "x" * 125, "auth/invalid-password-format"),
        ("", "auth/invalid-password-format"),
        ("x" * 1025, "auth/invalid-password-format"),
        ("P@ssw0rd", "auth/weak-password"),
        ("!QAZ2wsx", "auth/weak-password"),
        ("P@ssw0rd\0", "common/invalid-parameters"),
    ],
)
def test_sign_up_refuses_bad_passwords(world: World, password: str, code: str) -> None:
    """T021: the policy, the list of common passwords, and NUL, which no text may hold."""
    failure = world.refused(accounts.SIGN_UP, signing_up(password=password))
    assert failure.code == code
    assert code == "auth/weak-password" or list(failure.details or ()) == ["password"]


@pytest.mark.parametrize(
    "password", ["L0cal-part!", "l0CAL-PART!", "l0cal-part!@example.com".title(), "Pr0ject-!name"]
)
def test_sign_up_refuses_names_that_others_know(world: World, password: str) -> None:
    """T021: the own address, its local part and the project's name are no passwords, whatever their case."""
    with world.core.database.write() as transaction:
        transaction.run(update(schema.projects).values(name="pR0ject-!NAME"))
    request = signing_up("l0cal-part!@example.com", password)
    assert world.refused(accounts.SIGN_UP, request).code == "auth/weak-password"


def test_sign_up_lists_every_fault(world: World) -> None:
    """Several faults at once answer the general code and name each field."""
    failure = world.refused(accounts.SIGN_UP, signing_up("nobody", "", ""))
    assert failure.code == "common/invalid-parameters"
    assert set(failure.details or ()) == {"email", "password", "name"}


@pytest.mark.parametrize(
    "password",
    [
        "Aa1!" + "x" * 124,
        "  Corr3ct-horse!  ",
        "Grüße-Ünicode-1",
        "Aa1!🔐🔐🔐🔐",
        "Corr3ct-hors\u0065\u0301!",
    ],
    ids=["128 characters", "spaces around", "umlauts", "emoji", "combining accent"],
)
def test_passwords_count_exactly_as_typed(world: World, password: str) -> None:
    """T020: nothing is trimmed, cut or normalised: only the very same text signs in."""
    world.sign_up(password=password)
    world.sign_in(password=password)
    near = {password[:-1], password.strip(), password.replace("e\u0301", "\u00e9")} - {password}
    for wrong in near:
        assert world.refused(accounts.SIGN_IN, signing_in(password=wrong)).code == "auth/invalid-credentials"


# Confirming a sign-up


def test_confirm_sign_up_proves_the_address_and_keeps_all_else(world: World) -> None:
    """The link proves the address without a key, keeps password and session, and works a second time."""
    pair = world.sign_up()
    request = confirmation(world)
    for _ in range(2):
        answer = world.call(accounts.CONFIRM_SIGN_UP, request, key=None)
        assert (answer.success, answer.data.verified, answer.data.email) == (True, True, ALICE)
    assert world.me(pair).email_verified is not None
    world.sign_in()


def test_confirm_sign_up_keeps_the_first_proof(world: World) -> None:
    """A second click leaves the time of the proof as it is."""
    pair = world.sign_up()
    world.call(accounts.CONFIRM_SIGN_UP, confirmation(world), key=None)
    proven = world.me(pair).email_verified
    world.clock.advance(MINUTE)
    world.call(accounts.CONFIRM_SIGN_UP, confirmation(world), key=None)
    assert world.me(pair).email_verified == proven


def test_confirm_sign_up_waits_for_its_turn_to_write(world: World) -> None:
    """Parallel clicks and sign-ups all succeed: the link's GET writes, so it takes the lock like a writer."""
    pair = world.sign_up()
    request = confirmation(world)

    def act(number: int) -> object:
        if number % 2:
            return world.call(accounts.CONFIRM_SIGN_UP, request, key=None)
        return world.make_user(f"user{number}@example.com")

    assert not [outcome for outcome in at_once(12, act) if isinstance(outcome, str)]
    assert world.me(pair).email_verified is not None


@pytest.mark.parametrize("change", [{"token": "x" * 43}, {"email": "bob@example.com"}])
def test_confirm_sign_up_refuses_other_values(world: World, change: dict[str, str]) -> None:
    """An unknown token and another address are alike: not found."""
    world.sign_up()
    values = link_values(world.mails("signup_confirmation")[0]) | change
    failure = world.refused(accounts.CONFIRM_SIGN_UP, accounts.ConfirmSignUp(**values), key=None)
    assert failure.code == "auth/verification-token-not-found"


def test_confirm_sign_up_expires_after_a_day(world: World) -> None:
    """The link lives 24 hours to the millisecond, and says so afterwards."""
    world.sign_up()
    request = confirmation(world)
    world.clock.advance(24 * HOUR - 1)
    world.call(accounts.CONFIRM_SIGN_UP, request, key=None)
    world.clock.advance(1)
    failure = world.refused(accounts.CONFIRM_SIGN_UP, request, key=None)
    assert failure.code == "auth/verification-token-expired"


def test_confirm_sign_up_of_a_deleted_user(world: World) -> None:
    """The link of a user who withdrew is not found, also when the address was taken anew."""
    pair = world.sign_up()
    request = confirmation(world)
    world.call(accounts.WITHDRAW, token=pair)
    second = world.sign_up()
    failure = world.refused(accounts.CONFIRM_SIGN_UP, request, key=None)
    assert failure.code == "auth/verification-token-not-found"
    assert world.me(second).email_verified is None
