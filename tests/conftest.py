"""A world for each test: a real database, a clock that only the test moves, and a backend to call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import event

from bkendctl.contract import accounts, email_config, keys, mail, mfa, session_settings, sessions, users
from bkendctl.contract.accounts import TokenPair
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Operation, Raw, place
from bkendctl.core import schema, totp
from bkendctl.core.call import Source
from bkendctl.core.clock import SECOND
from bkendctl.core.database import Database, create_private_file, sqlite_module
from bkendctl.core.dispatch import execute
from bkendctl.core.installation import Installed, initialize
from bkendctl.core.passwords import Cost, Hasher, usable_cores
from bkendctl.core.randomness import new_id
from bkendctl.core.runtime import Core
from bkendctl.core.tokens import new_signing_key
from bkendctl.local.avatar_folder import AvatarFolder
from tests import postgres
from tests.connections import Lent, notice_schema, watch_reads
from tests.http_server import HttpServer
from tests.postgres import PostgresServer
from tests.provider_server import ProviderServer

PASSWORD = "Corr3ct-horse!"
MASTER_KEY = bytes(range(32))

QUICK = Cost(memory_kib=8, passes=1, lanes=1)
"""Argon2id at its least, where a test is not about what a hash costs: a sign-in in 2 ms instead of 20."""


def patient_hasher(cost: Cost = QUICK, core: Core | None = None) -> Hasher:
    """A hasher that sheds no load, however slow the machine. core: whose vault opens what is sealed."""
    return Hasher(cost=cost, patience_seconds=60, vault=None if core is None else lambda: core.vault)


def at_once(count: int, action: Callable[[int], Any]) -> list[Any]:
    """Run action(0), action(1) … in as many threads, started together; each answer or its Failure's code."""
    start = Barrier(count)

    def one(number: int) -> Any:
        start.wait()
        try:
            return action(number)
        except Failure as failure:
            return failure.code

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


class MovableClock:
    """Stands still until the test moves it. Starts on a TOTP step."""

    def __init__(self) -> None:
        self.instant = 1_800_000_000_000

    def now(self) -> int:
        """Milliseconds since 1970."""
        return self.instant

    def advance(self, milliseconds: int) -> None:
        """Let time pass."""
        self.instant += milliseconds


