"""A server of this profile's core for as long as a browser needs its pages, at this machine alone."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bkendctl.cli.context import Context

if TYPE_CHECKING:
    import socket

PORT = 8787
"""Where `serve` is by default: mailed links and providers' redirects lead there."""


@contextmanager
def serving(ctx: Context, at: str | None = None) -> Iterator[str]:
    """Give the base of a server: at the port of `serve` where it is free, else at any other.

    at: base that it has to have; if somebody is there already it is taken for our `serve`.
    """
    import socket

    wanted = urlsplit(at or f"http://127.0.0.1:{PORT}")
    bound = socket.socket()
    if sys.platform != "win32":
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(("127.0.0.1", wanted.port or 80))
    except OSError:
        if at is not None:
            bound.close()
            yield at
            return
        bound.bind(("127.0.0.1", 0))
    url = f"http://{wanted.hostname}:{bound.getsockname()[1]}"
    with bound, _public_url(url), _running(ctx, bound):
        yield url


@contextmanager
def _running(ctx: Context, bound: socket.socket) -> Iterator[None]:
    import uvicorn

    from bkendctl.cli.serve import open_app
    from bkendctl.client.embedded import database_of
    from bkendctl.server.protocol import Protocol

    app = open_app(database_of(ctx.profile.database).url, ctx.paths, access_log=False)
    config = uvicorn.Config(
        app, interface="asgi3", lifespan="on", http=Protocol, log_config=None, access_log=False,
        server_header=False, timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    bound.listen()
    thread = threading.Thread(target=server.run, args=([bound],), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def _public_url(url: str) -> Iterator[None]:
    """Let links of this server's mails lead to it, where nothing else was said."""
    if "BKENDCTL_PUBLIC_URL" in os.environ:
        yield
        return
    os.environ["BKENDCTL_PUBLIC_URL"] = url
    try:
        yield
    finally:
        del os.environ["BKENDCTL_PUBLIC_URL"]
