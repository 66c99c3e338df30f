"""The list of users: filters, search, order, pages and cursors."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Any

import msgspec
import pytest
from sqlalchemy import update

from bkendctl.contract import users
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Raw
from bkendctl.core import schema
from bkendctl.core.clock import HOUR, SECOND, wire
from bkendctl.core.randomness import new_id
from tests.conftest import PASSWORD, World


def listed(world: World, **wanted: Any) -> users.UserPage:
    """A page of users, as the secret key sees it."""
    page: users.UserPage = world.call(users.LIST, users.ListUsers(**wanted), key="sk")
    return page


def emails(page: users.UserPage) -> list[str]:
    """Who is on a page, by the part of the address before @."""
    return [user.email.partition("@")[0] for user in page.items]


def make(world: World, *names: str) -> None:
    """Users by these names, one second after the other."""
    for name in names:
        world.make_user(f"{name}@example.com")
        world.clock.advance(SECOND)


def change(world: World, who: str, **columns: Any) -> None:
    """Set what no operation built so far sets."""
    table = schema.users
    with world.core.database.write() as transaction:
        transaction.run(update(table).where(table.c.email == f"{who}@example.com").values(columns))


def test_without_wishes_the_newest_twenty_live_users_are_listed(world: World) -> None:
    """Newest first, 20 to a page, deleted ones left out, accounts not told."""
    make(world, *[f"u{number:02}" for number in range(22)])
    newest = listed(world, limit=1).items[0]
    world.call(users.DELETE, users.UserId(user_id=newest.id), key="sk")
    page = listed(world)
    assert emails(page) == [f"u{number:02}" for number in range(20, 0, -1)]
    assert (page.pagination.total, page.pagination.total_pages, page.pagination.limit) == (21, 2, 20)
    assert "accounts" not in msgspec.to_builtins(page.items[0])


@pytest.mark.parametrize(
    ("page", "limit", "expected", "more"),
    [(1, 2, ["e", "d"], True), (2, 2, ["c", "b"], True), (3, 2, ["a"], False), (4, 2, [], False)],
)
def test_pages_have_the_size_asked_for(
    world: World, page: int, limit: int, expected: list[str], more: bool
) -> None:
    """Each page holds its share, one beyond the last is empty, and only a full one has a successor."""
    make(world, *"abcde")
    found = listed(world, page=page, limit=limit)
    assert emails(found) == expected
    assert (found.next_cursor is not None) == more
    assert msgspec.to_builtins(found.pagination) == {
        "page": page, "limit": limit, "total": 5, "totalIsExact": True, "totalPages": 3,
    }  # fmt: skip


def test_an_empty_environment_has_no_pages(world: World) -> None:
    """Of nothing there are zero pages."""
    page = listed(world)
    assert (page.items, page.next_cursor, page.pagination.total_pages) == ([], None, 0)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"role": "admin"}, {"root"}),
        ({"role": "guest"}, {"visitor"}),
        ({"status": "active"}, {"root", "plain", "visitor"}),
        ({"status": "banned"}, {"banned"}),
        ({"status": "deleted"}, {"gone"}),
        ({"status": "all"}, {"root", "plain", "visitor", "banned", "gone"}),
        ({}, {"root", "plain", "visitor", "banned"}),
        ({"provider": "email"}, {"plain"}),
        ({"provider": "google"}, set()),
        ({"mfa": True}, {"plain"}),
        ({"mfa": False}, {"root", "visitor", "banned"}),
        ({"role": "user", "status": "active", "mfa": False}, set()),
    ],
)
def test_filters_leave_who_fits_all_of_them(world: World, wanted: dict[str, Any], expected: set[str]) -> None:
    """Role, state, way of signing in and MFA, alone and together; total counts the same ones."""
    world.make_user("root@example.com", "admin")
    world.make_user("visitor@example.com", "guest")
    banned, gone = (world.make_user(f"{name}@example.com") for name in ("banned", "gone"))
    world.call(users.BAN, users.Ban(user_id=banned.id), key="sk")
    world.call(users.DELETE, users.UserId(user_id=gone.id), key="sk")
    world.enrol(world.sign_up("plain@example.com"))
    page = listed(world, **wanted)
    assert set(emails(page)) == expected
    assert page.pagination.total == len(expected)


def test_users_are_found_by_when_they_came_and_last_signed_in(world: World) -> None:
    """before excludes and after includes its instant; never signed in counts as before."""
    make(world, "never")
    start = world.clock.now()
    world.make_user("early@example.com", password=PASSWORD)
    world.sign_in("early@example.com")
    world.clock.advance(HOUR)
    world.make_user("late@example.com", password=PASSWORD)
    world.sign_in("late@example.com")
    early, late = str(wire(start)), str(wire(start + HOUR))
    assert set(emails(listed(world, created_before=early))) == {"never"}
    assert set(emails(listed(world, created_after=early, created_before=late))) == {"early"}
    assert set(emails(listed(world, created_after=late))) == {"late"}
    assert set(emails(listed(world, last_sign_in_before=late))) == {"never", "early"}
    assert set(emails(listed(world, last_sign_in_after=early))) == {"early", "late"}
    assert emails(listed(world, last_sign_in_after=str(wire(start + HOUR + 1)))) == []


@pytest.mark.parametrize(
    ("search", "kind", "expected"),
    [
        ("ALI", None, {"ali", "bob"}),
        ("ali", "email", {"ali"}),
        ("ali", "nickname", {"bob"}),
        ("ali", "name", {"ali"}),
        ("straßE", "name", {"bob"}),
        ("ÉMIL", None, {"bob"}),
        ("", None, {"ali", "bob", "cee"}),
        ("%", None, set()),
        ("a_i", None, set()),
        ("100\\%", "nickname", set()),
        ("' OR 1=1 --", None, set()),
        ("example.com", "email", {"ali", "bob", "cee"}),
    ],
)
def test_search_finds_substrings_whatever_their_case(
    world: World, search: str, kind: str | None, expected: set[str]
) -> None:
    """Name, nickname and e-mail or the one named; wildcards and quotes are ordinary characters."""
    make(world, "ali", "bob", "cee")
    change(world, "ali", name="Ali Berg")
    change(world, "bob", name="Émile Straße", nickname="alibi")
    change(world, "cee", name="Cee", nickname="100")
    wanted = {"search": search} | ({"search_type": kind} if kind else {})
    page = listed(world, **wanted)
    assert set(emails(page)) == expected
    assert page.pagination.total == len(expected)


def test_counting_a_search_stops_at_ten_thousand(world: World) -> None:
    """totalIsExact is false when a substring search found more than it counts (decision 126)."""
    with world.core.database.write() as transaction:
        columns = {
            "email_verified_at": None,
            "is_public": False,
            "role": "user",
            "created_at": 0,
            "updated_at": 0,
        }
        environment = transaction.value(schema.environments.select())
        rows = [
            columns | {"id": new_id(world.core.randomness), "environment_id": environment, "name": "Many",
                       "email": f"m{number}@example.com"}
            for number in range(10_001)
        ]  # fmt: skip
        transaction.run(schema.users.insert(), rows)
    found = listed(world, search="many", limit=1).pagination
    assert (found.total, found.total_is_exact, found.total_pages) == (10_000, False, 10_000)
    whole = listed(world, limit=1).pagination
    assert (whole.total, whole.total_is_exact) == (10_001, True)


@pytest.mark.parametrize("sort_by", ["createdAt", "updatedAt", "name", "email", "role"])
@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_every_order_runs_both_ways_and_is_the_same_by_page_and_by_cursor(
    world: World, sort_by: str, direction: str
) -> None:
    """Rows with equal values keep one order; page by page or by cursor, each user comes exactly once."""
    make(world, "a", "b", "c")
    for name in "defg":  # created in the same millisecond
        world.make_user(f"{name}@example.com", "admin" if name == "d" else "user")
    change(world, "b", name="Same")
    change(world, "c", name="Same")
    order: dict[str, Any] = {"sort_by": sort_by, "sort_direction": direction}
    whole = listed(world, limit=100, **order)
    attribute = {"createdAt": "created_at", "updatedAt": "updated_at"}.get(sort_by, sort_by)
    values = [getattr(user, attribute) for user in whole.items]
    assert values == sorted(values, reverse=direction == "desc")
    by_page = [
        name for number in (1, 2, 3, 4) for name in emails(listed(world, page=number, limit=2, **order))
    ]
    by_cursor, cursor = [], None
    while True:
        page = listed(world, limit=2, **order, **({"cursor": cursor} if cursor else {}))
        assert page.pagination.page == 1
        by_cursor += emails(page)
        cursor = page.next_cursor
        if cursor is None:
            break
    assert by_page == by_cursor == emails(whole)


def test_a_cursor_neither_skips_nor_repeats_while_users_come_and_go(world: World) -> None:
    """Between two pages users before the cursor are deleted and new ones made: what follows is unchanged."""
    make(world, *"abcdef")
    first = listed(world, limit=2)
    assert emails(first) == ["f", "e"]
    for user in first.items:
        world.call(users.DELETE, users.UserId(user_id=user.id), key="sk")
    make(world, "g", "h")
    second = listed(world, limit=2, cursor=first.next_cursor)
    assert emails(second) == ["d", "c"]
    assert emails(listed(world, limit=2, cursor=second.next_cursor)) == ["b", "a"]


def cursor_of(*place: Any) -> str:
    """A cursor as an attacker would write one."""
    return urlsafe_b64encode(msgspec.json.encode(place)).decode()


BIG = "[" + '"createdAt","desc",' + "9" * 30 + ',"x"]'


@pytest.mark.parametrize(
    "cursor",
    [
        "garbage",
        "ünicode",
        "AAAA",
        "=",
        cursor_of("createdAt", "asc", 1, "x"),
        cursor_of("name", "desc", "x", "x"),
        cursor_of("createdAt", "desc", "text", "x"),
        cursor_of("createdAt", "desc", True, "x"),
        cursor_of("createdAt", "desc", None, "x"),
        cursor_of("createdAt", "desc", 2**63, "x"),
        cursor_of("createdAt", "desc", -(2**63) - 1, "x"),
        cursor_of("createdAt", "desc", 1, "\0"),
        cursor_of("createdAt", "desc", 1),
        urlsafe_b64encode(BIG.encode()).decode(),
        urlsafe_b64encode(b"[" * 200).decode(),
    ],
)
def test_a_forged_cursor_is_refused(world: World, cursor: str) -> None:
    """What is no cursor of this order answers 400, whatever number or text it hides (T120)."""
    make(world, "a")
    refusal = world.refused(users.LIST, users.ListUsers(cursor=cursor), key="sk")
    assert (refusal.code, set(refusal.details or {})) == ("common/invalid-parameters", {"cursor"})


def test_a_cursor_shows_nothing_of_another_environment(world: World) -> None:
    """A cursor is a place in an order, no permission."""
    make(world, "a", "b", "c")
    cursor = listed(world, limit=1).next_cursor
    assert listed(world.beside("other"), cursor=cursor).items == []


def test_page_and_cursor_exclude_each_other(world: World) -> None:
    """Both together are refused."""
    make(world, "a", "b")
    cursor = listed(world, limit=1).next_cursor
    refusal = world.refused(users.LIST, users.ListUsers(page=1, cursor=cursor), key="sk")
    assert refusal.code == "common/invalid-parameters"


def test_accounts_are_told_where_wanted(world: World) -> None:
    """includeAccounts shows how each user signs in, an empty list for none."""
    make(world, "bare")
    user_id = world.me(world.sign_up()).id
    page = listed(world, include_accounts=True)
    (account,) = page.items[0].accounts
    assert (account.user_id, account.provider, account.email) == (user_id, "email", "alice@example.com")
    assert account.provider_account_id == "alice@example.com"
    assert page.items[1].accounts == []


@pytest.mark.parametrize("name", ["page", "limit"])
@pytest.mark.parametrize(
    "value",
    ["0", "-1", "1.5", "1.0", "abc", "", " 1", "+1", "1e3", "10" * 9, "1" + "0" * 30, "9" * 5000, "\u0661"],
)
def test_numbers_of_pages_are_whole_and_in_bounds(world: World, name: str, value: str) -> None:
    """Anything but a decimal within bounds answers 400 naming the field, however long it is (T120)."""
    with pytest.raises(Failure) as caught:
        world.call(users.LIST, Raw(query={name: value}), key="sk")
    assert (caught.value.code, set(caught.value.details or {})) == ("common/invalid-parameters", {name})


@pytest.mark.parametrize(
    ("query", "faulty"),
    [
        ({"page": "1000001"}, {"page"}),
        ({"limit": "101"}, {"limit"}),
        ({"sortBy": "password"}, {"sortBy"}),
        ({"status": "asleep", "mfa": "yes"}, {"status", "mfa"}),
        ({"createdAfter": "yesterday"}, {"createdAfter"}),
        ({"search": "x" * 201}, {"search"}),
        ({"search": "a\0b"}, {"search"}),
        ({"role": "owner"}, {"role"}),
    ],
)
def test_faulty_filters_are_named(world: World, query: dict[str, str], faulty: set[str]) -> None:
    """Each filter outside its values is named in the details."""
    with pytest.raises(Failure) as caught:
        world.call(users.LIST, Raw(query=query), key="sk")
    assert (caught.value.code, set(caught.value.details or {})) == ("common/invalid-parameters", faulty)


@pytest.mark.parametrize(
    "instant", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "0999-06-01T00:00:00-05:00"]
)
def test_the_ends_of_time_are_instants_too(world: World, instant: str) -> None:
    """Years of fewer than four digits and the last one are taken like any other."""
    make(world, "a")
    found = (
        listed(world, created_after=instant).pagination.total
        + listed(world, created_before=instant).pagination.total
    )
    assert found == 1
