"""From an answer or a Failure to HTTP: status, headers, JSON body, or lines of JSON as they come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from starlette.types import Send

from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import File
from bkendctl.core.call import Call, Cookie
from bkendctl.core.clock import SECOND

Headers = list[tuple[bytes, bytes]]

JSON: Headers = [
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
]
NDJSON = b"application/x-ndjson"
BUSY_SECONDS = 1
"""Retry-After where whoever refused named no time."""


PART_BYTES = 65_536
"""What is gathered of a stream before it is sent."""


class Answer(msgspec.Struct):
    """An HTTP answer, whole, or in parts that are made as they are asked for.

    code: the error's, None for a good one; of a stream it is known at its end.
    """

    status: int
    body: bytes
    headers: Headers
    code: str | None = None
    parts: Iterator[bytes] | None = None


def good(call: Call, given: Any) -> Answer:
    """The answer of an operation that was done, or that gives what it is asked for bit by bit."""
    if call.operation.streams:
        headers = [(name, NDJSON if name == b"content-type" else value) for name, value in _about(call)]
        answer = Answer(call.operation.status, b"", headers)
        answer.parts = _parts(answer, given)
        return answer
    if isinstance(given, File):
        return Answer(call.operation.status, given.content, _about_file(call, given))
    return Answer(call.operation.status, msgspec.json.encode(given), _about(call))


def _about_file(call: Call, file: File) -> Headers:
    """A browser takes it for what it is said to be, runs nothing of it, and opens it in no page of ours."""
    changed = {
        b"content-type": file.content_type.encode(),
        b"cache-control": b"private, max-age=%d" % file.seconds,
    }
    return [
        *((name, changed.get(name, value)) for name, value in _about(call)),
        (b"content-security-policy", b"default-src 'none'; sandbox"),
        (b"content-disposition", b"attachment"),
        (b"cross-origin-resource-policy", b"cross-origin"),
    ]


def _parts(answer: Answer, given: Iterator[Any]) -> Iterator[bytes]:
    """Lines of JSON, many at a time; a fault on the way is the last one."""
    part = bytearray()
    try:
        for item in given:
            part += msgspec.json.encode(item)
            part += b"\n"
            if len(part) >= PART_BYTES:
                yield bytes(part)
                part.clear()
    except Failure as failure:
        part += last_line(answer, failure)
    except Exception:  # what was read before goes first
        if part:
            yield bytes(part)
        raise
    if part:
        yield bytes(part)


def last_line(answer: Answer, failure: Failure) -> bytes:
    """What ends a stream that cannot go on."""
    told = refused(failure)
    answer.code = told.code
    return told.body + b"\n"


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
    headers += [(b"set-cookie", cookie(each)) for each in call.cookies]
    if call.environment is not None and call.environment.clock_offset_ms:
        offset = call.environment.clock_offset_ms // SECOND
        headers.append((b"x-dev-clock-offset", b"%d" % offset))
    return headers


def cookie(given: Cookie) -> bytes:
    """A cookie for no script, and for no request of another site but a link or redirect to us."""
    secure = "; Secure" if given.is_secure else ""
    kept = f"Max-Age={given.seconds}; Path=/; HttpOnly; SameSite=Lax{secure}"
    return f"{given.name}={given.value}; {kept}".encode("ascii")


async def send(answer: Answer, send: Send) -> None:
    """Send an answer."""
    if answer.status != 204 and answer.parts is None:  # RFC 9110, section 8.6; no end is known of a stream
        answer.headers.append((b"content-length", b"%d" % len(answer.body)))
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})
