"""Rate limits: how much is allowed, to whom, and when again."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from bkendctl.contract import accounts, dev_clock, invitations, users
from bkendctl.core import schema
from bkendctl.core.call import Source
from bkendctl.core.clock import MINUTE, SECOND
from bkendctl.core.database import Database
from bkendctl.core.runtime import Core
from tests.conftest import MASTER_KEY, World, at_once

LOGIN = "auth/too-many-login-attempts"
HERE, THERE = Source(ip_address="192.0.2.1"), Source(ip_address="192.0.2.2")


def limit(world: World, **classes: Any) -> None:
    """Set limits: class=limit, or class=(limit, per source) for mails."""
    each = {
        name: {"limit": value[0], "limitPerSource": value[1], "windowSeconds": 3600}
        if isinstance(value, tuple)
        else {"limit": value, "windowSeconds": 60}
        for name, value in classes.items()
    }
    world.configure("sessions", rateLimits=each)


def try_to_sign_in(world: World, email: str = "alice@example.com", source: Source = HERE) -> str:
    """Sign in with a wrong password and give the code; unlike the lock, a limit counts good ones too."""
    return world.refusal(world.sign_in, email, "Wr0ng-password!", source=source)


def test_sign_ins_are_limited_per_address_and_source(world: World) -> None:
    """Who is refused is told how long to wait; other addresses and sources go on, as does a later minute."""
    limit(world, login=3)
    world.sign_up()
    codes = [try_to_sign_in(world) for _ in range(4)]
    assert codes == ["auth/invalid-credentials"] * 3 + [LOGIN]
    refusal = world.refused(
        accounts.SIGN_IN, accounts.SignIn(email="alice@example.com", password="x"), source=HERE
    )
    assert (refusal.code, refusal.retry_after) == (LOGIN, 60)
    assert try_to_sign_in(world, source=THERE) == "auth/invalid-credentials"
    assert try_to_sign_in(world, "bob@example.com") == "auth/invalid-credentials"
    world.clock.advance(59 * SECOND)
    assert try_to_sign_in(world) == LOGIN
    world.clock.advance(SECOND)
    assert try_to_sign_in(world) == "auth/invalid-credentials"


def test_the_right_password_is_limited_too(world: World) -> None:
    """A limit counts requests, whatever comes of them."""
    limit(world, login=2)
    world.sign_up()
    for _ in range(2):
        world.sign_in(source=HERE)
    assert world.refusal(world.sign_in, source=HERE) == LOGIN


def test_known_and_unknown_addresses_are_limited_alike(world: World) -> None:
    """The count tells nothing of who has an account (T005)."""
    limit(world, login=2)
    world.sign_up()
    known, unknown = (
        [try_to_sign_in(world, email) for _ in range(3)] for email in ("alice@example.com", "no@example.com")
    )
    assert known == unknown


@pytest.mark.parametrize("spelt", ["ALICE@example.com", "alice@EXAMPLE.com", "\uff41lice@example.com"])
def test_spellings_of_an_address_are_one(world: World, spelt: str) -> None:
    """What would be stored as one address is counted as one."""
    limit(world, login=1)
    try_to_sign_in(world)
    assert try_to_sign_in(world, spelt) == LOGIN


def test_a_source_is_limited_whatever_the_address(world: World) -> None:
    """Trying one password at many accounts is stopped at the source (T013); others are not affected."""
    limit(world, loginSource=3)
    codes = [try_to_sign_in(world, f"user{number}@example.com") for number in range(5)]
    assert codes == ["auth/invalid-credentials"] * 3 + [LOGIN] * 2
    assert try_to_sign_in(world, "user9@example.com", THERE) == "auth/invalid-credentials"


def test_a_refused_request_leaves_no_trace(world: World) -> None:
    """A flood neither grows the table of counters nor the audit."""
    limit(world, loginSource=1)
    try_to_sign_in(world, "user0@example.com")
    before = rows(world)
    for number in range(20):
        assert try_to_sign_in(world, f"user{number}@example.com") == LOGIN
    assert rows(world) == before


def rows(world: World) -> tuple[int, int]:
    """How many counters and audit events there are."""
    with world.core.database.read() as transaction:
        return tuple(
            transaction.value(select(func.count()).select_from(table))
            for table in (schema.throttles, schema.audit_events)
        )  # type: ignore[return-value]


def test_parallel_requests_are_counted_exactly(world: World) -> None:
    """Of many at once only so many are looked at."""
    limit(world, login=4)
    answers = at_once(12, lambda _: world.sign_in(password="Wr0ng-password!", source=HERE))
    assert sorted(answers).count(LOGIN) == 8


def test_mails_are_limited_per_address(world: World) -> None:
    """Nobody's mailbox is flooded, what is refused later counts too; an hour on there may be more."""
    limit(world, code=(2, 100))
    invite(world, "bob@example.com")
    wanted = asked(world, "bob@example.com")
    for code in ("auth/invitation-already-pending", "auth/too-many-code-requests"):
        assert world.refused(*wanted, key="sk", source=THERE).code == code
    invite(world, "carol@example.com")
    world.clock.advance(60 * MINUTE)
    assert world.refused(*wanted, key="sk").code == "auth/invitation-already-pending"


