"""The database file: private, locked for writing first, refused untouched when it does not fit."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from pathlib import Path

import pytest
from sqlalchemy import text

from bkendctl.contract.errors import Failure
from bkendctl.core.database import SAFE_SQLITE, SCHEMA, Database, create_private_file, sqlite_module
from bkendctl.core.installation import Installed, initialize
from bkendctl.core.runtime import Core
from bkendctl.core.upgrade import integrity, upgrade
from tests.conftest import MASTER_KEY

LOCKED = "database is locked"
# Never a second library on one file in one process: closing its file would drop the first one's locks.
sqlite3 = sqlite_module()
ADD_ONE = text(
    "INSERT INTO settings SELECT id, 'n' || (SELECT count(*) FROM settings), '{}', 0 FROM environments"
)


@pytest.fixture
def file(tmp_path: Path, fresh: tuple[Path, Installed]) -> Path:
    """A database that was set up and closed."""
    file = tmp_path / "bkendctl.db"
    create_private_file(file)
    file.write_bytes(fresh[0].read_bytes())
    return file


@pytest.fixture
def database(file: Path) -> Iterator[Database]:
    """The same, opened on demand and closed at the end."""
    database = Database(f"sqlite:///{file}")
    yield database
    database.close()


@pytest.fixture
def open_umask() -> Iterator[None]:
    """Files are made for everybody, unless somebody takes care."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    """Who may do what with a file."""
    return path.stat().st_mode & 0o777


def change(file: Path, *statements: str) -> None:
    """Change a database behind our back, in the journal mode that other programs leave."""
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA journal_mode=DELETE")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def refusal(action: Callable[[], object]) -> Failure:
    """Do what has to be refused."""
    with pytest.raises(Failure) as caught:
        action()
    return caught.value


# The file and its rights


@pytest.mark.usefixtures("open_umask")
def test_the_file_and_its_companions_are_private_whatever_the_umask(tmp_path: Path) -> None:
    """Database, -wal and -shm are 0600 while it is in use (P9, T141)."""
    file = tmp_path / "new.db"
    create_private_file(file)
    core = Core(Database(f"sqlite:///{file}"), MASTER_KEY)
    initialize(core, name="Demo", environment="dev")
    with core.database.write():
        found = {path.name: mode(path) for path in tmp_path.iterdir()}
    core.database.close()
    assert found == {"new.db": 0o600, "new.db-wal": 0o600, "new.db-shm": 0o600}


def test_a_file_that_was_open_to_others_is_closed_to_them(tmp_path: Path) -> None:
    """An existing file keeps its content and loses its loose rights."""
    file = tmp_path / "old.db"
    file.write_bytes(b"content")
    file.chmod(0o644)
    create_private_file(file)
    assert (mode(file), file.read_bytes()) == (0o600, b"content")


def test_a_link_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    """What it points to keeps its content and its rights, also when it does not exist (T141)."""
    target, link, dangling = (tmp_path / name for name in ("target", "link", "dangling"))
    target.write_bytes(b"another's")
    target.chmod(0o644)
    link.symlink_to(target)
    dangling.symlink_to(tmp_path / "nowhere")
    for path in (link, dangling):
        assert refusal(lambda path=path: create_private_file(path)).code == "cli/unsafe-file"
    assert (target.read_bytes(), mode(target)) == (b"another's", 0o644)
    assert not (tmp_path / "nowhere").exists()


# What does not fit is refused and left as it is


def test_a_missing_database_is_refused_and_not_made(tmp_path: Path) -> None:
    """Asking for a database does not create one."""
    database = Database(f"sqlite:///{tmp_path / 'none.db'}")
    assert refusal(database.require).code == "cli/database-missing"
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_is_no_database(tmp_path: Path) -> None:
    """A file of no bytes is refused and stays empty."""
    file = tmp_path / "empty.db"
    file.touch()
    assert refusal(Database(f"sqlite:///{file}").require).code == "cli/database-missing"
    assert (file.read_bytes(), list(tmp_path.iterdir())) == (b"", [file])


def test_a_database_of_another_program_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    """One without our tables is none of ours; not even its journal mode is changed."""
    file = tmp_path / "photos.db"
    change(file, "CREATE TABLE photos (id)")
    before = file.read_bytes()
    database = Database(f"sqlite:///{file}")
    assert refusal(database.require).code == "cli/database-missing"
    database.close()
    assert (file.read_bytes(), list(tmp_path.iterdir())) == (before, [file])


def garbage(whole: bytes) -> bytes:
    """Something that never was a database."""
    return b"This is no database.\n" * 400


def torn_header(whole: bytes) -> bytes:
    """The first page overwritten."""
    return b"\0" * 4096 + whole[4096:]


def scribbled(whole: bytes) -> bytes:
    """The list of tables overwritten behind an intact header."""
    return whole[:100] + b"\xa5" * 3996 + whole[4096:]


def cut(whole: bytes) -> bytes:
    """The end lost."""
    return whole[: len(whole) // 8]


@pytest.mark.parametrize("damage", [garbage, torn_header, scribbled, cut])
@pytest.mark.parametrize("use", ["require", "initialize"])
def test_a_damaged_database_is_refused_and_left_as_it_is(
    file: Path, damage: Callable[[bytes], bytes], use: str
) -> None:
    """Neither use nor init repairs, replaces or empties it: that would reopen the first door (T149)."""
    damaged = damage(file.read_bytes())
    file.write_bytes(damaged)
    core = Core(Database(f"sqlite:///{file}"), MASTER_KEY)
    doing = {
        "require": core.database.require,
        "initialize": lambda: initialize(core, name="Demo", environment="dev"),
    }
    failure = refusal(doing[use])
    core.database.close()
    assert failure.code == "cli/database-damaged"
    assert str(file) in failure.message
    assert file.read_bytes() == damaged


@pytest.mark.parametrize(
    ("version", "code"), [("9999", "cli/database-newer"), ("0000", "cli/database-older")]
)
def test_another_schema_is_refused_with_both_versions(file: Path, version: str, code: str) -> None:
    """Older and newer ones are told apart, both numbers named, and nothing is touched (T150)."""
    change(file, f"UPDATE alembic_version SET version_num = '{version}'")
    before = file.read_bytes()
    database = Database(f"sqlite:///{file}")
    failure = refusal(database.require)
    database.close()
    assert failure.code == code
    assert version in failure.message
    assert SCHEMA in failure.message
    assert file.read_bytes() == before


def test_a_newer_schema_is_neither_upgraded_nor_set_up(file: Path) -> None:
    """init on a database of a newer program leaves it as it is (T150)."""
    change(file, "UPDATE alembic_version SET version_num = '9999'")
    before = file.read_bytes()
    core = Core(Database(f"sqlite:///{file}"), MASTER_KEY)
    for action in (lambda: upgrade(core.database), lambda: initialize(core, name="Demo", environment="dev")):
        assert refusal(action).code == "cli/database-newer"
    core.database.close()
    assert file.read_bytes() == before


def test_a_database_that_fits_is_taken(database: Database) -> None:
    """The one we made passes, and upgrading it again changes nothing."""
    database.require()
    assert database.schema_version() == SCHEMA
    assert upgrade(database) == (SCHEMA, SCHEMA)
    assert integrity(database) == []


def test_what_others_wrote_is_no_damage(database: Database) -> None:
    """Nor for who looked before they did: FTS5 goes by what a connection remembers of its index."""
    add = text(
        "INSERT INTO users (id, environment_id, email, name, is_public, role, created_at, updated_at) "
        "SELECT :id, id, :id || '@example.com', 'Name of ' || :id, 0, 'user', 0, 0 FROM environments"
    )
    other = Database(database.url)
    for number in range(60):
        for part in range(6):
            with other.write() as transaction:
                transaction.connection.execute(add, {"id": f"user-{number}-{part}"})
        assert integrity(database) == []
    other.close()


# Transactions


def test_what_keeps_data_safe_is_switched_on(database: Database) -> None:
    """WAL, every commit on disk, foreign keys, a SQLite without the WAL-reset race."""
    with database.write() as transaction:
        said = {
            name: transaction.value(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "synchronous", "foreign_keys", "trusted_schema")
        }
    assert said == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0}
    assert tuple(map(int, sqlite_module().sqlite_version.split("."))) >= SAFE_SQLITE


def test_a_writer_takes_the_lock_before_its_first_statement(database: Database, file: Path) -> None:
    """While it runs nobody else may write; a reader keeps nobody out."""
    other = sqlite3.connect(file, timeout=0, isolation_level=None)
    with database.read():
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
    with database.write(), pytest.raises(sqlite3.OperationalError, match=LOCKED):
        other.execute("BEGIN IMMEDIATE")
    other.execute("BEGIN IMMEDIATE")
    other.close()


def test_a_reader_sees_one_state(database: Database) -> None:
    """What is committed meanwhile is not seen before the next transaction."""
    count = text("SELECT count(*) FROM settings")
    with database.read() as reading:
        before = reading.value(count)
        with database.write() as writing:
            writing.run(text("INSERT INTO settings SELECT id, 'x', '{}', 0 FROM environments"))
        assert reading.value(count) == before
    with database.read() as reading:
        assert reading.value(count) == before + 1


def test_a_failure_takes_everything_back(database: Database) -> None:
    """What a transaction wrote before it failed is gone."""

    def fail() -> None:
        with database.write() as transaction:
            transaction.run(text("DELETE FROM environments"))
            raise Failure("user/not-found")

    assert refusal(fail).code == "user/not-found"
    with database.read() as transaction:
        assert transaction.value(text("SELECT count(*) FROM environments")) == 1


def test_a_full_disk_refuses_and_stores_nothing(database: Database) -> None:
    """A write that does not fit is told, nothing of it stays, and the next one works (T148)."""
    count = text("SELECT count(*) FROM settings")

    def fill() -> None:
        with database.write() as transaction:
            pages = transaction.value(text("PRAGMA page_count"))
            transaction.value(text(f"PRAGMA max_page_count = {pages}"))
            big = text("INSERT INTO settings SELECT id, :section, zeroblob(4000), 0 FROM environments")
            for number in range(20):
                transaction.connection.execute(big, {"section": str(number)})

    failure = refusal(fill)
    assert (failure.code, "disk" in failure.message) == ("cli/database-unwritable", True)
    with database.write() as transaction:
        assert transaction.value(count) == 0
        transaction.value(text("PRAGMA max_page_count = 1000000"))
        transaction.run(text("INSERT INTO settings SELECT id, 'x', '{}', 0 FROM environments"))
    assert integrity(database) == []


def test_who_waits_too_long_for_the_lock_is_asked_to_come_again(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock held beyond the busy time-out is 503 with Retry-After, not a crash."""
    monkeypatch.setattr("bkendctl.core.database.BUSY_TIMEOUT_MS", 20)
    patient, other = Database(f"sqlite:///{file}"), Database(f"sqlite:///{file}")
    with patient.write():
        failure = refusal(other.write().__enter__)
    assert (failure.code, failure.status, failure.retry_after) == ("common/unavailable", 503, 1)
    with other.write() as transaction:
        transaction.run(ADD_ONE)
    patient.close()
    other.close()


