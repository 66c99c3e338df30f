"""Load on an HTTP server from one thread: so many kept connections, each asking again once it is answered.

Reads answers no further than a benchmark needs: a status, a body by Content-Length or in chunks.
"""

from __future__ import annotations

import json
import selectors
import socket
import time
from collections.abc import Callable
from typing import Any, NamedTuple

Ask = Callable[[], bytes]
Took = Callable[[int, bytes], None]


class Asker(NamedTuple):
    """One connection's part. ask gives the bytes of the next request; took is told each answer."""

    ask: Ask
    took: Took | None = None


class Loaded(NamedTuple):
    """seconds: each answer's time, in order of arrival. refused: answers of 400 and above."""

    seconds: list[float]
    wall: float
    refused: int

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.seconds) / self.wall

    def quantile(self, share: float) -> float:
        """The time, in ms, that this share of the answers keeps to."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 if ordered else 0.0


def request(method: str, path: str, headers: dict[str, str], body: Any = None) -> bytes:
    """A request as it travels. body: of JSON."""
    sent = b"" if body is None else json.dumps(body).encode()
    told = {"host": "127.0.0.1", **headers}
    if body is not None:
        told |= {"content-type": "application/json", "content-length": str(len(sent))}
    head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + sent


class _Connection:
    def __init__(self, port: int, asker: Asker) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._asker = asker
        self._got = b""
        self._asked = 0.0

    def ask(self) -> None:
        """Send the next request."""
        self._got = b""
        wanted = self._asker.ask()
        self._asked = time.perf_counter()
        self.socket.sendall(wanted)

    def take(self) -> tuple[float, int] | None:
        """Read what came; the answer's time and status once it is whole."""
        self._got += self.socket.recv(262_144)
        if not self._got:
            raise ConnectionResetError
        head, end, body = self._got.partition(b"\r\n\r\n")
        if not end or not _is_whole(head.lower(), body):
            return None
        took = time.perf_counter() - self._asked
        status = int(head[9:12])
        if self._asker.took is not None:
            self._asker.took(status, body)
        return took, status


def _is_whole(head: bytes, body: bytes) -> bool:
    _, found, length = head.partition(b"content-length:")
    if found:
        return len(body) >= int(length.partition(b"\r\n")[0])
    return b"transfer-encoding: chunked" not in head or body.endswith(b"0\r\n\r\n")


def load(port: int, askers: list[Asker], seconds: float) -> Loaded:
    """Ask for so long, one connection for each asker."""
    connections = [_Connection(port, asker) for asker in askers]
    times: list[float] = []
    refused = 0
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        started = time.perf_counter()
        ends = started + seconds
        for connection in connections:
            connection.ask()
        while time.perf_counter() < ends:
            for key, _ in selector.select(timeout=0.5):
                if (answered := key.data.take()) is not None:
                    times.append(answered[0])
                    refused += answered[1] >= 400
                    key.data.ask()
        wall = time.perf_counter() - started
    for connection in connections:
        connection.socket.close()
    return Loaded(times, wall, refused)


def once(port: int, wanted: bytes) -> Any:
    """Ask one thing, and give the answer's JSON."""
    answers: list[tuple[int, bytes]] = []
    connection = _Connection(port, Asker(lambda: wanted, lambda status, body: answers.append((status, body))))
    connection.ask()
    while connection.take() is None:
        pass
    connection.socket.close()
    status, body = answers[0]
    if status >= 400:
        raise RuntimeError(f"{status}: {body[:300]!r}")
    return json.loads(body)
