"""Whether the process runs, whether it can serve, its figures, and the keys that check its tokens."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response

from bkendctl import __version__
from bkendctl.contract.errors import Failure
from bkendctl.core import schema
from bkendctl.core.delivery import waiting
from bkendctl.core.runtime import Core
from bkendctl.server.metrics import Metrics
from bkendctl.server.pools import Pools

JWKS_SECONDS = 60
"""How long key sets may be kept; a retired key is refused here at once, elsewhere within this time."""

_OTHER_SCHEMA = ("cli/database-older", "cli/database-newer")


class Health:
    """Answers for whoever watches the server, and for who checks its tokens."""

    def __init__(self, core: Core, pools: Pools, metrics: Metrics) -> None:
        self._core = core
        self._pools = pools
        self._metrics = metrics

    async def health(self, _request: Request) -> Response:
        """The process runs."""
        return _json({"status": "ok", "version": __version__})

    async def readiness(self, _request: Request) -> Response:
        """The process can serve: the database answers and has our schema. 503 where not.

        A SQLite file that was taken away counts as none, though connections that are open go on reading it.
        """
        try:
            await self._pools.reading.run(self._core.database.require)
            checks = {"database": True, "migrations": True}
        except Failure as failure:
            checks = {"database": failure.code in _OTHER_SCHEMA, "migrations": False}
        ready = all(checks.values())
        body = {
            "status": "ready" if ready else "not_ready",
            "checks": {name: "ok" if good else "failed" for name, good in checks.items()},
        }
        return _json(body, status=200 if ready else 503)

    async def metrics(self, _request: Request) -> Response:
        """Figures for Prometheus; without those of the outbox while the database is away."""
        try:
            mails = (await self._pools.reading.run(partial(waiting, self._core))).counts
        except Failure:
            mails = {}
        text, kind = self._metrics.text(mails)
        return Response(text, media_type=kind)

    async def jwks(self, _request: Request) -> Response:
        """Public keys that access tokens are checked with (RFC 7517)."""
        keys = await self._pools.reading.run(self._public_keys)
        return _json({"keys": keys}, cache=f"public, max-age={JWKS_SECONDS}")

    def _public_keys(self) -> list[dict[str, Any]]:
        table = schema.signing_keys
        wanted = select(table.c.kid, table.c.algorithm, table.c.public_key).where(
            table.c.status != "retired", table.c.public_key.is_not(None)
        )
        with self._core.database.read() as transaction:
            return [
                _jwk(row.kid, row.algorithm, row.public_key)
                for row in transaction.all(wanted.order_by(table.c.created_at))
            ]


def _jwk(kid: str, algorithm: str, pem: str) -> dict[str, Any]:
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from jwt.algorithms import get_default_algorithms

    jwk = get_default_algorithms()[algorithm].to_jwk(load_pem_public_key(pem.encode()), as_dict=True)
    return {**jwk, "kid": kid, "alg": algorithm, "use": "sig"}


def _json(body: Any, *, status: int = 200, cache: str = "no-store") -> Response:
    headers = {"cache-control": cache, "x-content-type-options": "nosniff"}
    return Response(msgspec.json.encode(body), status, headers, media_type="application/json")
