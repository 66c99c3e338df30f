"""Fake providers in a thread, one a worker: their clock is the test's, and so is what they do wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from bkendctl.fake_provider.app import FakeProviders


class Listener:
    """An ASGI app on a free port of this machine; it may be exchanged."""

    def __init__(self) -> None:
        self.app: ASGIApp | None = None
        self.asked: list[str] = []
        config = uvicorn.Config(
            self._serve, port=0, interface="asgi3", lifespan="off", log_config=None, access_log=False
        )
        self._server = uvicorn.Server(config)
        self._server.config.timeout_graceful_shutdown = 0
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.01)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.append(scope["path"])
        assert self.app is not None
        await self.app(scope, receive, send)

    def close(self) -> None:
        """End the thread."""
        self._server.should_exit = True
        self._thread.join()


class ProviderServer(Listener):
    """Both fake providers. now: seconds since 1970, set by each test."""

    def __init__(self) -> None:
        super().__init__()
        self.now: Callable[[], float] = lambda: 0.0
        self.providers = FakeProviders(self.url, now=lambda: self.now())
        self.reset()

    def reset(self, app: Any = None) -> None:
        """Serve the providers, or something else in their place."""
        self.app = app or self.providers.app()
        self.asked.clear()
