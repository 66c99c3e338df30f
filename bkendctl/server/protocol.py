"""uvicorn's HTTP protocol with limits of time and size before a request is whole, and errors as the API's."""

from __future__ import annotations

from asyncio import BaseTransport, TimerHandle
from http import HTTPStatus
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bkendctl.contract.errors import Failure

HEAD_BYTES = 32_768
"""Request line and headers together; most servers take 8 to 64 KiB. As much for trailers and chunk sizes."""
HEAD_SECONDS = 10.0
"""From the first byte of a request, or the connection, to the end of its headers."""
REST_SECONDS = 5.0
"""How long the rest of a request may still come after its answer, or after the server was told to end."""
LINGER_SECONDS = 2.0
"""How long bytes are still taken and dropped after a refusal: closing at once would reset the connection, and
with it the refusal that is on its way (RFC 9112, section 9.6)."""


class Protocol(HttpToolsProtocol):
    """One connection. What is refused here never reaches the app; the connection is closed."""

    head_bytes = HEAD_BYTES
    head_seconds = HEAD_SECONDS
    rest_seconds = REST_SECONDS

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._pending = 0  # bytes that came since the parser last handed something on
        self._in_body = False
        self._refused = False
        self._deadline: TimerHandle | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        """Begin the time that a first request may take."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._arm(self.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes, counting those that bring nothing: a head, trailer or chunk size without an end.

        The parser does not tell where in a read a part ended, so the rest of that read (256 KiB) is not
        counted.
        """
        if self._refused:
            return
        self._pending += len(data)
        super().data_received(data)
        if self._pending > self.head_bytes:
            self._refuse(Failure("common/headers-too-large"))
        elif self._pending and self._deadline is None and self._is_idle():
            # Line breaks ahead of a request begin none, but have stopped the time an idle connection has.
            self._arm(self.head_seconds)

    def on_message_begin(self) -> None:
        """A request begins: its head has to end in time."""
        if not self._refused:
            super().on_message_begin()
            self._pending = max(self._pending, 1)
            self._arm(self.head_seconds)

    def on_url(self, url: bytes) -> None:
        """Take a part of the request's target."""
        if not self._refused:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header. A trailer is dropped: merged, it would pass by what a proxy took out of the head."""
        if not (self._refused or self._in_body):
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole; too large a one goes no further."""
        self._pending = 0
        self._disarm()
        if self._refused:
            return
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > self.head_bytes:
            self._refuse(Failure("common/headers-too-large"))
            return
        super().on_headers_complete()
        self._in_body = True

    def on_body(self, body: bytes) -> None:
        """Hand a part of the body on."""
        self._pending = 0
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The body is whole."""
        self._pending = 0
        if not self._refused:
            self._in_body = False
            self._disarm()
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer was sent; of its request not much more may come (the body of one refused by its size)."""
        super().on_response_complete()
        if self._in_body and not self.pipeline:
            self._arm(self.rest_seconds)

    def shutdown(self) -> None:
        """End in order; who is still sending has to hurry."""
        super().shutdown()
        if self._in_body:
            self._arm(self.rest_seconds)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002
        """Refuse what is no HTTP, in the API's words."""
        self._refuse(Failure("common/invalid-parameters", "This is no HTTP request."))

    def _is_idle(self) -> bool:
        """Whether nothing is asked that was not answered."""
        return not self._in_body and (self.cycle is None or self.cycle.response_complete)

    def _arm(self, seconds: float) -> None:
        self._disarm()
        self._deadline = self.loop.call_later(seconds, self._too_late)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        """A connection that sent nothing is closed without a word: browsers open some in advance."""
        self._deadline = None
        if self._pending or self._in_body:
            self._refuse(Failure("common/request-timeout"))
        elif not self.transport.is_closing():
            self.transport.close()

    def _refuse(self, failure: Failure) -> None:
        """Answer and hang up; answers to earlier requests that are on their way go first, and then alone."""
        if self._refused:
            return
        self._refused = True
        self._disarm()
        if self.transport.is_closing():
            return
        cycle = self.cycle
        if not (self._in_body or self._is_idle()):
            cycle.keep_alive = False
            return
        if self._in_body:
            answered = cycle.response_started or bool(self.pipeline)
            cycle.disconnected = True
            cycle.message_event.set()
            if answered:
                self.transport.close()
                return
        self.transport.write(_written(failure))
        self._hang_up()

    def _hang_up(self) -> None:
        if not self.transport.can_write_eof():
            self.transport.close()
            return
        self.transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)


def _written(failure: Failure) -> bytes:
    """An answer as it travels."""
    body = msgspec.json.encode(failure.body())
    head = (
        f"HTTP/1.1 {failure.status} {HTTPStatus(failure.status).phrase}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\n"
        "connection: close\r\n\r\n"
    )
    return head.encode() + body
