"""What happened, and the chain that shows whether the record is whole."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from bkendctl.contract import audit_events, users
from bkendctl.contract.audit_events import AuditVerification
from bkendctl.core import audit_chain as chain
from bkendctl.core import schema
from tests.conftest import World

TABLE = schema.audit_events


def events(world: World, **filters: Any) -> list[audit_events.AuditEvent]:
    """Events as an admin sees them."""
    page = world.call(audit_events.LIST, audit_events.ListEvents(**filters), key="sk")
    return page.items  # type: ignore[no-any-return]


def verified(world: World) -> AuditVerification:
    """State of the chain, sealed first."""
    return world.call(audit_events.VERIFY, key="sk")  # type: ignore[no-any-return]


def tamper(world: World, statement: Any) -> None:
    """Change the database behind the program's back."""
    with world.core.database.write() as transaction:
        transaction.run(statement)


def sequences(world: World) -> list[int]:
    """Numbers of the events, oldest first."""
    with world.core.database.read() as transaction:
        return [row.sequence for row in transaction.all(select(TABLE.c.sequence).order_by(TABLE.c.sequence))]


def test_a_change_is_recorded_with_actor_subject_before_and_after(world: World) -> None:
    """Who, what, about whom, from what to what; the newest comes first."""
    made = world.make_user("bob@example.com")
    world.call(users.SET_ROLE, users.SetRole(user_id=made.id, role="guest"), key="sk")
    event, *_ = events(world)
    assert (event.action, event.outcome, event.actor.type) == ("users.set-role", "success", "api-key")
    assert event.target == audit_events.Target(type="user", id=made.id)
    assert event.details == {"before": {"role": "user"}, "after": {"role": "guest"}}


def test_events_are_filtered_and_paged_by_cursor(world: World) -> None:
    """A prefix, an outcome, a subject; the cursor goes on where the page ended."""
    first = world.make_user("bob@example.com")
    for role in ("guest", "user", "guest"):
        world.call(users.SET_ROLE, users.SetRole(user_id=first.id, role=role), key="sk")
    assert {event.action for event in events(world, action="users.*")} == {"users.create", "users.set-role"}
    assert len(events(world, target_id=first.id, action="users.set-role")) == 3
    page = world.call(audit_events.LIST, audit_events.ListEvents(limit=2), key="sk")
    rest = world.call(audit_events.LIST, audit_events.ListEvents(cursor=page.next_cursor), key="sk")
    together = [event.sequence for event in page.items + rest.items]
    assert together == sorted(together, reverse=True)
    assert len(together) == len(sequences(world))


@pytest.mark.parametrize("cursor", ["x", "-1", "9" * 30, "1.5", ""])
def test_a_forged_cursor_is_refused(world: World, cursor: str) -> None:
    """The field is named."""
    refusal = world.refused(audit_events.LIST, audit_events.ListEvents(cursor=cursor), key="sk")
    assert list(refusal.details or {}) == ["cursor"]


def test_an_untouched_record_is_intact_and_stays_so_as_it_grows(world: World) -> None:
    """Sealing goes on from where it ended; the head moves."""
    world.make_user("bob@example.com")
    before = verified(world)
    assert (before.state, before.unsealed_count) == ("intact", 0)
    world.make_user("eve@example.com")
    after = verified(world)
    assert after.state == "intact"
    assert after.sealed_sequence is not None
    assert before.sealed_sequence is not None
    assert after.sealed_sequence > before.sealed_sequence
    assert after.sealed_hash != before.sealed_hash


def test_sealing_goes_over_several_chunks(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """More events than one transaction seals are sealed all the same, and checked."""
    monkeypatch.setattr(chain, "CHUNK", 2)
    for number in range(5):
        world.make_user(f"user{number}@example.com")
    assert (verified(world).state, verified(world).unsealed_count) == ("intact", 0)


def _sealed(world: World) -> list[int]:
    for number in range(4):
        world.make_user(f"user{number}@example.com")
    assert verified(world).state == "intact"
    return sequences(world)


def test_an_altered_event_is_named(world: World) -> None:
    """A changed actor in a sealed row."""
    *_, target, _last = _sealed(world)
    tamper(world, update(TABLE).where(TABLE.c.sequence == target).values(actor_label="nobody"))
    found = verified(world)
    assert (found.state, found.first_bad_sequence, found.first_bad_reason) == ("broken", target, "altered")


def test_a_removed_event_is_named_by_the_one_behind_the_gap(world: World) -> None:
    """A row deleted from the middle."""
    *_, removed, behind = _sealed(world)
    tamper(world, delete(TABLE).where(TABLE.c.sequence == removed))
    found = verified(world)
    assert (found.first_bad_sequence, found.first_bad_reason) == (behind, "removed")


def test_a_cut_off_tail_is_noticed(world: World) -> None:
    """The newest rows deleted: the head knows they were there."""
    *_, last = _sealed(world)
    tamper(world, delete(TABLE).where(TABLE.c.sequence == last))
    found = verified(world)
    assert (found.first_bad_sequence, found.first_bad_reason) == (last, "removed")


def test_an_inserted_event_is_named(world: World) -> None:
    """A row slipped in where one had been removed before sealing."""
    for number in range(4):
        world.make_user(f"user{number}@example.com")
    gap = sequences(world)[1]
    with world.core.database.read() as transaction:
        row = transaction.first(select(TABLE).where(TABLE.c.sequence == gap))
    assert row is not None
    tamper(world, delete(TABLE).where(TABLE.c.sequence == gap))
    assert verified(world).state == "intact"
    tamper(world, insert(TABLE).values(dict(row._mapping)))
    found = verified(world)
    assert (found.first_bad_sequence, found.first_bad_reason) == (gap, "inserted")


def test_verifying_is_no_change_and_leaves_no_event(world: World) -> None:
    """Reads are not audited, sealing included."""
    before = sequences(world)
    verified(world)
    assert sequences(world) == before
