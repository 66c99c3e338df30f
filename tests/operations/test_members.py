"""Members of organizations: listed, given roles, removed; an organization that has an owner keeps one."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bkendctl.contract import accounts, members, users
from bkendctl.contract.accounts import TokenPair
from bkendctl.contract.errors import Failure
from bkendctl.core import schema
from tests.conftest import World, at_once
from tests.operations import tenancy

ROLES = ("owner", "admin", "member", "billing")
UNKNOWN = "00000000-0000-4000-8000-000000000000"


def team(world: World) -> tuple[str, dict[str, TokenPair], dict[str, str]]:
    """An organization with a member of each role: its id, their tokens and their ids."""
    tokens = {"owner": world.sign_up("owner@example.com")}
    made = tenancy.organization(world, tokens["owner"])
    for role in ROLES[1:]:
        tokens[role] = tenancy.add(world, made.id, f"{role}@example.com", role)
    return made.id, tokens, {role: world.me(token).id for role, token in tokens.items()}


def role_of(world: World, organization_id: str, user_id: str) -> str | None:
    """The role of a member."""
    request = members.ListMembers(organization_id=organization_id, limit=100)
    listed = world.call(members.LIST, request, key="sk").items
    return next((each.role for each in listed if each.user_id == user_id), None)


def test_members_are_listed_to_members(world: World) -> None:
    """Longest first, by role where asked for; others meet an unknown organization."""
    organization_id, tokens, ids = team(world)
    page = world.call(
        members.LIST, members.ListMembers(organization_id=organization_id), token=tokens["billing"]
    )
    assert {each.role: each.user_id for each in page.items} == ids
    assert (page.pagination.total, page.pagination.limit) == (4, 20)
    only = members.ListMembers(organization_id=organization_id, role="admin", limit=1)
    (admin,) = world.call(members.LIST, only, key="sk").items
    assert (admin.email, admin.name, admin.image) == ("admin@example.com", "Alice", None)
    with world.core.database.write() as transaction:
        transaction.update(schema.users, {"image": "avatar:a.png"}, id=admin.user_id)
    (pictured,) = world.call(members.LIST, only, key="sk").items
    assert pictured.image == world.call(users.GET, users.UserId(user_id=admin.user_id), key="sk").image
    stranger = world.sign_up("stranger@example.com")
    assert world.refused(members.LIST, only, token=stranger).code == "organization/not-found"


# Who may turn whom into what: the caller, the member's present role, the role to give.
def may_set(caller: str, present: str, wanted: str) -> bool:
    """The rule of the contract, said once more."""
    if caller == "owner":
        return True
    return caller == "admin" and "owner" not in (present, wanted)


def test_roles_are_given_by_those_who_may(world: World) -> None:
    """Owners give any, admins any but the owner's, members none, whoever it is about (x-check-order)."""
    organization_id, tokens, _ids = team(world)
    second = tenancy.add(world, organization_id, "second@example.com", "member")
    second_id = world.me(second).id
    for caller in ROLES:
        for present in ROLES:
            for wanted in ROLES:
                setup = members.SetRole(organization_id=organization_id, user_id=second_id, role=present)
                world.call(members.SET_ROLE, setup, key="sk")
                request = members.SetRole(organization_id=organization_id, user_id=second_id, role=wanted)
                if may_set(caller, present, wanted):
                    assert world.call(members.SET_ROLE, request, token=tokens[caller]).role == wanted
                else:
                    refusal = world.refused(members.SET_ROLE, request, token=tokens[caller])
                    assert refusal.code == "auth/forbidden"
                    assert role_of(world, organization_id, second_id) == present
    bad = members.SetRole(organization_id=organization_id, user_id=UNKNOWN, role="king")  # type: ignore[arg-type]
    assert world.refused(members.SET_ROLE, bad, token=tokens["member"]).code == "auth/forbidden"
    assert world.refused(members.SET_ROLE, bad, token=tokens["admin"]).code == "common/invalid-parameters"
    nobody = members.SetRole(organization_id=organization_id, user_id=UNKNOWN, role="admin")
    assert (
        world.refused(members.SET_ROLE, nobody, token=tokens["admin"]).code == "organization/member-not-found"
    )


def test_members_leave_and_are_removed(world: World) -> None:
    """Anybody removes itself, managers others, admins no owners."""
    organization_id, tokens, ids = team(world)

    def remove(of: str, by: str) -> Any:
        request = members.MemberId(organization_id=organization_id, user_id=ids[of])
        return world.call(members.REMOVE, request, token=tokens[by])

    assert world.refusal(remove, "admin", "member") == "auth/forbidden"
    assert world.refusal(remove, "owner", "admin") == "auth/forbidden"
    remove("billing", "billing")
    assert world.refusal(remove, "billing", "billing") == "organization/not-found"
    assert world.refusal(remove, "billing", "owner") == "organization/member-not-found"
    remove("member", "admin")
    remove("admin", "owner")
    assert world.refusal(remove, "owner", "owner") == "organization/last-owner"
    assert tenancy.owners(world, organization_id) == ["owner@example.com"]


