"""Purging: each kind goes when it has expired and not before, and nothing that still guards goes at all."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select, update

from bkendctl.contract import invitations, sessions, users
from bkendctl.core import schema
from bkendctl.core.clock import DAY, HOUR, MINUTE, SECOND
from bkendctl.core.purge import BATCH, KINDS, PAUSE_SECONDS, purge
from tests.conftest import World
from tests.operations.test_avatars import fetch, give, kept, picture, put, upload_url

pytestmark = pytest.mark.parametrize("world", ["embedded", "embedded-postgresql"], indirect=True)

GONE = "gone@example.com"


def count(world: World, table: Any) -> int:
    """Rows of a table."""
    with world.core.database.read() as transaction:
        return int(transaction.value(select(func.count()).select_from(table)))


def change(world: World, table: Any, **values: Any) -> None:
    """Set columns of all rows of a table."""
    with world.core.database.write() as transaction:
        transaction.run(update(table).values(values))


def add(world: World, table: Any, *rows: dict[str, Any]) -> None:
    """Insert rows of the world's environment."""
    with world.core.database.write() as transaction:
        environment = transaction.value(select(schema.environments.c.id))
        transaction.run(table.insert(), [row | {"environment_id": environment} for row in rows])


def removed(world: World, pauses: list[float] | None = None) -> dict[str, int]:
    """Purge; the kinds of which something was removed. A dry run before it has to have told the same."""
    pause = ([] if pauses is None else pauses).append
    told = purge(world.core, dry_run=True, pause=pause)
    counts = purge(world.core, dry_run=False, pause=pause)
    assert told == counts
    return {name: number for name, number in counts.items() if number}


def audited(world: World) -> list[Any]:
    """Details of the purges in the audit."""
    table = schema.audit_events
    with world.core.database.read() as transaction:
        rows = transaction.all(select(table.c.details).where(table.c.action == "db.purge"))
    return [row.details for row in rows]


def test_nothing_is_removed_that_is_in_use(world: World) -> None:
    """Right after a sign-up there is nothing to do, and no event tells of it."""
    pair = world.sign_up()
    assert removed(world) == {}
    assert audited(world) == []
    assert world.me(world.refresh(pair)).email == "alice@example.com"


def test_a_spent_token_of_a_live_session_still_shows_reuse(world: World) -> None:
    """A thief waits for a purge; the stolen token ends every session all the same."""
    stolen = world.sign_up()
    newest = stolen
    for _ in range(8):
        world.clock.advance(6 * DAY)
        newest = world.refresh(newest)
    assert "refreshTokens" not in removed(world)
    assert world.refusal(world.refresh, stolen) == "auth/invalid-refresh-token"
    world.assert_dead(newest)
    assert world.mails("sessions_ended")


def test_tokens_of_an_expired_session_go_and_the_session_stays(world: World) -> None:
    """A session's row is the account's history for 30 days after its end, its tokens are of no use."""
    pair = world.sign_up()
    with world.core.database.read() as transaction:
        expiry = transaction.value(select(schema.sessions.c.expires_at))
    world.clock.advance(expiry - world.clock.now() - 1)
    assert "refreshTokens" not in removed(world)
    world.clock.advance(1)
    assert removed(world)["refreshTokens"] == 1
    assert count(world, schema.sessions) == 1
    assert world.refusal(world.refresh, pair) == "auth/invalid-refresh-token"
    world.clock.advance(30 * DAY - 1)
    assert "sessions" not in removed(world)
    world.clock.advance(1)
    assert removed(world)["sessions"] == 1


def test_an_ended_session_goes_30_days_later(world: World) -> None:
    """From its end on, not from when it would have expired."""
    pair = world.sign_up()
    world.call(sessions.SIGN_OUT, token=pair)
    change(world, schema.sessions, expires_at=world.clock.now() + 90 * DAY)
    world.clock.advance(30 * DAY - 1)
    assert "sessions" not in removed(world)
    world.clock.advance(1)
    assert removed(world)["sessions"] == 1