class World:
    """One installation and ways to act in it, as a test's user would."""

    def __init__(
        self, core: Core, clock: MovableClock, installed: Installed, server: HttpServer | None = None
    ) -> None:
        self.core = core
        self.server = server
        self.clock = clock
        self.installed = installed
        self.pk = str(installed.publishable_key)
        self.sk = str(installed.secret_key)

    def call(
        self,
        operation: Operation[Any, Any],
        request: Any = None,
        *,
        key: str | None = "pk",
        token: TokenPair | str | None = None,
        source: Source | None = None,
    ) -> Any:
        """Do an operation, asked for by its request or as it travels (Raw).

        key: "pk" or "sk" stands for the installation's own, None for none at all.
        """
        wanted = request if request is not None else operation.request()
        raw = replace(wanted) if isinstance(wanted, Raw) else place(operation, wanted)
        raw.headers = dict(raw.headers)
        chosen = {"pk": self.pk, "sk": self.sk}.get(key or "", key)
        if chosen is not None:
            raw.headers["x-api-key"] = chosen
        if token is not None:
            access = token if isinstance(token, str) else token.access_token
            raw.headers["authorization"] = f"Bearer {access}"
        if self.server is not None:
            return self.server.execute(operation, raw, source)
        return execute(self.core, operation, raw, source)

    def refused(self, operation: Operation[Any, Any], request: Any = None, **how: Any) -> Failure:
        """Do an operation that has to be refused with a code it declares, and give the refusal."""
        with pytest.raises(Failure) as caught:
            self.call(operation, request, **how)
        assert caught.value.code in operation.all_errors, (
            f"{operation.name} does not declare {caught.value.code}"
        )
        return caught.value

    def beside(self, name: str, kind: str = "dev", *, project: str | None = None) -> World:
        """Another environment of the same database with keys of its own, in the same project or another."""
        environment_id = new_id(self.core.randomness)
        with self.core.database.write() as transaction:
            row = {
                "id": environment_id,
                "project_id": project or self.installed.project_id,
                "name": name,
                "type": kind,
                "clock_offset_ms": 0,
                "created_at": self.clock.now(),
            }
            transaction.run(schema.environments.insert().values(row))
            key = new_signing_key(self.core.vault, self.core.randomness, environment_id, self.clock.now())
            transaction.run(schema.signing_keys.insert().values(key))
        installed = initialize(self.core, name="Demo", environment=name, new_keys=True)
        return World(self.core, self.clock, installed, self.server)

    def make_project(self, name: str) -> str:
        """Another project of the same database, with an owning organization of its own; gives its id."""
        organization, project = new_id(self.core.randomness), new_id(self.core.randomness)
        row = {"name": name, "slug": name, "created_at": self.clock.now(), "updated_at": self.clock.now()}
        of_project = {"organization_id": organization, "former_issuers": [], "cors_origins": []}
        with self.core.database.write() as transaction:
            transaction.run(schema.organizations.insert().values(row | {"id": organization}))
            transaction.run(schema.projects.insert().values(row | of_project | {"id": project}))
        return project

    def make_key(self, kind: str = "secret", *scopes: str, **fields: Any) -> str:
        """Make an API key as the secret key does, and give it whole."""
        request = keys.Create(type=kind, name=f"{kind} {scopes}"[:100], scopes=list(scopes), **fields)
        return str(self.call(keys.CREATE, request, key="sk").key)

    def sign_up(self, email: str = "alice@example.com", **fields: Any) -> TokenPair:
        """Make a user with PASSWORD."""
        wanted = {"method": "password", "email": email, "password": PASSWORD, "name": "Alice"} | fields
        return self.call(accounts.SIGN_UP, accounts.SignUp(**wanted))  # type: ignore[no-any-return]

    def sign_in(self, email: str = "alice@example.com", password: str = PASSWORD, **how: Any) -> TokenPair:
        """Sign in; mfa_code=… for a second factor, source=… for where from."""
        source = how.pop("source", None)
        request = accounts.SignIn(email=email, password=password, **how)
        return self.call(accounts.SIGN_IN, request, source=source)  # type: ignore[no-any-return]

    def refresh(self, token: TokenPair | str, idempotency_key: str | None = None) -> TokenPair:
        """Trade a refresh token for a new pair."""
        refresh_token = token if isinstance(token, str) else token.refresh_token
        request = sessions.Refresh(refresh_token=refresh_token)
        if idempotency_key is not None:
            request.idempotency_key = idempotency_key
        return self.call(sessions.REFRESH, request)  # type: ignore[no-any-return]

    def refusal(self, action: Callable[..., Any], *given: Any, **how: Any) -> str:
        """Do one of the short ways above that has to be refused, and give the code."""
        with pytest.raises(Failure) as caught:
            action(*given, **how)
        return caught.value.code

    def me(self, token: TokenPair | str) -> accounts.User:
        """Who am I."""
        return self.call(accounts.GET_ME, token=token)  # type: ignore[no-any-return]

    def configure(self, section: str, **changes: Any) -> None:
        """Change settings of the environment as an admin does, by their names on the wire."""
        operation = {"email": email_config.SET, "sessions": session_settings.SET}[section]
        self.call(operation, Raw(body=changes), key="sk")

    def assert_dead(self, *pairs: TokenPair) -> None:
        """Neither token of these pairs is accepted any more."""
        for pair in pairs:
            assert self.refusal(self.me, pair) == "auth/invalid-token"
            assert self.refusal(self.refresh, pair) == "auth/invalid-refresh-token"

    def sessions(self, token: TokenPair) -> list[sessions.Session]:
        """Own live sessions, latest activity first."""
        return self.call(sessions.LIST, token=token).items  # type: ignore[no-any-return]

    def make_user(self, email: str, role: str = "user", **fields: Any) -> accounts.User:
        """Make a user as an admin does."""
        request = users.CreateUser(name=email, email=email, role=role, **fields)
        return self.call(users.CREATE, request, key="sk")  # type: ignore[no-any-return]

    def enrol(self, token: TokenPair) -> mfa.MfaSetup:
        """Switch MFA on for a user; the step of the confirming code is used up, so time moves one step on."""
        setup: mfa.MfaSetup = self.call(mfa.ENABLE, mfa.Enable(password=PASSWORD), token=token)
        self.call(mfa.CONFIRM, mfa.Confirm(code=self.code(setup.secret)), token=token)
        self.clock.advance(30 * SECOND)
        return setup

    def code(self, secret: str, steps_ahead: int = 0) -> str:
        """The TOTP of now."""
        return totp.code_at(secret, self.clock.now(), steps_ahead=steps_ahead)

    def mails(self, category: str | None = None, to: str | None = None) -> list[mail.Mail]:
        """The outbox, newest first."""
        wanted = {name: value for name, value in {"category": category, "to": to}.items() if value}
        page = self.call(mail.LIST, mail.ListMail(limit=100, **wanted), key="sk")
        return page.items  # type: ignore[no-any-return]


@pytest.fixture
def clock() -> MovableClock:
    """The test's own time."""
    return MovableClock()


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Installed]:
    """A database just set up in environment dev, made once: the migrations cost more than most tests."""
    file = tmp_path_factory.mktemp("fresh") / "bkendctl.db"
    create_private_file(file)
    return file, set_up(f"sqlite:///{file}")


