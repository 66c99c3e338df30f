"""Requests to providers, bounded in time and size, never redirected. Nothing else in core/ speaks HTTP."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cached_property
from queue import Empty, SimpleQueue
from threading import Semaphore, Thread
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from bkendctl import __version__

if TYPE_CHECKING:
    import httpx

LARGEST_ANSWER = 262_144
"""Bytes; key sets and profiles have a few thousand."""
MOST_AT_ONCE = 32
"""A provider that hangs holds so many threads and no more, each for as long as one read may take."""
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class Unusable(Exception):
    """A provider does not answer, or not as it should. Its text holds nothing that was sent or answered."""


class Deadline:
    """The end of all that one sign-in may ask of a provider."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds until then, a little at least."""
        return max(0.001, self._end - time.monotonic())

    @property
    def is_over(self) -> bool:
        """Whether there is no time left."""
        return time.monotonic() >= self._end


class Answer(NamedTuple):
    """What came back."""

    host: str
    status: int
    body: bytes

    def parsed(self) -> Any:
        """The body as JSON. Unusable."""
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Unusable(f"{self.host} answers {self.status} without JSON") from None

    def fields(self) -> dict[str, Any]:
        """The body as a JSON object. Unusable."""
        found = self.parsed()
        if not isinstance(found, dict):
            raise Unusable(f"{self.host} answers {self.status} without a JSON object")
        return found


class Egress:
    """Asks others over HTTP. Each request has a thread of its own, which is left behind when time is up.

    httpx bounds each read by itself, so that a byte now and then would hold it for ever; and a name server
    that is silent is in no time-out of its at all.
    """

    def __init__(self) -> None:
        self._room = Semaphore(MOST_AT_ONCE)

    @cached_property
    def _client(self) -> httpx.Client:
        """Without kept connections: one that the other side closed meanwhile would lose a code for good."""
        import httpx

        return httpx.Client(
            headers={
                "user-agent": f"bkendctl/{__version__}",
                "accept": "application/json",
                "accept-encoding": "identity",
            },
            follow_redirects=False,
            limits=httpx.Limits(max_keepalive_connections=0),
            mounts={f"all://{host}": None for host in LOOPBACK},  # past any proxy of the surroundings
        )

    def ask(
        self,
        deadline: Deadline,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Get an address, or post a form to it. Redirects, large answers and silence are Unusable."""
        host = urlsplit(url).hostname or ""
        if not self._room.acquire(blocking=False):
            raise Unusable("too many sign-ins wait for providers")
        box: SimpleQueue[Answer | Unusable] = SimpleQueue()
        Thread(target=self._work, args=(box, deadline, host, url, form, headers), daemon=True).start()
        try:
            found = box.get(timeout=deadline.left)
        except Empty:
            raise Unusable(f"{host} does not answer in time") from None
        if isinstance(found, Unusable):
            raise found
        return found

    def _work(self, box: SimpleQueue[Answer | Unusable], *asked: Any) -> None:
        try:
            box.put(self._asked(*asked))
        except Unusable as fault:
            box.put(fault)
        finally:
            self._room.release()

    def _asked(
        self,
        deadline: Deadline,
        host: str,
        url: str,
        form: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
    ) -> Answer:
        import httpx

        method = "GET" if form is None else "POST"
        try:
            with self._client.stream(
                method, url, data=form, headers=dict(headers or {}), timeout=deadline.left
            ) as response:
                if response.is_redirect:
                    raise Unusable(f"{host} redirects, which is not followed")
                return Answer(host, response.status_code, _body(response, deadline, host))
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise Unusable(f"{host} cannot be reached ({type(error).__name__})") from None


def _body(response: httpx.Response, deadline: Deadline, host: str) -> bytes:
    if response.headers.get("content-encoding", "identity") != "identity":
        raise Unusable(f"{host} compresses its answer, which was not asked for")
    body = bytearray()
    for part in response.iter_raw():
        body += part
        if len(body) > LARGEST_ANSWER:
            raise Unusable(f"{host} answers more than {LARGEST_ANSWER} bytes")
        if deadline.is_over:
            raise Unusable(f"{host} does not answer in time")
    return bytes(body)
