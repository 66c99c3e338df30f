"""Once an environment has an active admin, the last one stays (decisions 101 and 116)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bkendctl.contract import accounts, users
from bkendctl.core.clock import HOUR, wire
from tests.conftest import World, at_once

Act = Callable[[World, str], tuple[Any, Any]]


def demote(_world: World, user_id: str) -> tuple[Any, Any]:
    """Take the role away."""
    return users.SET_ROLE, users.SetRole(user_id=user_id, role="user")


def delete(_world: World, user_id: str) -> tuple[Any, Any]:
    """Delete."""
    return users.DELETE, users.UserId(user_id=user_id)


def ban(world: World, user_id: str) -> tuple[Any, Any]:
    """Ban for an hour."""
    return users.BAN, users.Ban(user_id=user_id, until=str(wire(world.clock.now() + HOUR)))


LOSSES = pytest.mark.parametrize("lose", [demote, delete, ban])


def admins(world: World) -> set[str]:
    """Ids of the active admins."""
    page = world.call(users.LIST, users.ListUsers(role="admin", status="active"), key="sk")
    return {user.id for user in page.items}


@LOSSES
def test_the_last_admin_stays_also_against_a_secret_key(world: World, lose: Act) -> None:
    """The only active admin is not demoted, deleted or banned; banned and deleted ones do not count."""
    last = world.make_user("root@example.com", "admin")
    for email, rid in (("banned@example.com", ban), ("gone@example.com", delete)):
        operation, request = rid(world, world.make_user(email, "admin").id)
        world.call(operation, request, key="sk")
    operation, request = lose(world, last.id)
    refusal = world.refused(operation, request, key="sk")
    assert (refusal.code, refusal.status) == ("user/last-admin", 409)
    assert admins(world) == {last.id}


@LOSSES
def test_one_of_two_admins_may_go(world: World, lose: Act) -> None:
    """With another active admin left, an admin is demoted, deleted or banned like anybody."""
    stays = world.make_user("root@example.com", "admin")
    operation, request = lose(world, world.make_user("second@example.com", "admin").id)
    world.call(operation, request, key="sk")
    assert admins(world) == {stays.id}


@pytest.mark.parametrize("operation", [accounts.WITHDRAW, users.DELETE, users.SET_ROLE])
def test_the_last_admin_does_not_remove_itself(world: World, operation: Any) -> None:
    """Withdrawing, deleting and demoting oneself is refused to the last admin (T107)."""
    token = world.sign_up()
    user_id = world.me(token).id
    world.call(users.SET_ROLE, users.SetRole(user_id=user_id, role="admin"), key="sk")
    requests = {
        accounts.WITHDRAW.name: None,
        users.DELETE.name: users.UserId(user_id=user_id),
        users.SET_ROLE.name: users.SetRole(user_id=user_id, role="guest"),
    }
    refusal = world.refused(operation, requests[operation.name], token=token)
    assert refusal.code == "user/last-admin"
    assert world.me(token).role == "admin"


def test_an_admin_whose_ban_has_ended_counts_again(world: World) -> None:
    """A ban that ran out leaves an active admin, so that another may go."""
    back = world.make_user("back@example.com", "admin")
    root = world.make_user("root@example.com", "admin")
    world.call(*ban(world, back.id), key="sk")
    assert world.refused(*demote(world, root.id), key="sk").code == "user/last-admin"
    world.clock.advance(HOUR)
    world.call(*demote(world, root.id), key="sk")
    assert admins(world) == {back.id}


def test_giving_the_last_admin_its_own_role_again_succeeds(world: World) -> None:
    """Nothing is lost by setting admin to admin."""
    root = world.make_user("root@example.com", "admin")
    same = world.call(users.SET_ROLE, users.SetRole(user_id=root.id, role="admin"), key="sk")
    assert same.role == "admin"


def test_where_there_never_was_an_admin_users_come_and_go(world: World) -> None:
    """Without an admin there is none to keep."""
    user = world.make_user("bea@example.com")
    guest = world.call(users.SET_ROLE, users.SetRole(user_id=user.id, role="guest"), key="sk")
    assert guest.role == "guest"
    world.call(users.DELETE, users.UserId(user_id=user.id), key="sk")


@LOSSES
def test_two_admins_removing_each_other_at_once_leave_one(world: World, lose: Act) -> None:
    """Of two parallel removals exactly one succeeds; the other is refused (T107)."""
    pairs = []
    for email in ("one@example.com", "two@example.com"):
        token = world.sign_up(email)
        user_id = world.me(token).id
        world.call(users.SET_ROLE, users.SetRole(user_id=user_id, role="admin"), key="sk")
        pairs.append((token, user_id))
    (one, one_id), (two, two_id) = pairs
    moves = [(one, two_id), (two, one_id)]

    def act(number: int) -> Any:
        token, other = moves[number]
        return world.call(*lose(world, other), token=token)

    answers = at_once(2, act)
    refusals = [answer for answer in answers if isinstance(answer, str)]
    assert len(refusals) == 1
    # The loser was stopped by the rule, or had lost role or session before it began.
    assert refusals[0] in {"user/last-admin", "user/forbidden", "auth/invalid-token", "auth/user-not-found"}
    assert len(admins(world)) == 1
