"""uvicorn's HTTP protocol with limits of time and size before a request is whole, and errors as the API's."""

from __future__ import annotations

from asyncio import BaseTransport, TimerHandle
from http import HTTPStatus
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bkendctl.contract.errors import Failure

HEAD_BYTES = 32_768
"""Request line and headers together; most servers take 8 to 64 KiB."""
HEAD_SECONDS = 10.0
"""From the first byte of a request, or the connection, to the end of its headers."""


class Protocol(HttpToolsProtocol):
    """One connection. What is refused here never reaches the app; the connection is closed."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._head = 0
        self._in_head = True
        self._refused = False
        self._deadline: TimerHandle | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        """Begin the time that a first request may take."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes, counting those of a head that has not ended."""
        if self._refused:
            return
        if self._in_head:
            self._head += len(data)
        super().data_received(data)
        # A header without an end is never handed on, so what came is counted by itself.
        if self._in_head and self._head > HEAD_BYTES:
            self._refuse(Failure("common/headers-too-large"))

    def on_message_begin(self) -> None:
        """A request begins: its head has to end in time."""
        super().on_message_begin()
        self._in_head, self._head = True, max(self._head, 1)
        self._arm()

    def on_headers_complete(self) -> None:
        """The head is whole; too large a one goes no further."""
        self._in_head, self._head = False, 0
        self._disarm()
        if self._refused:
            return
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > HEAD_BYTES:
            self._refuse(Failure("common/headers-too-large"))
            return
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Hand a part of the body on."""
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The body is whole."""
        if not self._refused:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002
        """Refuse what is no HTTP, in the API's words."""
        self._refuse(Failure("common/invalid-parameters", "This is no HTTP request."))

    def _arm(self) -> None:
        self._disarm()
        self._deadline = self.loop.call_later(HEAD_SECONDS, self._too_late)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        """A connection that sent nothing is closed without a word: browsers open some in advance."""
        if self._head:
            self._refuse(Failure("common/request-timeout"))
        elif not self.transport.is_closing():
            self.transport.close()

    def _refuse(self, failure: Failure) -> None:
        """Answer and hang up, unless an answer to an earlier request is on its way."""
        self._refused = True
        self._disarm()
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            body = msgspec.json.encode(failure.body())
            phrase = HTTPStatus(failure.status).phrase
            head = (
                f"HTTP/1.1 {failure.status} {phrase}\r\ncontent-type: application/json\r\n"
                f"content-length: {len(body)}\r\ncache-control: no-store\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(head.encode() + body)
        self.transport.close()
