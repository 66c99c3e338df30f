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
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    gone = asyncio.create_task(_hung_up(receive))
    try:
        while not gone.done() and (part := await _next(answer, pool)) is not None:
            await _send_part(part, send)
    except Failure as failure:  # no thread in time
        await _send_part(last_line(answer, failure), send)
    except Exception:
        # A fault of ours: the client is told, the server logs it and cuts the connection.
        await _send_part(last_line(answer, Failure("common/internal-error")), send)
        raise
    finally:
        gone.cancel()
    await send({"type": "http.response.body", "body": b""})


async def _next(answer: Answer, pool: Pool) -> bytes | None:
    assert answer.parts is not None
    return await pool.run(partial(next, answer.parts, None))


async def _send_part(part: bytes, send: Send) -> None:
    await send({"type": "http.response.body", "body": part, "more_body": True})


async def _hung_up(receive: Receive) -> None:
    """Return when the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
