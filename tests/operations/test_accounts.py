"""Sign-in, who am I, password change, withdrawal."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from bkendctl.contract import accounts, mfa, sessions, users
from bkendctl.contract.errors import Failure
from bkendctl.core import schema
from bkendctl.core.clock import DAY, HOUR
from bkendctl.core.passwords import COST
from tests.conftest import PASSWORD, World, at_once, patient_hasher

OTHER = "Batt3ry-staple!"
ALICE = "alice@example.com"


def signing_in(email: str = ALICE, password: str = PASSWORD, **rest: str) -> accounts.SignIn:
    """A request to sign in."""
    return accounts.SignIn(email=email, password=password, **rest)


def changing(current: str = PASSWORD, new: str = OTHER) -> accounts.ChangePassword:
    """A request to change the password."""
    return accounts.ChangePassword(current_password=current, new_password=new)


# Sign-in


def test_sign_in_refusals_are_alike(world: World) -> None:
    """T001: unknown, known, passwordless, banned and deleted addresses answer a wrong password alike."""
    world.sign_up()
    world.make_user("none@example.com")
    banned = world.make_user("banned@example.com", password=PASSWORD)
    world.call(users.BAN, users.Ban(user_id=banned.id), key="sk")
    deleted = world.make_user("deleted@example.com", password=PASSWORD)
    world.call(users.DELETE, users.UserId(user_id=deleted.id), key="sk")
    answers = [
        world.refused(accounts.SIGN_IN, signing_in(f"{who}@example.com", OTHER))
        for who in ("alice", "unknown", "none", "banned", "deleted")
    ]
    assert answers[0].code == "auth/invalid-credentials"
    assert all(answer.body() == answers[0].body() for answer in answers)
    assert {answer.retry_after for answer in answers} == {None}


def test_sign_in_tells_of_a_ban_only_after_the_right_password(world: World) -> None:
    """T003: a wrong password on a banned account says nothing of the ban."""
    user = world.make_user(ALICE, password=PASSWORD)
    world.call(users.BAN, users.Ban(user_id=user.id), key="sk")
    assert world.refused(accounts.SIGN_IN, signing_in(password=OTHER)).code == "auth/invalid-credentials"
    assert world.refused(accounts.SIGN_IN, signing_in()).code == "auth/account-banned"


def test_sign_in_after_a_ban_has_run_out(world: World) -> None:
    """A ban until an instant ends with it."""
    user = world.make_user(ALICE, password=PASSWORD)
    from bkendctl.core.clock import wire

    until = wire(world.clock.now() + HOUR)
    world.call(users.BAN, users.Ban(user_id=user.id, until=until), key="sk")
    world.clock.advance(HOUR - 1)
    assert world.refused(accounts.SIGN_IN, signing_in()).code == "auth/account-banned"
    world.clock.advance(1)
    world.sign_in()


def test_sign_in_asks_for_a_second_factor_only_after_the_right_password(world: World) -> None:
    """T006: whatever the code, a wrong password answers as ever; the right one needs a code."""
    setup = world.enrol(world.sign_up())
    code = world.code(setup.secret)
    wrong = signing_in(password=OTHER, mfa_code=code)
    assert world.refused(accounts.SIGN_IN, wrong).code == "auth/invalid-credentials"
    assert world.refused(accounts.SIGN_IN, signing_in(password=OTHER)).code == "auth/invalid-credentials"
    assert world.refused(accounts.SIGN_IN, signing_in()).code == "auth/mfa-required"
    world.sign_in(mfa_code=code)


def test_sign_in_checks_in_the_contract_s_order(world: World) -> None:
    """Ban, proven address, password age, second factor: each is told when those before are settled."""
    pair = world.sign_up()
    setup = world.enrol(pair)
    world.configure("email", requireEmailVerification=True, passwordPolicy={"expirationDays": 30})
    world.clock.advance(30 * DAY)
    user_id = world.call(users.LIST, users.ListUsers(), key="sk").items[0].id
    world.call(users.BAN, users.Ban(user_id=user_id), key="sk")
    request = signing_in(mfa_code="000000")
    assert world.refused(accounts.SIGN_IN, request).code == "auth/account-banned"
    world.call(users.UNBAN, users.UserId(user_id=user_id), key="sk")
    assert world.refused(accounts.SIGN_IN, request).code == "auth/email-not-verified"
    world.configure("email", requireEmailVerification=False)
    assert world.refused(accounts.SIGN_IN, request).code == "auth/password-expired"
    world.configure("email", passwordPolicy={"expirationDays": None})
    assert world.refused(accounts.SIGN_IN, signing_in()).code == "auth/mfa-required"
    world.sign_in(mfa_code=world.code(setup.secret))


def test_sign_in_until_the_password_s_last_day(world: World) -> None:
    """A password counts until expirationDays after it was set, and no millisecond longer."""
    world.configure("email", passwordPolicy={"expirationDays": 1})
    world.sign_up()
    world.clock.advance(DAY - 1)
    world.sign_in()
    world.clock.advance(1)
    assert world.refused(accounts.SIGN_IN, signing_in()).code == "auth/password-expired"


def test_sign_in_with_an_overlong_password_is_refused_before_hashing(world: World) -> None:
    """T018: more than 1024 characters are no password, and do not count as a failed attempt."""
    world.sign_up()
    for _ in range(6):
        failure = world.refused(accounts.SIGN_IN, signing_in(password="x" * 1025))
        assert (failure.code, list(failure.details or ())) == ("common/invalid-parameters", ["password"])
    world.sign_in()


# Who am I, password change, withdrawal


def test_get_me_needs_a_user_besides_a_secret_key(world: World) -> None:
    """A secret key alone is nobody; with a token the token's user is meant."""
    assert world.refused(accounts.GET_ME, key="sk").code == "auth/unauthorized"
    assert world.refused(accounts.GET_ME).code == "auth/unauthorized"
    pair = world.sign_up()
    assert world.call(accounts.GET_ME, key="sk", token=pair).email == ALICE


