"""What waits on the browser's own machine, as a terminal does: it notes the paths it is asked for."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue


class Listener:
    """An HTTP server at a free port of 127.0.0.1."""

    def __init__(self) -> None:
        self.paths: Queue[str] = Queue()
        paths = self.paths

        class Handler(BaseHTTPRequestHandler):
            """Answers everything alike."""

            def do_GET(self) -> None:
                """Note the path."""
                if not self.path.startswith("/favicon"):
                    paths.put(self.path)
                body = b"<!doctype html><title>back</title><h1>back</h1>"
                self.send_response(200)
                self.send_header("content-type", "text/html")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_given: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