def test_mails_are_limited_per_source(world: World) -> None:
    """Whoever mails to many addresses is stopped, too."""
    limit(world, code=(5, 2))
    for number in range(2):
        invite(world, f"user{number}@example.com")
    refusal = world.refused(*asked(world, "user9@example.com"), key="sk", source=HERE)
    assert (refusal.code, refusal.retry_after) == ("auth/too-many-code-requests", 3600)


def test_mailing_again_counts_for_the_address(world: World) -> None:
    """The request names an invitation, the limit is of the address it goes to."""
    limit(world, code=(2, 100))
    made = invite(world, "bob@example.com")
    again = invitations.InvitationId(invitation_id=made.id)
    world.call(invitations.RESEND, again, key="sk")
    assert world.refused(invitations.RESEND, again, key="sk").code == "auth/too-many-code-requests"


def asked(world: World, email: str) -> tuple[Any, invitations.Create]:
    """An invitation to the project of the world."""
    wanted: Any = {"resource_type": "project", "resource_role": "member"}
    request = invitations.Create(resource_id=world.installed.project_id, email=email, **wanted)
    return invitations.CREATE, request


def invite(world: World, email: str) -> invitations.Invitation:
    """Invite somebody."""
    operation, request = asked(world, email)
    return world.call(operation, request, key="sk", source=HERE)  # type: ignore[no-any-return]


def test_ordinary_requests_are_limited_per_key_and_source(world: World) -> None:
    """Another key and another source have counters of their own."""
    limit(world, default=3)
    for _ in range(3):
        world.call(users.LIST, key="sk", source=HERE)
    refusal = world.refused(users.LIST, key="sk", source=HERE)
    assert (refusal.code, refusal.retry_after) == ("auth/too-many-requests", 60)
    world.call(users.LIST, key="sk", source=THERE)
    world.call(users.LIST, key=world.make_key(), source=HERE)


def test_a_limit_comes_before_the_token(world: World) -> None:
    """The order of checks: key, limit, token."""
    limit(world, default=1)
    world.call(users.LIST, key="sk", source=HERE)
    for key, code in (("sk_" + "0" * 64, "auth/invalid-token"), ("sk", "auth/too-many-requests")):
        assert world.refused(users.LIST, key=key, token="no token", source=HERE).code == code


def test_moving_the_clock_back_clears_the_counters(world: World) -> None:
    """In dev: what was counted in a time that is to come again does not count."""
    limit(world, login=1, default=50)
    move(world, 3600)
    try_to_sign_in(world)
    assert try_to_sign_in(world) == LOGIN
    move(world, 0)
    assert try_to_sign_in(world) == "auth/invalid-credentials"


def test_moving_the_clock_on_ends_a_window(world: World) -> None:
    """In dev: nobody has to wait for a limit to pass."""
    limit(world, login=1)
    try_to_sign_in(world)
    move(world, 61)
    assert try_to_sign_in(world) == "auth/invalid-credentials"


def move(world: World, seconds: int) -> None:
    """Set the dev clock."""
    world.call(dev_clock.SET, dev_clock.SetClock(offset_seconds=seconds), key="sk")


def test_dev_is_looser_by_default(world: World) -> None:
    """Ten sign-ins a minute elsewhere, two hundred in dev."""
    strict = world.beside("prod", "prod")
    codes = [try_to_sign_in(strict, f"user{number % 2}@example.com") for number in range(21)]
    assert codes[-1] == LOGIN
    assert LOGIN not in [try_to_sign_in(world, f"user{number}@example.com") for number in range(21)]


def test_processes_share_the_exact_counters(world: World) -> None:
    """Another process over the database goes on where this one is; ordinary requests it counts by itself."""
    limit(world, login=1, default=1)
    other = beside_it(world)
    try_to_sign_in(world)
    assert try_to_sign_in(other) == LOGIN
    world.call(users.LIST, key="sk", source=HERE)
    other.call(users.LIST, key="sk", source=HERE)
    other.core.database.close()


def beside_it(world: World) -> World:
    """The same installation in another core, as a second process has it."""
    core = Core(Database(world.core.database.url), MASTER_KEY, clock=world.clock)
    return World(core, world.clock, world.installed)
