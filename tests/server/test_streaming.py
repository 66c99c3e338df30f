"""Answers in parts: their headers, their end, and what happens when somebody leaves or fails on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from typing import Any

import httpx
import msgspec
import pytest

from bkendctl.contract import users
from bkendctl.contract.errors import Failure
from bkendctl.core import schema, user_export
from bkendctl.core.call import Call, Source
from bkendctl.server import outgoing
from bkendctl.server.outgoing import Answer
from bkendctl.server.pools import Pool
from bkendctl.server.streaming import stream
from tests.conftest import World


class Client:
    """The other end of a connection: hangs up after so many parts, None for never."""

    def __init__(self, hangs_up_after: int | None = None) -> None:
        self.sent: list[dict[str, Any]] = []
        self._hangs_up_after = hangs_up_after
        self._gone = asyncio.Event()

    async def send(self, message: Any) -> None:
        """Take a message of the server's."""
        self.sent.append(message)
        if len(self.parts) == self._hangs_up_after:
            self._gone.set()
            await asyncio.sleep(0)

    async def receive(self) -> dict[str, Any]:
        """Say that it is gone, once it is."""
        await self._gone.wait()
        return {"type": "http.disconnect"}

    @property
    def parts(self) -> list[bytes]:
        """What it was sent of the body, the end left out."""
        return [message["body"] for message in self.sent if message.get("more_body")]

    def listen(self, parts: Iterator[bytes], pool: Pool) -> Answer:
        """Be sent an answer, in a thread where no other loop runs (a browser of other tests leaves one)."""
        answer = Answer(200, b"", [], parts=parts)
        with ThreadPoolExecutor(1) as elsewhere:
            elsewhere.submit(asyncio.run, stream(answer, self.receive, self.send, pool)).result()
        return answer


@pytest.fixture
def pool() -> Iterator[Pool]:
    """One thread."""
    own = Pool("test", 1, waiting=1, patience=20)
    yield own
    own.close()


def get(world: World, method: str = "GET") -> httpx.Response:
    """Ask for the export as a foreign client does."""
    assert world.server is not None
    headers = {"x-api-key": world.sk}
    return httpx.request(method, f"{world.server.url}/v1/users/export", headers=headers)


def test_an_export_is_lines_of_json(world: World) -> None:
    """Each line a user, of no told length, with the headers of every answer; HEAD has them alone."""
    made = [world.make_user(f"u{number}@example.com") for number in range(2)]
    given = get(world)
    assert given.headers["content-type"] == "application/x-ndjson"
    assert "content-length" not in given.headers
    assert {"x-ratelimit-limit", "x-request-id", "cache-control"} <= set(given.headers)
    found = [msgspec.json.decode(line)["id"] for line in given.content.splitlines()]
    assert sorted(found) == sorted(user.id for user in made)
    bare = get(world, "HEAD")
    assert (bare.status_code, bare.headers["content-type"], bare.content) == (
        200, "application/x-ndjson", b"",
    )  # fmt: skip


def test_a_refused_export_is_an_ordinary_answer(world: World) -> None:
    """Before the first line a refusal has its status and is JSON."""
    assert world.server is not None
    given = httpx.get(f"{world.server.url}/v1/users/export", headers={"x-api-key": world.pk})
    assert (given.status_code, given.headers["content-type"]) == (401, "application/json")
    assert given.json()["error"]["code"] == "user/unauthorized"


def test_a_fault_of_ours_on_the_way_is_the_last_line(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Users read before it have come; the client knows that there were more."""
    monkeypatch.setattr(user_export, "BATCH", 1)
    for number in range(2):
        world.make_user(f"u{number}@example.com")
        world.clock.advance(1)
    broken = schema.users.update().where(schema.users.c.email == "u1@example.com")
    with world.core.database.write() as transaction:
        transaction.run(broken.values(social_links={}, onboarding=["not an object"]))
    stream_ = world.call(users.EXPORT, key="sk")
    assert next(stream_).email == "u0@example.com"
    with pytest.raises(Failure) as caught:
        next(stream_)
    assert caught.value.code == "common/internal-error"


def test_a_refusal_on_the_way_is_the_last_line(world: World) -> None:
    """After what was read before it, as an error body."""

    def failing() -> Iterator[dict[str, str]]:
        yield {"id": "1"}
        raise Failure("common/unavailable")

    answer = outgoing.good(Call(world.core, users.EXPORT, Source()), failing())
    assert answer.parts is not None
    first, last = b"".join(answer.parts).splitlines()
    assert first == b'{"id":"1"}'
    assert msgspec.json.decode(last)["error"]["code"] == answer.code == "common/unavailable"


def test_who_hung_up_is_sent_nothing_more(pool: Pool) -> None:
    """A stream without end stops soon after its client left."""
    client = Client(hangs_up_after=3)
    client.listen(repeat(b"x\n"), pool)
    assert client.parts == [b"x\n"] * 3


def test_a_stream_that_finds_no_thread_says_so(pool: Pool) -> None:
    """The last line is an error, and then it ends."""
    pool.room = 0
    client = Client()
    answer = client.listen(repeat(b"x\n"), pool)
    (line,) = client.parts
    assert msgspec.json.decode(line)["error"]["code"] == answer.code == "common/unavailable"
    assert client.sent[-1] == {"type": "http.response.body", "body": b""}
