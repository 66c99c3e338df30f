"""The ASGI app: the contract's paths and the few routes that are no operations."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from bkendctl.contract.errors import Failure
from bkendctl.core.occupancy import serving
from bkendctl.core.runtime import Core
from bkendctl.server import outgoing
from bkendctl.server.access_log import AccessLog
from bkendctl.server.around import Around
from bkendctl.server.health import Health
from bkendctl.server.metrics import Metrics
from bkendctl.server.operations import Operations
from bkendctl.server.pools import Pools

_CODES = {404: "common/not-found", 405: "common/method-not-allowed"}


def make_app(core: Core, *, log: AccessLog | None = None, pools: Pools | None = None) -> ASGIApp:
    """Make the app over a core whose database fits. log: None for no access log."""
    pools = pools or Pools()
    metrics = Metrics()
    health = Health(core, pools, metrics)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        with serving(core.database):
            yield
            pools.close()
            core.database.close()

    app = Starlette(
        routes=[
            Mount("/v1", Operations(core, pools)),
            Route("/healthz", health.health),
            Route("/readyz", health.readiness),
            Route("/metrics", health.metrics),
            Route("/.well-known/jwks.json", health.jwks),
        ],
        exception_handlers={404: _refused, 405: _refused, 500: _failed},
        lifespan=lifespan,
    )
    return Around(app, core.randomness, log, metrics)


async def _refused(request: Request, error: Any) -> Response:
    """What Starlette's routes refuse, in the API's words."""
    return _response(request, Failure(_CODES[error.status_code]), dict(error.headers or {}))


async def _failed(request: Request, _error: Exception) -> Response:
    """A fault of ours; the server logs its traceback, the caller learns nothing of it."""
    return _response(request, Failure("common/internal-error"), {})


def _response(request: Request, failure: Failure, headers: dict[str, str]) -> Response:
    answer = outgoing.refused(failure)
    request.scope["note"].code = failure.code
    sent = {name.decode(): value.decode() for name, value in answer.headers} | headers
    return Response(answer.body, answer.status, sent)