# Several processes


def write_often(url: str, times: int, answers: object) -> None:
    """What a second process does."""
    database = Database(url)
    try:
        for _ in range(times):
            with database.write() as transaction:
                transaction.run(ADD_ONE)
        answers.put("done")  # type: ignore[attr-defined]
    except Failure as failure:
        answers.put(str(failure))  # type: ignore[attr-defined]
    database.close()


def test_processes_that_write_at_once_wait_for_each_other(file: Path) -> None:
    """Four processes, 50 commits each: none is turned away, none is lost (T152)."""
    context = get_context("fork")
    answers = context.Queue()
    writers = [context.Process(target=write_often, args=(f"sqlite:///{file}", 50, answers)) for _ in range(4)]
    for writer in writers:
        writer.start()
    assert [answers.get(timeout=60) for _ in writers] == ["done"] * 4
    for writer in writers:
        writer.join()
    database = Database(f"sqlite:///{file}")
    with database.read() as transaction:
        assert transaction.value(text("SELECT count(*) FROM settings")) == 200
    assert integrity(database) == []
    database.close()


def use_inherited(database: Database, parents: int, answers: object) -> None:
    """What a forked child does with the parent's Database."""
    with database.write() as transaction:
        transaction.run(ADD_ONE)
    answers.put(id(database.engine) != parents)  # type: ignore[attr-defined]
    database.close()


def test_connections_do_not_cross_a_fork(database: Database) -> None:
    """A child opens its own, also while the parent is in a transaction, which goes on unharmed."""
    context = get_context("fork")
    answers = context.Queue()
    with database.read() as reading:
        assert reading.value(text("SELECT count(*) FROM settings")) == 0
        child = context.Process(target=use_inherited, args=(database, id(database.engine), answers))
        child.start()
        assert answers.get(timeout=30) is True
        child.join()
        assert reading.value(text("SELECT count(*) FROM settings")) == 0
    with database.write() as transaction:
        transaction.run(ADD_ONE)
        assert transaction.value(text("SELECT count(*) FROM settings")) == 2
    assert integrity(database) == []
