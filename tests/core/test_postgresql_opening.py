"""Opening PostgreSQL: what is refused, told in one line without the password; and set up by many at once."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from bkendctl.contract.errors import Failure
from bkendctl.core.database import Database
from bkendctl.core.installation import initialize
from bkendctl.core.runtime import Core
from tests.conftest import MASTER_KEY, at_once
from tests.postgres import GUARDED, PostgresServer


@pytest.fixture
def empty(postgresql_server: PostgresServer) -> Iterator[str]:
    """URL of a database without tables."""
    with postgresql_server.copy("template0") as url:
        yield url


def test_twenty_set_up_at_once(empty: str) -> None:
    """Machines that share a database and a master key: one makes the project, all others join it."""
    cores = [Core(Database(empty), MASTER_KEY) for _ in range(20)]
    found = at_once(20, lambda number: initialize(cores[number], name="Demo", environment="dev"))
    assert sum(one.created for one in found) == 1
    assert len({one.project_id for one in found}) == 1
    for core in cores:
        core.database.close()


def refused(url: str) -> Failure:
    """Open a database that has to be refused."""
    database = Database(url)
    with pytest.raises(Failure) as caught:
        database.require()
    database.close()
    assert "Hunter" not in f"{caught.value} {caught.value.hint}"
    assert "\n" not in caught.value.message
    return caught.value


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://u:Hunter-2@/d?host=/nonexistent", "No such file"),
        ("postgresql://u:Hunter-2@127.0.0.1:1/d", "Connection refused"),
        ("postgresql://u@127.0.0.1:1/d?password=Hunter-2", "Connection refused"),
        ("postgresql://u:Hunter-2@/d?host=/nonexistent&host=/neither", "No such file"),
        ("postgresql://u:Hunter-2@127.0.0.1:1/d?sslmode=Hunted", "sslmode"),
        ("postgresql://u:Hunter-2@127.0.0.1:1/d?unheard=of", "unheard"),
    ],
)
def test_nobody_answers(url: str, said: str) -> None:
    """In the words of libpq, whatever is wrong with the address; exit 8."""
    failure = refused(url)
    assert (failure.code, failure.exit_status) == ("cli/database-unreachable", 8)
    assert said in failure.message


def test_a_wrong_password(empty: str) -> None:
    """The user is named, the password is not."""
    failure = refused(empty.replace("bkendctl@", f"{GUARDED}:Hunter-2@"))
    assert (failure.code, failure.exit_status) == ("cli/database-unreachable", 8)
    assert f'password authentication failed for user "{GUARDED}"' in failure.message


def test_a_replica(empty: str, postgresql_server: PostgresServer) -> None:
    """Who revokes is obeyed at once, so credentials are never looked up in a copy that lags."""
    name = Database(empty).engine.url.database
    postgresql_server.run(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    failure = refused(empty)
    assert failure.code == "cli/database-unreachable"
    assert "read-only" in failure.message


def test_another_encoding(postgresql_server: PostgresServer) -> None:
    """A database that cannot hold every letter is refused before there are tables in it."""
    with postgresql_server.copy("template0", "ENCODING 'SQL_ASCII'") as url:
        core = Core(Database(url), MASTER_KEY)
        with pytest.raises(Failure, match="SQL_ASCII") as caught:
            initialize(core, name="Demo", environment="dev")
        core.database.close()
    assert caught.value.code == "cli/not-offered"
    assert "UTF8" in caught.value.hint


def test_an_empty_one_names_init(empty: str) -> None:
    """It is not taken for a damaged one."""
    failure = refused(empty)
    assert (failure.code, failure.hint) == ("cli/database-missing", "bkendctl init")


@pytest.mark.parametrize(("version", "code"), [("0000", "cli/database-older"), ("9", "cli/database-newer")])
def test_another_schema(postgresql_server: PostgresServer, version: str, code: str) -> None:
    """Refused with both versions named."""
    with postgresql_server.copy() as url:
        database = Database(url)
        with database.write() as transaction:
            transaction.run(text(f"UPDATE alembic_version SET version_num = '{version}'"))
        database.close()
        failure = refused(url)
    assert failure.code == code
    assert version in failure.message


@pytest.mark.parametrize("url", ["", "mysql://u:Hunter-2@h/d", "sqlite://x", "postgresql://h:x/d"])
def test_no_address_of_ours(url: str) -> None:
    """Anything else is not quoted, as it may hold a password."""
    assert refused(url).code == "cli/usage"


def test_without_psycopg(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is named with the line that installs it."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    failure = refused("postgresql://u:Hunter-2@h/d")
    assert failure.code == "cli/not-offered"
    assert failure.hint == "pip install 'bkendctl[postgresql]'"
