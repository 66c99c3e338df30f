"""HTTP as bytes on a socket, for what no well-behaved client sends."""

from __future__ import annotations

import json
import socket
from typing import Any, NamedTuple
from urllib.parse import urlsplit

SECONDS = 10.0
"""An answer later than this is none."""


class Reply(NamedTuple):
    """An answer. headers: names in lower case, repeated ones joined."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of the API's error body, which has to be whole."""
        body = self.json
        assert body["success"] is False
        assert body["error"]["message"]
        assert self.headers["content-type"] == "application/json"
        return str(body["error"]["code"])

    @property
    def refusal(self) -> tuple[int, str]:
        """Status and code."""
        return self.status, self.code


class Line:
    """One connection, on which a test says what it likes."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._socket = socket.create_connection((place.hostname, place.port), timeout=SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._read = self._socket.makefile("rb")

    def send(self, *data: bytes) -> None:
        """Send bytes, each part by itself."""
        for part in data:
            self._socket.sendall(part)

    def finish(self) -> None:
        """Send no more, but go on listening."""
        self._socket.shutdown(socket.SHUT_WR)

    def reply(self, *, head: bool = False) -> Reply:
        """The next answer. head: it is one to HEAD, without a body."""
        first = self._read.readline()
        assert first.startswith(b"HTTP/1.1 "), first
        status = int(first.split()[1])
        headers: dict[str, str] = {}
        while (said := self._read.readline().rstrip(b"\r\n")) != b"":
            name, _, value = said.decode("latin-1").partition(": ")
            headers[name.lower()] = f"{headers[name.lower()]}, {value}" if name.lower() in headers else value
        body = b"" if head else self._read.read(int(headers.get("content-length", 0)))
        return Reply(status, headers, body)

    def rest(self) -> bytes:
        """All that still comes until the server hangs up, which it has to."""
        try:
            return self._read.read()
        except ConnectionResetError:
            return b""

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Reply:
        """Send a request that is well formed and give its answer; header names with _ for -."""
        self.send(request(method, path, body, **headers))
        return self.reply(head=method == "HEAD")

    def close(self) -> None:
        """Hang up."""
        self._read.close()
        self._socket.close()


def request(method: str, path: str, body: bytes | None = None, **headers: str) -> bytes:
    """The bytes of a request; a body is JSON of known length unless the headers say otherwise."""
    lines = {"host": "test"} | {name.replace("_", "-"): value for name, value in headers.items()}
    if body is not None:
        lines.setdefault("content-type", "application/json")
        if "transfer-encoding" not in lines:
            lines.setdefault("content-length", str(len(body)))
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + (body or b"")
