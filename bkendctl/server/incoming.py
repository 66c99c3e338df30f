"""From an HTTP request to a raw one: path, query, headers, JSON body. Faults in them are told later."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from msgspec import UNSET
from starlette.types import Receive, Scope

from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import File, Operation, Raw, placement

BODY_BYTES = 1_048_576
"""jsonBodyMaxBytes of the contract (x-defaults)."""
FORM_BYTES = 65_536
"""As much for what a browser posts: a password has at most 1024 characters."""
BODY_SECONDS = 30.0
"""How long a whole body may take; one byte a second is an attack."""


COOKIE_BYTES = 8_192


class Gone(Exception):
    """The client hung up before its request was whole."""


async def read(
    scope: Scope,
    receive: Receive,
    operation: Operation[Any, Any],
    path: dict[str, str],
    *,
    seconds: float = BODY_SECONDS,
) -> Raw:
    """Give a request as it travelled; a body that cannot be read is the raw request's fault.

    seconds: how long the body may take.

    Failures: common/request-timeout. Gone.
    """
    raw = Raw(path=path, query=_query(scope["query_string"]), headers=headers_of(scope))
    if "body" in placement(operation).values():
        try:
            raw.body = await _body(raw.headers, receive, seconds)
        except Failure as failure:
            if failure.code == "common/request-timeout":
                raise
            raw.fault = failure
    return raw


def headers_of(scope: Scope) -> dict[str, str]:
    """Header fields by name in lower case; repeated ones are joined (RFC 9110, section 5.3)."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        field, text = name.decode("latin-1"), value.decode("latin-1")
        found[field] = f"{found[field]}, {text}" if field in found else text
    return found


def cookies_of(scope: Scope) -> dict[str, str]:
    """The cookies of a request; of repeated names the first counts, which is the most specific path's."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        if name == b"cookie":
            for part in value[:COOKIE_BYTES].decode("latin-1").split(";"):
                key, _, text = part.strip().partition("=")
                found.setdefault(key, text)
    return found


def _query(text: bytes) -> dict[str, str]:
    """Names and values; of repeated names the last wins, as in the body."""
    if not text:
        return {}
    return dict(parse_qsl(text.decode("latin-1"), keep_blank_values=True, errors="surrogateescape"))


async def form(headers: dict[str, str], receive: Receive, seconds: float) -> bytes:
    """The fields of a form as they were sent.

    Failures: common/payload-too-large, common/unsupported-media-type, common/request-timeout.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Failure("common/unsupported-media-type")
    return await _whole(headers, receive, seconds, FORM_BYTES)


async def file(
    headers: dict[str, str], receive: Receive, operation: Operation[Any, Any], seconds: float
) -> File:
    """A file that is the whole content of a request.

    Failures: the operation's for one that is too large, common/unsupported-media-type where it is encoded
    once more, common/request-timeout.
    """
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise Failure("common/unsupported-media-type")
    try:
        content = await _whole(headers, receive, seconds, operation.file_bytes)
    except Failure as failure:
        raise (
            Failure(operation.too_large) if failure.code == "common/payload-too-large" else failure
        ) from None
    return File(content=content, content_type=headers.get("content-type", ""))


async def _body(headers: dict[str, str], receive: Receive, seconds: float) -> Any:
    """The decoded body, UNSET when none was sent.

    Failures: common/payload-too-large, common/unsupported-media-type, common/request-timeout,
    common/invalid-parameters.
    """
    if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
        return UNSET
    content = await _whole(headers, receive, seconds, BODY_BYTES)
    if not content:
        return UNSET
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" or headers.get("content-encoding", "identity").lower() != "identity":
        raise Failure("common/unsupported-media-type")
    return json_of(content)


async def _whole(headers: dict[str, str], receive: Receive, seconds: float, most: int) -> bytes:
    if int(headers.get("content-length", "0")) > most:
        raise Failure("common/payload-too-large")
    try:
        async with asyncio.timeout(seconds):
            return await _collected(receive, most)
    except TimeoutError:
        raise Failure("common/request-timeout") from None


async def _collected(receive: Receive, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        parts.append(message["body"])
        size += len(message["body"])
        if size > most:
            raise Failure("common/payload-too-large")
        if not message["more_body"]:
            return b"".join(parts)


def json_of(content: bytes) -> Any:
    """Decode JSON (RFC 8259): of repeated names the last wins; no NaN, no BOM. common/invalid-parameters."""
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        reason = f"is not valid JSON: {str(error)[:200]}"
    except RecursionError:
        reason = "is nested too deeply"
    raise Failure("common/invalid-parameters", details={"": [reason]})
