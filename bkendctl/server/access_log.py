"""The access log: a JSON object a line, on stderr. No query, header or body: tokens travel in them."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import TextIO

from starlette.types import Scope

from bkendctl.core.clock import Clock, wire
from bkendctl.server.note import Note


class AccessLog:
    """Writes lines. Statuses: 0 where the client hung up before an answer."""

    def __init__(self, clock: Clock, stream: TextIO | None = None) -> None:
        self._clock = clock
        self._stream = stream or sys.stderr

    def write(self, scope: Scope, note: Note, status: int, seconds: float) -> None:
        """Write the line of one request."""
        client = scope.get("client")
        line = {
            "time": wire(self._clock.now()),
            "requestId": note.request_id,
            "address": client[0] if client else None,
            "method": scope["method"],
            "path": scope["path"][:512],
            "operation": note.operation,
            "status": status,
            "code": note.code,
            "milliseconds": round(seconds * 1000, 1),
            "environment": note.environment,
            "actor": note.actor,
        }
        with suppress(OSError):  # a full disk or a reader that left is no reason to fail requests
            # ASCII alone: some readers end a line at U+2028 and the like.
            self._stream.write(json.dumps(line) + "\n")
            self._stream.flush()
