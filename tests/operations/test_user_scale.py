"""Lists of very many users: kept counts are true, and no search or page reads everybody."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, delete, event, func, select, text

from bkendctl.contract import users
from bkendctl.contract.operation import Raw
from bkendctl.core import folding, schema
from bkendctl.core.clock import HOUR
from bkendctl.core.database import sqlite_module
from bkendctl.core.randomness import new_id
from tests.conftest import World, at_once

MANY = 12_000
_users = schema.users


def fill(world: World, count: int) -> None:
    """Users whose names and addresses hold their number, every hundredth of them an admin."""
    with world.core.database.write() as transaction:
        environment = transaction.value(schema.environments.select())
        rows = [
            {
                "id": new_id(world.core.randomness),
                "environment_id": environment,
                "email": f"user-{number:05}@example.com",
                "name": f"Person {number:05}",
                "is_public": False,
                "role": "admin" if number % 100 == 0 else "user",
                "created_at": number,
                "updated_at": number,
            }
            for number in range(count)
        ]
        transaction.run(_users.insert(), rows)


def listed(world: World, **wanted: Any) -> users.UserPage:
    """A page, as the secret key sees it."""
    page: users.UserPage = world.call(users.LIST, users.ListUsers(**wanted), key="sk")
    return page


def test_kept_counts_follow_every_change(world: World) -> None:
    """Roles, bans for good and for a time, deletion, restoring, removal, a rollback: totals agree."""
    made = [world.make_user(f"u{number}@example.com") for number in range(6)]
    world.call(users.SET_ROLE, users.SetRole(user_id=made[0].id, role="admin"), key="sk")
    world.call(users.BAN, users.Ban(user_id=made[1].id), key="sk")
    world.call(users.BAN, users.Ban(user_id=made[2].id, until="2027-01-15T09:00:00Z"), key="sk")
    for user in made[3:5]:
        world.call(users.DELETE, users.UserId(user_id=user.id), key="sk")
    world.call(users.RESTORE, users.UserId(user_id=made[4].id), key="sk")

    def totals(**more: Any) -> dict[str, int]:
        states: tuple[Any, ...] = ("active", "banned", "deleted", "all")
        return {state: listed(world, status=state, **more).pagination.total for state in states}

    assert totals() == {"active": 3, "banned": 2, "deleted": 1, "all": 6}
    assert totals(role="user") == {"active": 2, "banned": 2, "deleted": 1, "all": 5}
    world.clock.advance(HOUR * 24 * 365)
    assert totals() == {"active": 4, "banned": 1, "deleted": 1, "all": 6}
    with world.core.database.write() as transaction:
        transaction.run(delete(_users).where(_users.c.role == "admin"))
        transaction.connection.get_transaction().rollback()
    assert totals()["all"] == 6
    with world.core.database.write() as transaction:
        transaction.run(delete(_users).where(_users.c.deleted_at.is_not(None)))
    assert totals() == {"active": 4, "banned": 1, "deleted": 0, "all": 5}
    assert listed(world, search="u3@").items == []


def test_counts_are_exact_when_many_write_at_once(world: World) -> None:
    """Eight at once: the kept count is what counting gives."""
    at_once(8, lambda number: world.make_user(f"at-once-{number}@example.com"))
    with world.core.database.read() as transaction:
        counted = transaction.value(select(func.count()).select_from(_users))
    assert listed(world, status="all").pagination.total == counted == 8


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"page": 60},
        {"role": "admin"},
        {"status": "deleted"},
        {"sort_by": "name", "sort_direction": "asc"},
        {"sort_by": "updatedAt"},
        {"search": "user-00077@example.com", "search_type": "email"},
        {"search": "00077"},
        {"search": "zzz"},
        {"search": "person"},
        {"search": "e"},
        {"mfa": True},
    ],
    ids=str,
)
def test_no_list_reads_everybody(world: World, wanted: dict[str, Any]) -> None:
    """No statement of a list scans the table users, as SQLite's plan of each that it ran tells."""
    if world.server is not None:
        pytest.skip("plans are read where the core runs in this process")
    fill(world, 1_500)
    plans = []

    def explain(connection: Connection, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if "FROM users" in statement.replace("\n", " ").replace("  ", " ") and not statement.startswith(
            "EXPLAIN"
        ):
            raw = connection.connection.cursor()
            plans.extend(row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {statement}", values))
            raw.close()

    event.listen(world.core.database.engine, "before_cursor_execute", explain)
    listed(world, **wanted)
    event.remove(world.core.database.engine, "before_cursor_execute", explain)
    assert plans
    assert [step for step in plans if step.startswith("SCAN users")] == []
    if wanted.keys().isdisjoint({"search", "mfa", "page"}):
        assert [step for step in plans if "TEMP B-TREE" in step and "LAST TERM" not in step] == []


def test_far_pages_are_those_a_cursor_reaches(world: World) -> None:
    """From either end, in the middle and beyond: page by number and page by cursor hold the same."""
    fill(world, 2_600)
    by_cursor, cursor = [], None
    while True:
        page = listed(world, limit=100, **({"cursor": cursor} if cursor else {}))
        by_cursor.append([user.id for user in page.items])
        cursor = page.next_cursor
        if cursor is None:
            break
    for number in (1, 11, 14, 20, 25, 26):
        page = listed(world, limit=100, page=number)
        assert [user.id for user in page.items] == by_cursor[number - 1]
        assert (page.next_cursor is None) == (number == 26)
    assert listed(world, limit=100, page=27).items == []


def test_common_and_rare_texts_are_found_alike(world: World) -> None:
    """Beyond 10,000 hits the total stops; a rare text is exact; filters and order hold in both."""
    fill(world, MANY)
    common = listed(world, search="PERSON", limit=2)
    assert (common.pagination.total, common.pagination.total_is_exact) == (10_000, False)
    assert [user.name for user in common.items] == [f"Person {MANY - 1}", f"Person {MANY - 2}"]
    rare = listed(world, search="person 1199", sort_by="name", sort_direction="asc", limit=3)
    assert (rare.pagination.total, rare.pagination.total_is_exact) == (10, True)
    assert [user.name for user in rare.items] == ["Person 11990", "Person 11991", "Person 11992"]
    assert listed(world, search="person", role="admin").pagination.total == MANY // 100
    assert listed(world, search="9@", search_type="email").pagination.total == MANY // 10


def test_an_import_is_counted_and_found_and_written_by_one_statement(world: World) -> None:
    """A thousand rows: exact totals and hits, one insert of users; after a rollback nothing of it is left."""
    if world.server is not None:
        pytest.skip("statements are read where the core runs in this process")
    inserts = []

    def note(_connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        inserts.append(statement.startswith("INSERT INTO users "))

    rows = [{"email": f"in-{number:04}@example.com", "name": "İn Bulk"} for number in range(1_000)]
    event.listen(world.core.database.engine, "before_cursor_execute", note)
    world.call(users.IMPORT, Raw(body={"users": rows}), key="sk")
    event.remove(world.core.database.engine, "before_cursor_execute", note)
    assert sum(inserts) <= 1
    with world.core.database.write() as transaction:
        environment = transaction.value(schema.environments.select())
        columns = ("id", "environment_id", "email", "name", "is_public", "role", "created_at", "updated_at")
        lost = (new_id(world.core.randomness), environment, "lost@example.com", "Lost", False, "user", 1, 1)
        transaction.fill(_users, columns, [lost])
        transaction.connection.get_transaction().rollback()
    assert listed(world).pagination.total == 1_000
    assert [user.email for user in listed(world, search="in-0999@").items] == ["in-0999@example.com"]
    assert listed(world, search="in bulk").pagination.total == 1_000
    assert listed(world, search="lost").items == []


def test_letters_of_every_script_are_folded_alike_by_index_and_condition() -> None:
    """Whatever folded() says is contained, SQLite's index proposes too: tried for every code point."""
    connection = sqlite_module().connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE found USING fts5(a, tokenize='trigram', content='')")
    letters = [chr(point) for point in range(1, 0x110000) if not 0xD800 <= point <= 0xDFFF]
    cased = [each for each in letters if each.lower() != each or each.upper() != each] + list('"%_\\ é字')
    connection.executemany(
        "INSERT INTO found (rowid, a) VALUES (?, replace(?, char(304), 'i'))",
        [(number, f"xy{each}zw") for number, each in enumerate(cased)],
    )
    for number, each in enumerate(cased):
        phrase = folding.longest_indexed(str(folding.folded(f"xy{each}zw")))
        if len(phrase) >= 3:
            quoted = '"' + phrase.replace('"', '""') + '"'
            hits = connection.execute("SELECT rowid FROM found WHERE found MATCH ?", (quoted,))
            assert (number,) in hits.fetchall(), each


@pytest.mark.parametrize(
    ("name", "search"),
    [
        ("İzmir", "izmir"),
        ("ΟΔΟΣ", "οδος"),
        ("οδος", "ΟΔΟΣ"),
        ("Ꭰꮿꭰ", "ꭰᏯꭰ"),
        ("a\u212aelvin", "AKEL"),
        ("字字字字", "字字字"),
    ],
)
def test_unusual_letters_are_found_on_every_database(world: World, name: str, search: str) -> None:
    """Dotted I, final sigma, young scripts and the Kelvin sign are the same letter in either case."""
    world.call(users.CREATE, users.CreateUser(name=name, email="a@example.com"), key="sk")
    assert [user.name for user in listed(world, search=search).items] == [name]


def test_a_search_stays_in_its_environment(world: World) -> None:
    """Two environments, the same names: each finds its own, also after one was deleted."""
    world.make_user("same@example.com")
    other = world.beside("other")
    other.make_user("same@example.com")
    (mine,), (theirs,) = listed(world, search="same@").items, listed(other, search="same@").items
    assert mine.id != theirs.id
    world.call(users.DELETE, users.UserId(user_id=mine.id), key="sk")
    assert listed(world, search="same@").items == []
    assert [user.id for user in listed(world, search="same@", status="all").items] == [mine.id]
    with world.core.database.write() as transaction:
        transaction.run(text("DELETE FROM users WHERE deleted_at IS NOT NULL"))
    assert [user.id for user in listed(other, search="same@").items] == [theirs.id]
