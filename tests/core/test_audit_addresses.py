"""Addresses in the audit: whole while the user is there, gone with it everywhere, and the chain holds."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from bkendctl.contract import audit_events, config, users
from bkendctl.contract.operation import Raw
from bkendctl.core import schema
from bkendctl.core.audit_addresses import masked
from bkendctl.core.clock import DAY
from bkendctl.core.purge import purge
from tests.conftest import World

pytestmark = pytest.mark.parametrize("world", ["embedded", "embedded-postgresql"], indirect=True)
GONE = "gone.soon@example.com"


def told(world: World) -> list[audit_events.AuditEvent]:
    """All events, as an admin sees them."""
    page = world.call(audit_events.LIST, audit_events.ListEvents(limit=200), key="sk")
    return list(page.items)


def everything(world: World) -> dict[str, str]:
    """Each table's rows as one text."""
    with world.core.database.read() as transaction:
        return {
            name: str([tuple(row) for row in transaction.all(select(table))])
            for name, table in schema.metadata.tables.items()
        }


def test_a_removed_user_leaves_no_address_and_a_whole_chain(world: World) -> None:
    """Signed up, seen, renamed, deleted, purged: no table holds the address; before, events name it whole."""
    token = world.sign_up(GONE)
    mine = world.me(token).id
    world.sign_in(GONE)
    world.call(users.UPDATE, users.UpdateUser(user_id=mine, name="Renamed"), token=token)
    world.refused(users.GET, users.UserId(user_id="0" * 8 + "-0000-4000-8000-" + "0" * 12), token=token)
    before = told(world)
    assert GONE in {event.actor.label for event in before}
    assert GONE in {event.details.get("email") for event in before}
    assert GONE not in everything(world)["audit_events"]
    assert masked(GONE) in everything(world)["audit_events"]
    world.call(users.DELETE, users.UserId(user_id=mine), key="sk")
    assert {event.actor.label for event in told(world) if event.actor.type == "user"} == {GONE}
    world.clock.advance(40 * DAY)
    purge(world.core, dry_run=False, pause=lambda _seconds: None)
    assert [name for name, rows in everything(world).items() if GONE in rows] == []
    after = told(world)
    assert {event.actor.label for event in after if event.actor.type == "user"} == {"g***@example.com"}
    assert world.call(audit_events.VERIFY, key="sk").state == "intact"


def test_an_address_of_before_stays_masked(world: World) -> None:
    """Of an invitation, and of another address than the user has by now."""
    user = world.make_user("first@example.com")
    with world.core.database.write() as transaction:
        transaction.update(schema.users, {"email": "second@example.com"}, id=user.id)
    assert "first@example.com" not in str(told(world))
    assert "f***@example.com" in str(told(world))


def test_an_address_of_a_seed_is_masked(world: World) -> None:
    """A configuration file makes a user and moves it: the audit names both addresses by a path, masked."""
    id_ = "0190b5a0-0000-4000-8000-000000000001"
    for email in (GONE, "moved.on@example.com"):
        document = {"version": 1, "seed": {"users": [{"id": id_, "email": email}]}}
        world.call(config.APPLY, Raw(body={"config": document}), key="sk")
    kept = everything(world)["audit_events"]
    assert GONE not in kept
    assert "moved.on@example.com" not in kept
    assert "g***@example.com" in kept
    assert "m***@example.com" in kept
