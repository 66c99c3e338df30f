"""What every request gets, whatever answers it: a request id, a line in the log, a place in the metrics."""

from __future__ import annotations

import re
import time
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from bkendctl.core.randomness import Randomness, new_id
from bkendctl.server.access_log import AccessLog
from bkendctl.server.metrics import Metrics
from bkendctl.server.note import Note

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,64}")


class Around:
    """The outermost layer of the app. A caller's own X-Request-Id is kept, so that its log and ours meet."""

    def __init__(self, app: ASGIApp, randomness: Randomness, log: AccessLog | None, metrics: Metrics) -> None:
        self._app = app
        self._randomness = randomness
        self._log = log
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and note how it ended."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        note = scope["note"] = Note(self._request_id(scope))
        status = 0

        async def sending(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", note.request_id.encode()),
                ]
            await send(message)

        started = time.perf_counter()
        self._metrics.begin()
        try:
            await self._app(scope, receive, sending)
        finally:
            seconds = time.perf_counter() - started
            self._metrics.end(scope["method"], note, status, seconds)
            if self._log is not None:
                self._log.write(scope, note, status, seconds)

    def _request_id(self, scope: Scope) -> str:
        for name, value in scope["headers"]:
            if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
                return str(value.decode("ascii"))
        return new_id(self._randomness)
