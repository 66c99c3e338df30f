"""The same random requests to the core, to a server over SQLite and to one over PostgreSQL: equal answers."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bkendctl.contract import catalogue
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import File, Operation, Raw, placement
from bkendctl.core.call import Source
from bkendctl.core.clock import SECOND
from bkendctl.core.database import Database, create_private_file
from bkendctl.core.installation import Installed
from bkendctl.core.runtime import Core
from tests.conftest import MASTER_KEY, PASSWORD, MovableClock, World, patient_hasher
from tests.http_server import HttpServer
from tests.postgres import PostgresServer

STEPS = 60
EMAILS = ["ann@example.com", "bob@example.com", "CAT@example.com", "dan@example.com", "no address"]
ODD: list[Any] = [
    "", "x", "é", "İstanbul", "ß", "a\0b", "a" * 300, "%", "_", "'", "\\", 0, -1, 1, 2**31, 2**63,
    1.5, True, None, [], ["x"], {}, "2026-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "null", "1.0",
]  # fmt: skip
LIKELY: dict[str, list[Any]] = {
    "email": EMAILS,
    "password": [PASSWORD, PASSWORD, "Wr0ng-password!"],
    "currentPassword": [PASSWORD],
    "newPassword": [PASSWORD, "An0ther-one!"],
    "method": ["password"],
    "name": ["Ann", "Bob", "Zoë"],
    "role": ["admin", "user", "guest"],
    "type": ["publishable", "secret"],
    "scopes": [[], ["users:read"], ["users:*"], ["*:list"]],
    "search": ["ann", "example", "É", "%"],
    "searchType": ["name", "email", "nickname", "all"],
    "sortBy": ["createdAt", "name", "email"],
    "sortDirection": ["asc", "desc"],
    "status": ["active", "all", "deleted", "banned", "revoked", "pending"],
    "page": ["1", "2", "0"],
    "limit": ["1", "3", "100"],
    "resourceType": ["project", "organization"],
    "resourceRole": ["member", "admin"],
    "offsetSeconds": [0, 60, 4000],
    "until": ["2030-01-01T00:00:00Z"],
}
_MADE_UP = re.compile(
    r"[0-9a-f]{64}|[0-9a-f]{8}-[0-9a-f-]{27}|eyJ[\w-]+\.[\w-]+\.[\w-]+|(?:pk|sk)_\S+|rt_[\w-]+|[\w-]{43}|\b[A-Z2-7]{32}\b"
)


RANDOM = ("maskedKey", "backupCodes", "sequence", "sealedSequence", "firstBadSequence")
"""Made up and too short to be told from words; PostgreSQL goes on counting where a test ended."""


class Seeded:
    """Randomness that is the same in every world."""

    def __init__(self, seed: int) -> None:
        self._source = random.Random(seed)

    def bytes(self, count: int) -> bytes:
        """The next bytes."""
        return self._source.randbytes(count)


class Lane:
    """One of the worlds, and what it has given out so far."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ids: list[str] = []
        self.pairs: list[Any] = []
        self._names: dict[str, str] = {}

    def do(self, operation: Operation[Any, Any], raw: Raw, who: int, whom: int) -> Any:
        """Ask, and give the answer with everything made up replaced by the order of its appearance."""
        if self.world.server is not None:
            self.world.server.use(self.world.core)
        pair = self.pairs[who % len(self.pairs)] if self.pairs else None
        path = {name: self.ids[whom % len(self.ids)] if self.ids else "none" for name in raw.path}
        body = raw.body
        if isinstance(body, dict) and "refreshToken" in body and pair is not None:
            body = body | {"refreshToken": pair.refresh_token}
        sent = Raw(path=path, query=dict(raw.query), body=body)
        if "file" in placement(operation).values():  # over HTTP there is one in any case
            sent.file = File(content=b"no picture", content_type="image/png")
        try:
            given = self.world.call(
                operation,
                sent,
                key="sk" if who % 3 else "pk",
                token=pair if who % 2 else None,
                source=Source("192.0.2.7", "differ/1.0", "request"),
            )
            given = list(given) if operation.streams else given
        except Failure as failure:
            details = {field: list(reasons) for field, reasons in (failure.details or {}).items()}
            return failure.code, failure.status, details, failure.retry_after
        if type(given).__name__ == "TokenPair":
            self.pairs.append(given)
        elif getattr(given, "id", None):
            self.ids.append(given.id)
        return self._plain(msgspec.to_builtins(given))

    def _plain(self, value: Any) -> Any:
        if isinstance(value, dict):
            shown = {name: item for name, item in value.items() if name not in RANDOM}
            return {name: self._plain(item) for name, item in shown.items()}
        if isinstance(value, list):
            # The keys of init are of one instant, and so in no order.
            return [self._plain(item) for item in value if "init " not in str(item)]
        if isinstance(value, str):
            return _MADE_UP.sub(lambda hit: self._names.setdefault(hit[0], f"#{len(self._names)}"), value)
        return value


