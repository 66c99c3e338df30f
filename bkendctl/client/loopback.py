"""A listener on this machine for one answer of a browser (RFC 8252, section 7.3).

At 127.0.0.1 and a port of its own. Whatever is not the answer that is waited for, other programs' tries
included, is refused and does not end the wait; after the answer nothing is taken any more.
"""

from __future__ import annotations

import threading
from hmac import compare_digest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

LINGER_SECONDS = 1.5
"""How long the closing page may take to be fetched before the listener goes."""
SILENCE_SECONDS = 5.0
"""A connection that says nothing for so long is closed; others are served meanwhile."""

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>Back to the terminal</title>
<style>body{display:grid;place-content:center;min-height:90vh;margin:0 1rem;
font:1rem/1.5 system-ui,sans-serif;text-align:center}h1{margin:0;font-size:1.5rem}</style></head>
<body><main><h1>Back to the terminal</h1><p>You can close this window.</p></main></body></html>
"""
_HEADERS = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}


class Listener:
    """Waits for one answer that brings a state along."""

    def __init__(self, state: str) -> None:
        self._state = state.encode()
        self._answer: dict[str, str] | None = None
        self._lock = threading.Lock()
        self._came = threading.Event()
        self._shown = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._host = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://{self._host}/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)
        self._thread.start()

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_given: object) -> None:
        """Close, once a browser that came has its page."""
        if self._came.is_set():
            self._shown.wait(LINGER_SECONDS)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait(self, seconds: float) -> dict[str, str] | None:
        """The answer's query once it is there, None after so many seconds."""
        self._came.wait(seconds)
        return self._answer

    def take(self, target: str, host: str) -> bool:
        """Take a request's target for the answer. False: it is none, or there was one.

        host: what the browser says it asks, so that no name that leads here by DNS passes for this machine.
        """
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        is_right = compare_digest(query.get("state", "").encode("utf-8", "replace"), self._state)
        if (
            parts.path != "/"
            or host != self._host
            or not is_right
            or not query.keys() & {"code", "error", "linked"}
        ):
            return False
        with self._lock:
            if self._answer is not None:
                return False
            self._answer = query
        self._came.set()
        return True

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        listener = self

        class Handler(BaseHTTPRequestHandler):
            """Sends the browser on to a page whose address holds nothing; refuses all else."""

            timeout = SILENCE_SECONDS
            server_version, sys_version = "bkendctl", ""

            def do_GET(self) -> None:
                """Answer."""
                if self.path == "/done" and listener._came.is_set():
                    self._respond(200, _PAGE)
                    listener._shown.set()
                elif listener.take(self.path, self.headers.get("host", "")):
                    self._respond(303, "", location="/done")
                else:
                    self._respond(400, "<!doctype html><title>Nothing here</title>")

            def _respond(self, status: int, text: str, **more: str) -> None:
                body = text.encode()
                self.send_response(status)
                headers = (
                    _HEADERS | {"content-type": "text/html; charset=utf-8", "connection": "close"} | more
                )
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_given: Any) -> None:
                """Say nothing on the terminal."""

        return Handler
