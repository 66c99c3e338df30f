"""Audit events go by age, and the chain tells what went by age from what was tampered with."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from bkendctl.contract import audit_events
from bkendctl.contract.errors import Failure
from bkendctl.core import audit_retention, schema
from bkendctl.core.clock import DAY
from bkendctl.core.purge import AUDIT, purge
from tests.conftest import World

pytestmark = pytest.mark.parametrize("world", ["embedded", "embedded-postgresql"], indirect=True)
TABLE, KEPT, HEADS = schema.audit_events, schema.audit_checkpoints, schema.audit_heads


def by_age(world: World, age_ms: int) -> int:
    """Remove what is older; a dry run before it has told the same number."""
    pauses: list[float] = []
    told = purge(world.core, dry_run=True, pause=pauses.append, audit_ms=age_ms)[AUDIT]
    assert purge(world.core, dry_run=False, pause=pauses.append, audit_ms=age_ms)[AUDIT] == told
    return told


def verified(world: World) -> tuple[str, int | None, str | None]:
    """State, first bad event and reason."""
    found = world.call(audit_events.VERIFY, key="sk")
    return found.state, found.first_bad_sequence, found.first_bad_reason


def sequences(world: World) -> list[int]:
    """What is there, oldest first."""
    page = world.call(audit_events.LIST, audit_events.ListEvents(limit=200), key="sk")
    return [event.sequence for event in page.items][::-1]


def tamper(world: World, statement: Any, rows: list[dict[str, Any]] | None = None) -> None:
    """Change the database as somebody with the file, and no key, could."""
    with world.core.database.write() as transaction:
        transaction.run(statement, rows)


def aged(world: World) -> list[int]:
    """Four old events, three young ones; all of them in their order."""
    for number in range(3):
        world.make_user(f"old{number}@example.com")
    world.clock.advance(100 * DAY)
    for number in range(3):
        world.make_user(f"new{number}@example.com")
    return sequences(world)


def test_old_events_go_and_the_rest_is_intact(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """In batches, once; that they went is an event of its own, and the chain grows on from there."""
    monkeypatch.setattr(audit_retention, "BATCH", 2)
    everything = aged(world)
    assert by_age(world, 365 * DAY) == 0
    assert by_age(world, 50 * DAY) == 4
    assert sequences(world)[:3] == everything[4:]
    assert verified(world)[0] == "intact"
    (event,) = world.call(audit_events.LIST, audit_events.ListEvents(action="db.purge"), key="sk").items
    assert event.details["removed"] == {AUDIT: 4}
    assert by_age(world, 50 * DAY) == 0
    world.clock.advance(100 * DAY)
    assert by_age(world, 50 * DAY) == 4  # with the event that told of the first removal
    assert verified(world)[0] == "intact"
    with world.core.database.read() as transaction:
        assert transaction.one(select(KEPT)).removed == 8


def test_what_is_removed_by_hand_behind_the_checkpoint_is_noticed(world: World) -> None:
    """The first event that is left no longer fits the checkpoint."""
    everything = aged(world)
    by_age(world, 50 * DAY)
    tamper(world, delete(TABLE).where(TABLE.c.sequence == everything[4]))
    assert verified(world) == ("broken", everything[5], "removed")


@pytest.mark.parametrize("forged", ["moved", "gone", "counted", "of another row"])
def test_a_forged_checkpoint_is_noticed(world: World, forged: str) -> None:
    """Who has the database alone cannot say that more went by age, nor that nothing did."""
    everything = aged(world)
    by_age(world, 50 * DAY)
    assert verified(world)[0] == "intact"
    with world.core.database.read() as transaction:
        young = transaction.row(TABLE, sequence=everything[4])
    assert young is not None
    if forged == "moved":
        tamper(world, delete(TABLE).where(TABLE.c.sequence == young.sequence))
        tamper(world, update(KEPT).values(sequence=young.sequence, hash=young.hash))
    elif forged == "gone":
        tamper(world, delete(KEPT))
    elif forged == "counted":
        tamper(world, update(KEPT).values(removed=5))
    else:
        tamper(world, delete(TABLE).where(TABLE.c.sequence == young.sequence))
        tamper(world, update(KEPT).values(sequence=young.sequence))
    assert verified(world)[0] == "broken"


def test_an_old_event_that_comes_back_is_noticed(world: World) -> None:
    """A row ahead of the checkpoint was not left there."""
    aged(world)
    with world.core.database.read() as transaction:
        oldest = transaction.all(select(TABLE).order_by(TABLE.c.sequence))[0]
    by_age(world, 50 * DAY)
    tamper(world, insert(TABLE), [dict(oldest._mapping)])
    assert verified(world) == ("broken", oldest.sequence, "inserted")
    with pytest.raises(Failure, match="is broken at event"):
        by_age(world, 1)


def test_a_chain_that_is_broken_is_not_removed(world: World) -> None:
    """Removal does not hide what was altered: what is before it goes, from there on all stays."""
    everything = aged(world)
    assert verified(world)[0] == "intact"
    tamper(world, update(TABLE).where(TABLE.c.sequence == everything[2]).values(actor_label="nobody"))
    with pytest.raises(Failure, match=f"broken at event {everything[2]}") as caught:
        purge(world.core, dry_run=False, pause=lambda _: None, audit_ms=50 * DAY)
    assert caught.value.hint == "bkendctl audit verify"
    assert everything[2] in sequences(world)
    assert verified(world) == ("broken", everything[2], "altered")


def test_a_lost_head_behind_a_checkpoint_is_noticed(world: World) -> None:
    """Who drops head and all events leaves the checkpoint, which knows that there were some."""
    aged(world)
    by_age(world, 50 * DAY)
    tamper(world, delete(TABLE))
    tamper(world, delete(HEADS))
    assert verified(world)[0] == "broken"


def test_the_environment_beside_keeps_its_events(world: World) -> None:
    """Each chain is cut by itself, and both are intact afterwards."""
    other = world.beside("other")
    other.make_user("x@example.com")
    aged(world)
    assert by_age(world, 50 * DAY) == 6
    other.make_user("y@example.com")
    assert verified(other)[0] == verified(world)[0] == "intact"
    assert len(sequences(other)) == 2
