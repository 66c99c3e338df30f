"""PostgreSQL alone: who waits for whom, what its errors mean, what becomes of a connection that is gone."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.exc import DBAPIError

from bkendctl.contract.errors import Failure
from bkendctl.core import postgresql, schema
from bkendctl.core.call import Source
from bkendctl.core.database import Database
from bkendctl.core.upgrade import drift
from tests.conftest import World
from tests.postgres import PostgresServer

pytestmark = pytest.mark.parametrize("world", ["embedded-postgresql"], indirect=True)
END_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'"


def name_of(database: Database) -> str:
    """The name of a test's database."""
    return str(database.engine.url.database)


def raising(state: str) -> Any:
    """A statement that fails with an SQLSTATE."""
    return text(f"DO $$ BEGIN RAISE SQLSTATE '{state}'; END $$")


def test_the_tables_are_the_declared_ones(world: World) -> None:
    """What migrations make on PostgreSQL is what the classes say."""
    assert drift(world.core.database) == []


def test_environments_do_not_wait_for_each_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who writes is alone in an environment; who writes to the installation is alone altogether."""
    monkeypatch.setattr(postgresql, "LOCK_TIMEOUT_MS", 50)
    database = world.core.database

    def other(*within: str) -> str:
        try:
            with database.write(*within):
                return "done"
        except Failure as failure:
            return failure.code

    with database.write("one"):
        assert [other("one"), other("two"), other()] == ["common/unavailable", "done", "common/unavailable"]
        assert other("one", "part") == "common/unavailable"
    with database.write("one", "part"):
        assert [other("one", "part"), other("one", "other part")] == ["common/unavailable", "done"]
        assert [other("one"), other()] == ["common/unavailable"] * 2
    with database.write():
        assert [other("one"), other()] == ["common/unavailable"] * 2
    assert [other("one"), other()] == ["done"] * 2


def test_a_held_name_is_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule across environments holds although their writers go on side by side."""
    monkeypatch.setattr(postgresql, "LOCK_TIMEOUT_MS", 50)
    with world.core.database.write("one") as first, world.core.database.write("two") as second:
        first.hold("b", "a")
        second.hold("c")
        with pytest.raises(DBAPIError, match="lock timeout"):
            second.hold("a")


def test_nothing_is_written_while_reading(world: World) -> None:
    """A handler that only reads cannot change anything by mistake."""
    database = Database(world.core.database.url)  # which the fixture does not watch
    with pytest.raises(Failure, match="cli/database-unwritable"), database.read() as transaction:
        transaction.run(schema.users.delete())
    database.close()


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("40001", "common/unavailable"),
        ("40P01", "common/unavailable"),
        ("53300", "common/unavailable"),
        ("57014", "common/unavailable"),
        ("57P01", "common/unavailable"),
        ("22001", "common/invalid-parameters"),
        ("22021", "common/invalid-parameters"),
        ("25006", "cli/database-unwritable"),
        ("42501", "cli/database-unwritable"),
        ("53100", "cli/database-unwritable"),
    ],
)
def test_what_errors_mean(world: World, state: str, code: str) -> None:
    """Serialization, deadlock, crowd and shutdown pass by waiting; a value that does not fit is the caller's
    fault; a replica, a missing right or a full disk has to be mended."""
    with pytest.raises(Failure) as caught, world.core.database.write() as transaction:
        transaction.run(raising(state))
    assert caught.value.code == code
    assert (caught.value.retry_after == 1) == (code == "common/unavailable")


def test_connections_that_ended_in_the_pool_cost_no_request(
    world: World, postgresql_server: PostgresServer
) -> None:
    """T153: after a restart of the server the next request is answered as if nothing had been."""
    pair = world.sign_up()
    postgresql_server.run(END_ALL.format(name_of(world.core.database)))
    assert world.me(pair).email == "alice@example.com"


def test_a_server_that_goes_in_the_midst_of_a_request(
    world: World, postgresql_server: PostgresServer
) -> None:
    """T153: 503 with Retry-After, nothing half written, and the same request succeeds a moment later."""
    database = world.core.database
    ended: list[str] = []

    def end(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("INSERT INTO users") and not ended:
            ended.append(statement)
            postgresql_server.run(END_ALL.format(name_of(database)))

    event.listen(database.engine, "before_cursor_execute", end)
    with pytest.raises(Failure) as caught:
        world.sign_up()
    assert (caught.value.code, caught.value.retry_after, len(ended)) == ("common/unavailable", 1, 1)
    event.remove(database.engine, "before_cursor_execute", end)
    world.me(world.sign_up())
    with database.read() as transaction:
        assert transaction.value(select(func.count()).select_from(schema.users)) == 1


def test_what_no_column_takes_is_no_fault_of_the_server(world: World) -> None:
    """P8: NUL and too much text beside the request itself, where decoding does not look."""
    pair = world.sign_up()
    for token in ("\0", "a.b\0.c"):
        assert world.refusal(world.me, token) == "auth/invalid-token"
    assert (
        world.refusal(world.sign_in, source=Source("203.0.113.1", "agent\0")) == "common/invalid-parameters"
    )
    assert world.refusal(world.sign_in, source=Source("1" * 46)) == "common/invalid-parameters"
    world.me(pair)
