"""From an answer or a Failure to HTTP: status, headers, JSON body."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.types import Send

from bkendctl.contract.errors import Failure
from bkendctl.core.call import Call
from bkendctl.core.clock import SECOND

Headers = list[tuple[bytes, bytes]]

JSON: Headers = [
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
]
BUSY_SECONDS = 1
"""Retry-After where whoever refused named no time."""


class Answer(msgspec.Struct):
    """An HTTP answer, whole. code: the error's, None for a good one."""

    status: int
    body: bytes
    headers: Headers
    code: str | None = None


def good(call: Call, given: Any) -> Answer:
    """The answer of an operation that was done."""
    return Answer(call.operation.status, msgspec.json.encode(given), _about(call))


def refused(failure: Failure, call: Call | None = None, *, allow: str = "") -> Answer:
    """The answer to what was refused; a fault of this machine is 503, its text no caller's business."""
    if failure.status == 0:
        failure = Failure("common/unavailable")
    headers = _about(call) if call is not None else list(JSON)
    if failure.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))  # RFC 9110, section 11.6.1
    if failure.status in (429, 503):
        headers.append((b"retry-after", b"%d" % (failure.retry_after or BUSY_SECONDS)))
    if allow:
        headers.append((b"allow", allow.encode()))
    return Answer(failure.status, msgspec.json.encode(failure.body()), headers, failure.code)


def _about(call: Call) -> Headers:
    """Headers that tell of the call: what its rate limit leaves, how far the dev clock is moved."""
    headers = list(JSON)
    if call.allowance is not None:
        headers.append((b"x-ratelimit-limit", b"%d" % call.allowance.limit))
        headers.append((b"x-ratelimit-remaining", b"%d" % call.allowance.remaining))
    if call.environment is not None and call.environment.clock_offset_ms:
        offset = call.environment.clock_offset_ms // SECOND
        headers.append((b"x-dev-clock-offset", b"%d" % offset))
    return headers


async def send(answer: Answer, send: Send) -> None:
    """Send an answer."""
    if answer.status != 204:  # RFC 9110, section 8.6
        answer.headers.append((b"content-length", b"%d" % len(answer.body)))
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})
