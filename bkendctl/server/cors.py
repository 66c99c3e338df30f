"""Browsers of other origins (Fetch standard, CORS): admitted by the project's corsOrigins (decision 24).

Never with credentials: tokens travel in headers that the page's own code sets.
"""

from __future__ import annotations

from sqlalchemy import select
from starlette.types import Scope

from bkendctl.contract.errors import Failure
from bkendctl.core import schema
from bkendctl.core.call import Call
from bkendctl.core.runtime import Core
from bkendctl.server.outgoing import Answer, Headers
from bkendctl.server.pools import Pools

ALLOWED_HEADERS = b"authorization, content-type, idempotency-key, x-api-key, x-request-id"
EXPOSED_HEADERS = b"retry-after, x-dev-clock-offset, x-ratelimit-limit, x-ratelimit-remaining, x-request-id"
PREFLIGHT_SECONDS = 600


class Cors:
    """Decides about origins. A preflight carries no key, so any environment that admits the origin suffices;
    what the page may read in the end is for the environment of the key."""

    def __init__(self, core: Core, pools: Pools) -> None:
        self._core = core
        self._pools = pools

    def origin_of(self, scope: Scope) -> str | None:
        """The origin a browser names."""
        for name, value in scope["headers"]:
            if name == b"origin":
                return str(value.decode("latin-1"))
        return None

    async def preflight(self, origin: str | None, allow: str) -> Answer:
        """Answer OPTIONS."""
        headers: Headers = [(b"allow", f"{allow}, OPTIONS".encode()), (b"vary", b"origin")]
        if origin is not None and await self._somebody_admits(origin):
            headers += [
                (b"access-control-allow-origin", origin.encode("latin-1")),
                (b"access-control-allow-methods", allow.encode()),
                (b"access-control-allow-headers", ALLOWED_HEADERS),
                (b"access-control-max-age", b"%d" % PREFLIGHT_SECONDS),
            ]
        return Answer(204, b"", headers)

    async def admit(self, origin: str | None, call: Call | None, answer: Answer) -> None:
        """Let a page of an admitted origin read an answer."""
        answer.headers.append((b"vary", b"origin"))
        if origin is None:
            return
        if call is None or call.environment is None:
            admitted = await self._somebody_admits(origin)
        else:
            admitted = admits(call.environment.cors_origins, call.environment.type, origin)
        if admitted:
            answer.headers.append((b"access-control-allow-origin", origin.encode("latin-1")))
            answer.headers.append((b"access-control-expose-headers", EXPOSED_HEADERS))

    async def _somebody_admits(self, origin: str) -> bool:
        """A database that does not answer admits nobody: the answer stays a 503."""
        try:
            return await self._pools.reading.run(lambda: self._look(origin))
        except Failure:
            return False

    def _look(self, origin: str) -> bool:
        environments, projects = schema.environments, schema.projects
        wanted = select(environments.c.type, projects.c.cors_origins).join(
            projects, projects.c.id == environments.c.project_id
        )
        with self._core.database.read() as transaction:
            return any(admits(row.cors_origins, row.type, origin) for row in transaction.all(wanted))


def admits(origins: list[str], environment_type: str, origin: str) -> bool:
    """Whether a list admits an origin; an empty one admits any in dev and none elsewhere."""
    if not origins:
        return environment_type == "dev"
    return "*" in origins or origin in origins
