"""The contract over HTTP: one endpoint that finds the operation of a request and does it in a thread."""

from __future__ import annotations

from functools import partial
from ipaddress import ip_address

from starlette.types import Receive, Scope, Send

from bkendctl.contract import catalogue
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Raw
from bkendctl.core.call import Call, Source
from bkendctl.core.dispatch import UNDONE, admit, answer, is_light, look
from bkendctl.core.runtime import Core
from bkendctl.server import incoming, outgoing
from bkendctl.server.cors import Cors
from bkendctl.server.note import Note
from bkendctl.server.outgoing import Answer
from bkendctl.server.pools import Pools
from bkendctl.server.streaming import stream


class Operations:
    """An ASGI endpoint for every path of the contract."""

    def __init__(self, core: Core, pools: Pools, *, body_seconds: float = incoming.BODY_SECONDS) -> None:
        self._body_seconds = body_seconds
        self._core = core
        self._pools = pools
        self._cors = Cors(core, pools)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. A client that hung up is answered nothing."""
        try:
            given = await self._answer(scope, receive)
        except incoming.Gone:
            return
        try:
            if given.parts is None or scope["method"] == "HEAD":
                await outgoing.send(given, send)
            else:
                await stream(given, receive, send, self._pools.streaming)
        finally:
            scope["note"].code = given.code

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        offered = catalogue.at(scope["raw_path"].decode("ascii"))
        if not offered:
            return outgoing.refused(Failure("common/not-found"))
        allow = ", ".join(sorted(offered))
        origin = self._cors.origin_of(scope)
        if scope["method"] == "OPTIONS":
            return await self._cors.preflight(origin, allow)
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        operation, path = offered.get(method, (None, {}))
        if operation is None or (scope["method"] == "HEAD" and operation.writes):
            given = outgoing.refused(Failure("common/method-not-allowed"), allow=allow)
            await self._cors.admit(origin, None, given)
            return given
        call = Call(self._core, operation, source_of(scope))
        try:
            raw = await self._read(scope, receive, call, path)
            done = self._looked_up(call, raw)
            if done is None:
                done = await self._pools.of(operation, self._core).run(partial(_done, call, raw))
            given = done
        except Failure as failure:
            given = outgoing.refused(failure, call)
        await self._cors.admit(origin, call, given)
        scope["note"].take(call)
        return given

    async def _read(self, scope: Scope, receive: Receive, call: Call, path: dict[str, str]) -> Raw:
        """The request as it travelled; nobody waits for a file that would be refused anyway."""
        seconds = self._body_seconds
        raw = await incoming.read(scope, receive, call.operation, path, seconds=seconds)
        if call.operation.file_bytes:
            try:
                await self._pools.reading.run(partial(admit, call, raw))
                raw.file = await incoming.file(raw.headers, receive, call.operation, seconds)
            except Failure as failure:
                if failure.code in ("common/request-timeout", "common/unavailable"):
                    raise
                raw.fault = failure  # told once the request is counted
        return raw

    def _looked_up(self, call: Call, raw: Raw) -> Answer | None:
        """Answer a light operation on a file here and now: a hand-over to a thread costs more.

        Who reads a file in WAL mode waits for no writer; a server's answer would be waited for.
        """
        if self._core.database.file is None or not is_light(call.operation):
            return None
        found = look(call, raw)
        return None if found is UNDONE else outgoing.good(call, found)


def _done(call: Call, raw: Raw) -> Answer:
    """Do the operation and write its answer, in a thread."""
    return outgoing.good(call, answer(call, raw))


def _address(text: str) -> str:
    """An address as it was told; 0.0.0.0 for what a proxy wrote that is none."""
    try:
        ip_address(text)
    except ValueError:
        return "0.0.0.0"  # noqa: S104 - not bound to, only noted
    return text


def source_of(scope: Scope) -> Source:
    """Where a request comes from: the peer, or whom a configured proxy names (uvicorn has put it there)."""
    note: Note = scope["note"]
    client = scope.get("client")
    agent = next((value for name, value in scope["headers"] if name == b"user-agent"), b"")
    return Source(
        ip_address=_address(client[0]) if client else None,
        user_agent=agent.decode("latin-1")[:512] or None,
        request_id=note.request_id,
        cookies=incoming.cookies_of(scope),
    )
