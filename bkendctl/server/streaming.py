"""Sends an answer in parts, for as long as somebody listens.

Each part is made in a thread, and not before the one ahead of it is on its way.
"""

from __future__ import annotations

import asyncio
from functools import partial

from starlette.types import Receive, Send

from bkendctl.contract.errors import Failure
from bkendctl.server.outgoing import Answer, last_line
from bkendctl.server.pools import Pool


async def stream(answer: Answer, receive: Receive, send: Send, pool: Pool) -> None:
    """Send the parts of an answer; a client that hung up ends it, a slow one holds no thread."""
    parts = answer.parts
    assert parts is not None
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    gone = asyncio.create_task(_hung_up(receive))
    try:
        while not gone.done():
            try:
                part = await pool.run(partial(next, parts, None))
            except Failure as failure:  # no thread in time
                part, parts = last_line(answer, failure), iter(())
            if part is None:
                await send({"type": "http.response.body", "body": b""})
                return
            await send({"type": "http.response.body", "body": part, "more_body": True})
    finally:
        gone.cancel()


async def _hung_up(receive: Receive) -> None:
    """Return when the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