def test_mail_tokens_go_when_used_or_expired(world: World) -> None:
    """One of three is still good for something."""
    now = world.clock.now()
    row = {"kind": "x", "email": GONE, "tries": 0, "created_at": now - 5, "used_at": None}
    add(
        world,
        schema.mail_tokens,
        row | {"token_hash": "used", "expires_at": now + 5, "used_at": now},
        row | {"token_hash": "expired", "expires_at": now},
        row | {"token_hash": "good", "expires_at": now + 1},
    )
    assert removed(world) == {"mailTokens": 2}
    assert count(world, schema.mail_tokens) == 1


def test_throttles_go_when_expired(world: World) -> None:
    """A running lock stays."""
    now = world.clock.now()
    row = {"kind": "x", "attempts": [now], "requests": 0, "locked_until": now + 1}
    add(
        world,
        schema.throttles,
        row | {"key": "over", "expires_at": now},
        row | {"key": "runs", "expires_at": now + 1},
    )
    assert removed(world) == {"throttles": 1}
    assert count(world, schema.throttles) == 1


def test_known_sources_go_after_30_days(world: World) -> None:
    """On the 30th day one still gets its user past an attack by others."""
    world.sign_up()
    world.sign_in()
    assert count(world, schema.known_sources) == 1
    world.clock.advance(30 * DAY)
    assert "knownSources" not in removed(world)
    world.clock.advance(1)
    assert removed(world)["knownSources"] == 1


@pytest.mark.parametrize(
    ("status", "age", "goes"),
    [
        ("sent", 30 * DAY + 1, True),
        ("sent", 30 * DAY, False),
        ("pending", 90 * DAY, False),
        ("held", 90 * DAY, False),
        ("failed", 90 * DAY, False),
    ],
)
def test_delivered_mails_go_after_30_days(world: World, status: str, age: int, goes: bool) -> None:
    """By real time, however far dev's clock was moved; what was not delivered stays."""
    world.sign_up()
    sent = count(world, schema.outbox)
    assert sent
    change(world, schema.outbox, status=status, sent_at=world.clock.now() - age)
    change(world, schema.environments, clock_offset_ms=20 * DAY)
    assert removed(world).get("mails", 0) == (sent if goes else 0)


def test_a_deleted_user_can_be_restored_till_the_purge(world: World) -> None:
    """What restore still takes is kept, tokens answering auth/user-not-found included; then all goes."""
    pair = world.sign_up(GONE)
    user = world.me(pair)
    world.call(users.DELETE, users.UserId(user_id=user.id), key="sk")
    world.clock.advance(30 * DAY)
    assert not {"users", "sessions", "refreshTokens"} & set(removed(world))
    assert world.refusal(world.refresh, pair) == "auth/user-not-found"
    world.clock.advance(1)
    assert removed(world)["users"] == 1
    for table in (schema.users, schema.passwords, schema.sessions, schema.refresh_tokens):
        assert count(world, table) == 0, table.name
    refusal = world.refused(users.RESTORE, users.UserId(user_id=user.id), key="sk")
    assert refusal.code == "user/not-found"


def test_sessions_of_a_restored_user_go_like_others(world: World) -> None:
    """They ended by the deletion, and nobody is deleted whom their tokens could tell of."""
    pair = world.sign_up()
    named = users.UserId(user_id=world.me(pair).id)
    world.call(users.DELETE, named, key="sk")
    world.call(users.RESTORE, named, key="sk")
    assert removed(world)["refreshTokens"] == 1
    world.clock.advance(30 * DAY)
    assert removed(world)["sessions"] == 1
    assert count(world, schema.users) == 1