@pytest.mark.parametrize("lose", ["demote", "remove", "withdraw", "delete"])
def test_the_last_owner_stays_also_against_a_secret_key(world: World, lose: str) -> None:
    """The only owner is not demoted, removed, withdrawn or deleted; with a second one it goes."""
    token = world.sign_up()
    made, mine = tenancy.organization(world, token), world.me(token)
    ways: dict[str, tuple[Any, Any, dict[str, Any]]] = {
        "demote": (
            members.SET_ROLE,
            members.SetRole(organization_id=made.id, user_id=mine.id, role="admin"),
            {"key": "sk"},
        ),
        "remove": (
            members.REMOVE,
            members.MemberId(organization_id=made.id, user_id=mine.id),
            {"key": "sk"},
        ),
        "withdraw": (accounts.WITHDRAW, None, {"token": token}),
        "delete": (users.DELETE, users.UserId(user_id=mine.id), {"key": "sk"}),
    }
    operation, request, how = ways[lose]
    refusal = world.refused(operation, request, **how)
    assert (refusal.code, refusal.status) == ("organization/last-owner", 409)
    assert tenancy.owners(world, made.id) == [mine.email]
    tenancy.add(world, made.id, "second@example.com", "owner")
    world.call(operation, request, **how)
    assert tenancy.owners(world, made.id) == ["second@example.com"]


@pytest.mark.parametrize("act", ["leave", "demote each other", "remove each other", "withdraw"])
def test_of_two_owners_who_go_at_once_exactly_one_succeeds(world: World, act: str) -> None:
    """Leaving, demoting or removing each other, withdrawing, in parallel: one owner is left."""
    one = world.sign_up("one@example.com")
    made = tenancy.organization(world, one)
    two = tenancy.add(world, made.id, "two@example.com", "owner")
    tokens, ids = (one, two), (world.me(one).id, world.me(two).id)

    def go(number: int) -> Any:
        whose = ids[number] if act == "leave" else ids[1 - number]
        if act == "withdraw":
            return world.call(accounts.WITHDRAW, token=tokens[number])
        if act == "demote each other":
            request: Any = members.SetRole(organization_id=made.id, user_id=whose, role="member")
            return world.call(members.SET_ROLE, request, token=tokens[number])
        request = members.MemberId(organization_id=made.id, user_id=whose)
        return world.call(members.REMOVE, request, token=tokens[number])

    refusals = [answer for answer in at_once(2, go) if isinstance(answer, str)]
    assert len(refusals) == 1
    # Stopped by the rule, or no owner any more when it was its turn.
    assert refusals[0] in {"organization/last-owner", "auth/forbidden", "organization/not-found"}
    assert len(tenancy.owners(world, made.id)) == 1


def test_owners_of_two_environments_keep_one_between_them(world: World) -> None:
    """An organization that owns the project has owners in several environments; at once only one goes."""
    organization_id = world.installed.organization_id
    other = world.beside("other")
    worlds = (world, other)
    ids = [
        each.me(tenancy.add(each, organization_id, f"{number}@example.com", "owner")).id
        for number, each in enumerate(worlds)
    ]
    assert [tenancy.owners(each, organization_id) for each in worlds] == [
        ["0@example.com"],
        ["1@example.com"],
    ]
    beside = members.MemberId(organization_id=organization_id, user_id=ids[1])
    assert world.refused(members.REMOVE, beside, key="sk").code == "organization/member-not-found"

    def go(number: int) -> Any:
        request = members.MemberId(organization_id=organization_id, user_id=ids[number])
        return worlds[number].call(members.REMOVE, request, key="sk")

    refusals = [answer for answer in at_once(2, go) if isinstance(answer, str)]
    assert refusals == ["organization/last-owner"]
    assert len([1 for each in worlds if tenancy.owners(each, organization_id)]) == 1


MOVES = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from([*ROLES, "remove", "delete"])),
    min_size=1,
    max_size=12,
)


@pytest.mark.parametrize("world", ["embedded"], indirect=True)
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(moves=MOVES)
def test_no_sequence_of_moves_leaves_it_without_an_owner(
    world: World, moves: list[tuple[int, int, str]]
) -> None:
    """Whatever members do to one another, in any order, an owner is left after each move."""
    world.clock.advance(3_600_000)  # so that sign-ups of the example before do not count
    tag = world.clock.now()
    people = [world.sign_up(f"p0-{tag}@example.com")]
    made = tenancy.organization(world, people[0])
    people += [
        tenancy.add(world, made.id, f"p{number}-{tag}@example.com", ROLES[number]) for number in (1, 2, 3)
    ]
    ids = [world.me(token).id for token in people]
    for caller, about, move in moves:
        about_whom = {"organization_id": made.id, "user_id": ids[about]}
        if move == "delete":
            act = partial(world.call, users.DELETE, users.UserId(user_id=ids[about]), key="sk")
        elif move == "remove":
            act = partial(world.call, members.REMOVE, members.MemberId(**about_whom), token=people[caller])
        else:
            request = members.SetRole(**about_whom, role=move)  # type: ignore[arg-type]
            act = partial(world.call, members.SET_ROLE, request, token=people[caller])
        with suppress(Failure):  # who lacks the right, or is no member any more
            act()
        assert tenancy.owners(world, made.id)