@pytest.fixture(scope="session")
def lent_file(
    fresh: tuple[Path, Installed], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], Path]]:
    """Give this worker's one SQLite file as the set-up left it.

    SQLite itself copies the pages, in a transaction: whoever still has the file open goes on with the copy.
    """
    file = tmp_path_factory.mktemp("worker") / "bkendctl.db"
    create_private_file(file)
    file.write_bytes(fresh[0].read_bytes())
    sqlite = sqlite_module()
    with closing(sqlite.connect(fresh[0])) as source, closing(sqlite.connect(file)) as lent:
        lent.execute("PRAGMA synchronous = OFF")  # the data of a test need not outlive it

        def lend() -> Path:
            source.backup(lent)
            Lent.times += 1
            return file

        yield lend


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresServer]:
    """The run's PostgreSQL, with a set-up database of this worker to copy; skips where none can run."""
    try:
        server = PostgresServer(set_up)
    except OSError as error:
        pytest.skip(f"no PostgreSQL: {error}")
    yield server
    server.close()


def set_up(url: str) -> Installed:
    """Make the tables and an environment dev in an empty database."""
    core = Core(Database(url), MASTER_KEY, clock=MovableClock())
    installed = initialize(core, name="Demo", environment="dev")
    core.database.close()
    return installed


@pytest.fixture
def new_database(request: pytest.FixtureRequest) -> Callable[[str], tuple[str, Installed]]:
    """Ask once for "sqlite" or "postgresql": the URL of a fresh installation, and what is in it."""

    def make(kind: str) -> tuple[str, Installed]:
        if kind == "postgresql":
            server: PostgresServer = request.getfixturevalue("postgresql_server")
            return server.fresh(), server.installed
        lend: Callable[[], Path] = request.getfixturevalue("lent_file")
        return f"sqlite:///{lend()}", request.getfixturevalue("fresh")[1]

    return make


@pytest.fixture(scope="session")
def opened() -> Iterator[Callable[[str], Database]]:
    """Give the one Database of a URL: compiling its statements costs more than most tests."""
    databases: dict[str, Database] = {}

    def database_at(url: str) -> Database:
        database = databases.setdefault(url, Database(url))
        if not event.contains(database.engine, "before_cursor_execute", watch_reads):
            event.listen(database.engine, "before_cursor_execute", watch_reads)
            if database.file is not None:
                event.listen(database.engine, "begin", notice_schema)
        return database

    yield database_at
    for database in databases.values():
        database.close()


@pytest.fixture(scope="session")
def http_server() -> Iterator[HttpServer]:
    """A server for all tests of this worker."""
    server = HttpServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def provider_server() -> Iterator[ProviderServer]:
    """Fake providers for all tests of this worker."""
    server = ProviderServer()
    yield server
    server.close()


BACKENDS = ("embedded", "http", "http-postgresql")
BACKENDS_OF = {"operations": BACKENDS, "server": ("http",), "browser": ("http",)}
"""By the tests' folder; those of all others act on the core alone."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of operations on every backend, those of the server over HTTP, all others on the core.

    A test that names its backends (parametrize "world") keeps to them.
    """
    chosen = [mark for mark in metafunc.definition.iter_markers("parametrize") if mark.args[0] == "world"]
    if "world" in metafunc.fixturenames and not chosen:
        folder = metafunc.module.__name__.removeprefix("tests.").partition(".")[0]
        metafunc.parametrize("world", BACKENDS_OF.get(folder, BACKENDS[:1]), indirect=True)


def new_core(
    kind: str,
    clock: MovableClock,
    new_database: Callable[[str], tuple[str, Installed]],
    opened: Callable[[str], Database],
) -> tuple[Core, Installed]:
    """A core on a fresh installation."""
    url, installed = new_database(kind)
    core = Core(opened(url), MASTER_KEY, clock=clock)
    core.hasher = patient_hasher(core=core)
    with core.database.read() as transaction:
        core.unlock(transaction)
    return core, installed


@pytest.fixture
def world(
    request: pytest.FixtureRequest,
    clock: MovableClock,
    new_database: Callable[[str], tuple[str, Installed]],
    opened: Callable[[str], Database],
) -> World:
    """A fresh installation in environment dev, on every backend there is."""
    kind = "postgresql" if request.param.endswith("postgresql") else "sqlite"
    core, installed = new_core(kind, clock, new_database, opened)
    core.files = AvatarFolder(request.getfixturevalue("tmp_path") / "avatars")
    server: HttpServer | None = None
    if request.param.startswith("http"):
        server = request.getfixturevalue("http_server")
        server.use(core)
    return World(core, clock, installed, server)


def pytest_xdist_auto_num_workers() -> int:
    """One worker more than cores (make test: -n auto), as many tests wait for a process or for PostgreSQL."""
    return usable_cores() + 1


def pytest_configure(config: pytest.Config) -> None:
    """Choose the place of the run's PostgreSQL before there are workers, who are told by it."""
    if not hasattr(config, "workerinput"):
        postgres.reserve_folder()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove that server, if a test wanted one."""
    if not hasattr(config, "workerinput"):
        postgres.remove_server()


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name sets in one order: the workers of a parallel run have to agree on the names of tests."""
    return repr(sorted(val, key=repr)) if isinstance(val, (set, frozenset)) else None