def test_no_table_but_the_audit_names_a_purged_user(world: World) -> None:
    """Mails to the address, invitations of it and the name on invitations by it go along."""
    boss = world.sign_up(GONE, name="Zebedee")
    world.call(
        invitations.CREATE,
        invitations.Create(
            resource_type="organization",
            resource_id=world.installed.organization_id,
            resource_role="member",
            email=GONE,
        ),
        key="sk",
    )
    user_id = world.me(boss).id
    add(
        world,
        schema.mail_tokens,
        {
            "token_hash": "t",
            "kind": "x",
            "email": GONE,
            "user_id": user_id,
            "tries": 0,
            "created_at": world.clock.now(),
            "expires_at": world.clock.now() + 90 * DAY,
        },
    )
    change(world, schema.invitations, invited_by=user_id, inviter_name="Zebedee")
    world.call(users.DELETE, users.UserId(user_id=user_id), key="sk")
    world.clock.advance(30 * DAY + 1)
    assert removed(world)["users"] == 1
    with world.core.database.read() as transaction:
        for table in schema.metadata.sorted_tables:
            if table.name != "audit_events":
                told = repr([tuple(row) for row in transaction.all(select(table))])
                assert GONE not in told, table.name
                assert "Zebedee" not in told, table.name


def test_the_next_owner_of_the_address_keeps_what_is_theirs(world: World) -> None:
    """Mails that came after the deletion are another user's."""
    first = world.me(world.sign_up(GONE))
    world.call(users.DELETE, users.UserId(user_id=first.id), key="sk")
    world.clock.advance(1)
    world.sign_up(GONE)
    mine = len(world.mails(to=GONE)) // 2
    assert mine
    world.clock.advance(30 * DAY)
    assert removed(world)["users"] == 1
    assert len(world.mails(to=GONE)) == mine
    assert count(world, schema.users) == 1


def test_each_environment_has_its_own_clock_and_event(world: World) -> None:
    """A moved clock of dev lets nothing of another environment expire."""
    other = world.beside("staging", "staging")
    world.sign_up()
    other.sign_up()
    with world.core.database.write() as transaction:
        table = schema.environments
        moved = update(table).where(table.c.name == "dev").values(clock_offset_ms=365 * DAY)
        transaction.run(moved)
    assert removed(world)["refreshTokens"] == 1
    assert count(world, schema.refresh_tokens) == 1
    [told] = audited(world)
    assert told["removed"]["refreshTokens"] == 1


def test_more_than_a_batch(world: World) -> None:
    """Batch by batch everything goes, one event tells of all, and writers have their turn in between."""
    pauses: list[float] = []
    row = {"kind": "x", "attempts": [1], "requests": 0, "expires_at": 1}
    add(world, schema.throttles, *(row | {"key": f"{number:04}"} for number in range(2 * BATCH + 1)))
    assert removed(world, pauses) == {"throttles": 2 * BATCH + 1}
    assert pauses == [PAUSE_SECONDS] * 2
    assert audited(world) == [{"removed": {kind.name: 0 for kind in KINDS} | {"throttles": 1_001}}]


def test_pictures_that_nobody_took_go_with_their_files(world: World) -> None:
    """An upload that was never saved an hour after its URL expired; its file an hour later, as what a crash
    left; the one in use stays. A file that is gone already is no obstacle."""
    token = world.sign_up()
    used = give(world, token)
    upload = upload_url(world, world.me(token).id, token=token)
    put(world, upload.upload_url, picture())
    row = {"file": "lost", "dropped_at": world.clock.now() + 2 * HOUR}
    add(world, schema.dropped_files, row)
    assert len(kept(world)) == 2
    world.clock.advance(75 * MINUTE - SECOND)
    assert "uploads" not in removed(world)
    world.clock.advance(SECOND)
    assert removed(world)["uploads"] == 1
    assert len(kept(world)) == 2
    world.clock.advance(2 * HOUR)
    assert removed(world)["droppedFiles"] == 2
    assert len(kept(world)) == 1
    assert fetch(world, used).content
