"""A server purges by itself, and ends when it is told to."""

from __future__ import annotations

import pytest

from bkendctl.core import schema
from bkendctl.core.clock import DAY
from bkendctl.server.purging import Purging, purging
from tests.conftest import World


def test_a_round_removes_what_has_expired(world: World) -> None:
    """What db purge removes, once; the audit tells."""
    world.sign_up()
    world.clock.advance(90 * DAY)
    worker = Purging(world.core)
    assert worker.round()["sessions"] == 1
    assert worker.round()["sessions"] == 0
    with world.core.database.read() as transaction:
        actions = [row.action for row in transaction.all(schema.audit_events.select())]
    assert actions.count("db.purge") == 1


def test_a_database_that_is_away_is_told_of(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """The server goes on; the next round tries again."""
    file = world.core.database.file
    assert file is not None
    world.core.database.release()
    away = file.with_name("away")
    file.rename(away)
    assert Purging(world.core).round() == {}
    assert "nothing is purged" in capsys.readouterr().err
    world.core.database.release()
    away.rename(file)
    assert Purging(world.core).round()["sessions"] == 0


def test_it_ends_with_the_server(world: World) -> None:
    """At once, not after the hour that it waits; one that was told to stop breaks off between batches."""
    with purging(world.core):
        pass
    worker = Purging(world.core)
    worker.start()
    worker.stop()
    assert not worker._thread.is_alive()
