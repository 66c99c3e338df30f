"""All users of an environment as a stream."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import to_builtins

from bkendctl.contract import users
from bkendctl.contract.accounts import User
from bkendctl.contract.users import ExportUsers, UserId
from bkendctl.core import schema, user_export
from bkendctl.core.clock import SECOND
from tests.conftest import PASSWORD, World


def exported(world: World, **filters: Any) -> list[User]:
    """What an admin gets."""
    return list(world.call(users.EXPORT, ExportUsers(**filters), key="sk"))


def addresses(world: World, **filters: Any) -> list[str]:
    """Whom an admin gets."""
    return [user.email for user in exported(world, **filters)]


def test_every_user_comes_once_and_oldest_first(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Across batches, also where many were made in one millisecond; each is what users get shows."""
    monkeypatch.setattr(user_export, "BATCH", 3)
    assert exported(world) == []
    made = [world.make_user(f"u{number}@example.com") for number in range(4)]
    world.clock.advance(SECOND)
    made = sorted(made, key=lambda user: user.id)
    made += sorted(
        (world.make_user(f"v{number}@example.com") for number in range(5)), key=lambda user: user.id
    )
    assert exported(world) == made


def test_filters_narrow_the_stream(world: World) -> None:
    """Role and state; deleted users come only where they are asked for."""
    world.make_user("root@example.com", "admin")
    for name in ("live", "banned", "gone"):
        world.make_user(f"{name}@example.com")
        world.clock.advance(SECOND)
    ids = {user.email: user.id for user in exported(world)}
    world.call(users.BAN, users.Ban(user_id=ids["banned@example.com"]), key="sk")
    world.call(users.DELETE, UserId(user_id=ids["gone@example.com"]), key="sk")
    assert addresses(world, role="user") == ["live@example.com", "banned@example.com"]
    assert addresses(world, status="banned") == ["banned@example.com"]
    assert addresses(world, status="deleted") == ["gone@example.com"]
    assert addresses(world, status="active", role="admin") == ["root@example.com"]
    assert len(addresses(world, status="all")) == 4


def test_accounts_come_along_on_demand_and_nothing_secret_ever(world: World) -> None:
    """Linked accounts with includeAccounts; no password, no hash (P7)."""
    world.make_user("bea@example.com", password=PASSWORD)
    (plain,), (whole,) = exported(world), exported(world, include_accounts=True)
    assert "accounts" not in to_builtins(plain)
    assert [account["provider"] for account in to_builtins(whole)["accounts"]] == ["email"]
    assert "argon2" not in str(whole)


def test_names_that_would_break_lines_come_whole(world: World) -> None:
    """Line ends of any kind in a name are part of it."""
    name = "a\nb\u2028c\u0085d\re\x1cf"
    world.call(users.CREATE, users.CreateUser(name=name, email="bea@example.com"), key="sk")
    assert [user.name for user in exported(world)] == [name]


def test_whoever_is_made_meanwhile_is_not_twice(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that is slowly read sees changes and new users, and everybody once."""
    monkeypatch.setattr(user_export, "BATCH", 2)
    for number in range(4):
        world.make_user(f"u{number}@example.com")
    stream = world.call(users.EXPORT, key="sk")
    first = next(stream)
    world.clock.advance(SECOND)
    world.make_user("late@example.com")
    rest = [user.email for user in stream]
    assert first.email not in rest
    assert len(rest) == len(set(rest))


def test_only_admins_export(world: World) -> None:
    """Everybody else is refused before anything is read; a faulty filter too."""
    token = world.sign_up()
    assert world.refused(users.EXPORT, token=token).code == "user/forbidden"
    assert world.refused(users.EXPORT).code == "user/unauthorized"
    assert world.refused(users.EXPORT, ExportUsers(role="x"), key="sk").code == "common/invalid-parameters"
    with world.core.database.write() as transaction:
        transaction.run(schema.users.update().values(role="admin"))
    assert len(list(world.call(users.EXPORT, token=token))) == 1


def test_another_environment_is_not_in_it(world: World) -> None:
    """A stream ends at the border of its environment."""
    world.make_user("bea@example.com")
    beside = world.beside("staging", "staging")
    assert exported(beside) == []
