"""A real server in a thread for the operation tests: one a worker, its core exchanged."""

from __future__ import annotations

import threading
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from bkendctl.client.http import Remote
from bkendctl.contract.operation import Operation, Raw
from bkendctl.core.call import Source
from bkendctl.core.runtime import Core
from bkendctl.server.app import make_app
from bkendctl.server.pools import Pools
from bkendctl.server.protocol import Protocol

PATIENCE_SECONDS = 60


class HttpServer:
    """uvicorn with our protocol on a free port. The tests' sources are told by X-Forwarded-For."""

    def __init__(self, *, protocol: type[Protocol] = Protocol, proxies: str = "127.0.0.1") -> None:
        self._pools = Pools(patience=PATIENCE_SECONDS)  # no load is shed, however slow the machine
        self.app: ASGIApp | None = None
        config = uvicorn.Config(
            self._serve,
            port=0,
            interface="asgi3",
            lifespan="off",
            http=protocol,
            log_config=None,
            access_log=False,
            server_header=False,
            forwarded_allow_ips=proxies,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.01)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._remote = Remote(self.url, timeout_seconds=PATIENCE_SECONDS)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)

    def use(self, core: Core, **how: Any) -> None:
        """Serve another core from here on. how: what make_app takes."""
        self.app = make_app(core, **({"pools": self._pools} | how))

    def execute(self, operation: Operation[Any, Any], raw: Raw, source: Source | None) -> Any:
        """Ask for an operation as the client does, from a source."""
        if source is not None:
            told = {
                "x-forwarded-for": source.ip_address,
                "user-agent": source.user_agent,
                "x-request-id": source.request_id,
                "cookie": "; ".join(f"{name}={value}" for name, value in source.cookies.items()) or None,
            }
            raw.headers |= {name: value for name, value in told.items() if value is not None}
        return self._remote.execute(operation, raw)

    def close(self) -> None:
        """End the server and its threads."""
        self._remote.close()
        self._server.should_exit = True
        self._thread.join()
        self._pools.close()