@pytest.fixture
def lanes(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    fresh: tuple[Path, Installed],
    http_server: HttpServer,
    postgresql_server: PostgresServer,
) -> Iterator[Callable[[int], list[Lane]]]:
    """Ask for three worlds that share a seed: embedded, HTTP over SQLite, HTTP over PostgreSQL."""
    opened: list[Core] = []

    def make(seed: int) -> list[Lane]:
        image, installed = fresh[0].read_bytes(), fresh[1]
        found = []
        for name in ("embedded", "http"):
            file = tmp_path / f"{name}.db"
            create_private_file(file)
            file.write_bytes(image)
            found.append((f"sqlite:///{file}", installed, http_server if name == "http" else None))
        found.append((postgresql_server.fresh(), postgresql_server.installed, http_server))
        made = []
        for url, installation, server in found:
            clock = MovableClock()
            core = Core(Database(url), MASTER_KEY, clock=clock, randomness=Seeded(seed))
            core.hasher = patient_hasher()
            with core.database.read() as transaction:
                core.unlock(transaction)
            opened.append(core)
            made.append(Lane(World(core, clock, installation, server)))
        return made

    yield make
    for core in opened:
        core.database.close()


def made_up(operation: Operation[Any, Any], source: random.Random) -> Raw:
    """A request that may be right: mostly fitting values, some odd ones, some left out."""
    raw = Raw()
    for field in msgspec.structs.fields(operation.request):
        name, place = field.encode_name, placement(operation)[field.encode_name]
        if place == "path":
            raw.path[name] = ""
            continue
        if not field.required and source.random() < 0.6:
            continue
        odd = source.random() < 0.2 or name not in LIKELY
        value = source.choice(ODD if odd else LIKELY[name])
        if place == "query":
            raw.query[name] = str(value)
        elif place == "body":
            raw.body = ({} if raw.body is msgspec.UNSET else raw.body) | {name: value}
    return raw


@pytest.mark.parametrize("seed", range(4))
def test_random_sequences_are_answered_alike(lanes: Callable[[int], list[Lane]], seed: int) -> None:
    """Codes, statuses, details and bodies are the same on all three, step by step."""
    source = random.Random(seed)
    three = lanes(seed)
    often = ("accounts.sign_up", "accounts.sign_in", "users.create", "keys.create", "sessions.refresh")
    operations = [*catalogue.operations(), *(each for each in catalogue.operations() if each.name in often)]
    for step in range(STEPS):
        operation = source.choice(operations)
        raw = made_up(operation, source)
        who, whom = source.randrange(1_000), source.randrange(1_000)
        first, *others = (lane.do(operation, raw, who, whom) for lane in three)
        assert others == [first, first], f"step {step}: {operation.name} {raw}"
        for lane in three:
            lane.world.clock.advance(SECOND)