def test_change_password_ends_every_session(world: World) -> None:
    """T026: all sessions end, the calling one too; only the new password counts; a notice is mailed."""
    pair, other = world.sign_up(), world.sign_in()
    world.call(accounts.CHANGE_PASSWORD, changing(), token=pair)
    for ended in (pair, other):
        assert world.refused(accounts.GET_ME, token=ended).code == "auth/invalid-token"
        request = sessions.Refresh(refresh_token=ended.refresh_token)
        assert world.refused(sessions.REFRESH, request).code == "auth/invalid-refresh-token"
    assert world.refused(accounts.SIGN_IN, signing_in()).code == "auth/invalid-credentials"
    world.sign_in(password=OTHER)
    assert len(world.mails("password_changed", to=ALICE)) == 1


@pytest.mark.parametrize(
    ("current", "new", "code"),
    [
        (OTHER, "An0ther-one!", "auth/invalid-password"),
        (PASSWORD, PASSWORD, "auth/same-as-previous-password"),
        (PASSWORD, "short", "auth/invalid-password-format"),
        (PASSWORD, "P@ssw0rd", "auth/weak-password"),
        (PASSWORD, "", "auth/invalid-password-format"),
        ("", OTHER, "common/invalid-parameters"),
    ],
)
def test_change_password_refusals_change_nothing(world: World, current: str, new: str, code: str) -> None:
    """T026: each refusal has its code, keeps the sessions and the password, and mails nothing."""
    pair = world.sign_up()
    assert world.refused(accounts.CHANGE_PASSWORD, changing(current, new), token=pair).code == code
    world.me(pair)
    world.sign_in()
    assert world.mails("password_changed") == []


def test_change_password_of_a_user_without_one(world: World) -> None:
    """Who signs in by other means only has nothing to change."""
    pair = world.sign_up()
    with world.core.database.write() as transaction:
        transaction.run(schema.passwords.delete())
    assert world.refused(accounts.CHANGE_PASSWORD, changing(), token=pair).code == "auth/password-not-set"
    assert (
        world.refused(mfa.ENABLE, mfa.Enable(password=PASSWORD), token=pair).code == "auth/password-not-set"
    )


def test_change_password_in_parallel_succeeds_once(world: World) -> None:
    """Exactly one of parallel changes succeeds; the others meet a wrong password or an ended session."""
    pair = world.sign_up()
    outcomes = at_once(
        4,
        lambda number: world.call(
            accounts.CHANGE_PASSWORD, changing(new=f"Numb3r-{number}-is-it"), token=pair
        ),
    )
    won = [number for number, outcome in enumerate(outcomes) if not isinstance(outcome, str)]
    assert len(won) == 1
    assert set(map(str, outcomes)) - {str(outcomes[won[0]])} <= {
        "auth/invalid-password",
        "auth/invalid-token",
    }
    world.sign_in(password=f"Numb3r-{won[0]}-is-it")


def test_withdraw_ends_everything_and_frees_the_address(world: World) -> None:
    """T060, T137: the old tokens say the user is gone; the address makes a new user without its past."""
    pair = world.sign_up()
    world.enrol(pair)
    me = world.me(pair)
    world.call(accounts.WITHDRAW, token=pair)
    assert world.refused(accounts.GET_ME, token=pair).code == "auth/user-not-found"
    assert world.refused(accounts.WITHDRAW, token=pair).code == "auth/user-not-found"
    assert world.refused(accounts.SIGN_IN, signing_in()).code == "auth/invalid-credentials"
    again = world.sign_up(password=OTHER)
    assert world.me(again).id != me.id
    assert not world.me(again).mfa_enabled
    assert world.call(sessions.LIST, token=again).pagination.total == 1


def test_withdraw_keeps_the_last_admin(world: World) -> None:
    """The last active admin cannot leave; with a second one it can."""
    world.make_user(ALICE, role="admin", password=PASSWORD)
    pair = world.sign_in()
    assert world.refused(accounts.WITHDRAW, token=pair).code == "user/last-admin"
    world.me(pair)
    world.make_user("bob@example.com", role="admin")
    world.call(accounts.WITHDRAW, token=pair)


def test_outdated_hashes_are_renewed_at_sign_in(world: World) -> None:
    """T023: a right password renews a weaker hash, a wrong one does not; parallel sign-ins all succeed."""
    from argon2 import PasswordHasher

    world.core.hasher = patient_hasher(COST)
    world.sign_up()
    weak = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)

    def stored() -> str:
        with world.core.database.read() as transaction:
            return str(transaction.value(select(schema.passwords.c.hash)))

    with world.core.database.write() as transaction:
        transaction.run(update(schema.passwords).values(hash=weak))
    with pytest.raises(Failure, match="auth/invalid-credentials"):
        world.sign_in(password=OTHER)
    assert stored() == weak
    assert not [outcome for outcome in at_once(4, lambda _: world.sign_in()) if isinstance(outcome, str)]
    assert stored().startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    world.sign_in()
