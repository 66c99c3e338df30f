"""The ASGI app: the contract's paths and the few routes that are no operations."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bkendctl.contract.errors import Failure
from bkendctl.core.occupancy import serving
from bkendctl.core.runtime import Core
from bkendctl.server import outgoing, reference
from bkendctl.server.access_log import AccessLog
from bkendctl.server.around import Around
from bkendctl.server.health import Health
from bkendctl.server.incoming import BODY_SECONDS
from bkendctl.server.infrastructure import ROUTES
from bkendctl.server.mailing import delivering
from bkendctl.server.metrics import Metrics
from bkendctl.server.openapi import document
from bkendctl.server.operations import Operations
from bkendctl.server.pages.routes import Pages
from bkendctl.server.pools import Pools
from bkendctl.server.purging import purging

_CODES = {404: "common/not-found", 405: "common/method-not-allowed"}


def make_app(
    core: Core,
    *,
    log: AccessLog | None = None,
    pools: Pools | None = None,
    body_seconds: float = BODY_SECONDS,
    more: Sequence[BaseRoute] = (),
) -> ASGIApp:
    """Make the app over a core whose database fits. log: None for no access log.

    more: routes beside ours, as of fake providers.
    """
    pools = pools or Pools()
    metrics = Metrics()
    if core.leaks is not None:
        core.leaks.tell = metrics.looked_for_leak
    health = Health(core, pools, metrics)
    handlers = _handlers(health)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        with serving(core.database), delivering(core), purging(core):
            yield
            pools.close()
            core.database.close()

    operations = ServerErrorMiddleware(Operations(core, pools, body_seconds=body_seconds), handler=_failed)
    pages = Pages(core, pools, body_seconds=body_seconds).routes(operations)
    app = Starlette(
        routes=[
            *pages,
            *(Route(route.path, handlers[route.operation_id]) for route in ROUTES),
            Route("/docs", _reference),
            Route("/docs/reference.css", _reference_style),
            *more,
        ],
        exception_handlers={404: _refused, 405: _refused, 500: _failed},
        lifespan=lifespan,
    )
    # A path with one slash too many is unknown; the redirect would go to whatever host the caller names.
    app.router.redirect_slashes = False
    return Around(_Front(operations, pages, app), core.randomness, log, metrics)


class _Front:
    """Hands the contract's paths to the operations by itself.

    On its way through Starlette's layers and routes a short request would spend a fifth of its time.
    """

    def __init__(self, operations: ASGIApp, pages: Sequence[Route], app: ASGIApp) -> None:
        self._operations = operations
        self._app = app
        self._of_pages = [page.path_regex for page in pages if page.path.startswith("/v1/")]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on."""
        path = scope["path"] if scope["type"] == "http" else ""
        is_ours = path == "/v1" or path.startswith("/v1/")
        if is_ours and not any(page.match(path) for page in self._of_pages):
            await self._operations(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _handlers(health: Health) -> dict[str, Any]:
    """Who answers the contract's routes that are no operations."""
    return {
        "get_health": health.health,
        "get_readiness": health.readiness,
        "get_metrics": health.metrics,
        "get_jwks": health.jwks,
        "get_openapi": _openapi,
    }


async def _openapi(_request: Request) -> Response:
    """The contract, as this server offers it."""
    return Response(_document(), headers={"cache-control": "no-cache"}, media_type="application/json")


async def _reference(_request: Request) -> Response:
    """The contract, to read."""
    return Response(
        _page(), headers=_PAGE | {"content-security-policy": reference.POLICY}, media_type="text/html"
    )


async def _reference_style(_request: Request) -> Response:
    return Response(reference.css(), headers=_PAGE, media_type="text/css")


_PAGE = {"cache-control": "no-cache", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}


@cache
def _page() -> bytes:
    return reference.html()


@cache
def _document() -> bytes:
    return msgspec.json.encode(document())


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
