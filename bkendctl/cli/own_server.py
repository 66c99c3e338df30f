"""A server of this profile's core for as long as a browser needs its pages, at this machine alone."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from bkendctl.cli.context import Context

PORT = 8787
"""Where `serve` is by default: mailed links and providers' redirects lead there."""


@contextmanager
def serving(ctx: Context) -> Iterator[str]:
    """Give the base of a server: at the port of `serve` where it is free, else at any other."""
    import socket

    import uvicorn

    from bkendctl.cli.serve import open_app
    from bkendctl.client.embedded import database_of
    from bkendctl.server.protocol import Protocol

    bound = socket.socket()
    try:
        bound.bind(("127.0.0.1", PORT))
    except OSError:
        bound.bind(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    with bound, _public_url(url):
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
            yield url
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
