"""Reads what a server answered: the contract's types, or its error body as a Failure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import UnionType
from typing import Any, Union, get_args, get_origin

import msgspec
from msgspec import Struct

from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Operation

LINE_BYTES = 1_048_576
"""As much as a whole body may have that is sent to a server."""
_WITHOUT_BODY = {
    408: "common/request-timeout",
    413: "common/payload-too-large",
    429: "auth/too-many-requests",
    500: "common/internal-error",
    502: "common/unavailable",
    503: "common/unavailable",
    504: "common/unavailable",
}


class _Error(Struct):
    code: str
    message: str
    details: dict[str, list[str]] | None = None


class _ErrorBody(Struct):
    error: _Error


def response_of(operation: Operation[Any, Any], content: bytes) -> Any:
    """The response of an operation. cli/unexpected-answer for anything else.

    bkend's own answers lack the fields that are our extensions: those become null.
    """
    try:
        body = msgspec.json.decode(content or b"{}")
        kind = _kind_of(body, operation.response)
        try:
            return msgspec.convert(body, kind)
        except msgspec.ValidationError:
            if _is_struct(kind) and isinstance(body, dict) and not _fit(body, kind)[1]:
                raise  # nothing of what was asked for
            return _lenient(body, kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Failure(
            "cli/unexpected-answer", f"{operation.method} {operation.path} answered something else: {error}."
        ) from None


def line_of(operation: Operation[Any, Any], line: bytes) -> Any:
    """One response of a stream; an error body, its last line, is raised. cli/unexpected-answer."""
    try:
        error = msgspec.json.decode(line, type=_ErrorBody).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return response_of(operation, line)
    raise Failure(error.code, error.message, details=error.details)


def lines(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Lines of a stream, empty ones left out. cli/unexpected-answer for one that does not end.

    Broken at line feeds alone: JSON may hold U+2028 and the like as they are.
    """
    rest = b""
    for part in parts:
        *whole, rest = (rest + part).split(b"\n")
        yield from filter(None, whole)
        if len(rest) > LINE_BYTES:
            raise Failure("cli/unexpected-answer", f"A line of the answer is longer than {LINE_BYTES} bytes.")
    if rest:
        yield rest


def failure_of(
    operation: Operation[Any, Any], status: int, content: bytes, *, retry_after: int | None
) -> Failure:
    """What a status of 400 or more means. An answer without the API's error body is not the API's."""
    try:
        error = msgspec.json.decode(content, type=_ErrorBody).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        error = None
    unknown = error is None or error.code == "common/not-found"
    if status in (404, 405, 501) and unknown and "common/not-found" not in operation.all_errors:
        return Failure(
            "cli/not-offered",
            f"This server does not offer {operation.method} {operation.path}.",
            hint="bkendctl serve offers all of it",
        )
    if error is None:
        code = _WITHOUT_BODY.get(status)
        if code is None:
            return Failure("cli/unexpected-answer", f"The server answered {status} without saying why.")
        return Failure(code, retry_after=retry_after)
    failure = Failure(error.code, error.message, details=error.details, retry_after=retry_after)
    failure.status = status
    return failure


def _kind_of(body: Any, wanted: Any) -> Any:
    """Of a union of Structs, which have no tags on the wire, the one that a body fits best."""
    if get_origin(wanted) not in (Union, UnionType):
        return wanted
    kinds = [kind for kind in get_args(wanted) if _is_struct(kind)]
    if not isinstance(body, dict) or not kinds:
        return wanted
    return max(kinds, key=lambda kind: _fit(body, kind))


def _is_struct(kind: Any) -> bool:
    """Whether a type is a Struct, or one of a generic kind such as Page[User]."""
    plain = get_origin(kind) or kind
    return isinstance(plain, type) and issubclass(plain, Struct)


def _fit(body: dict[str, Any], kind: type[Struct]) -> tuple[bool, int]:
    fields = msgspec.structs.fields(kind)
    whole = all(field.encode_name in body for field in fields if field.required)
    return whole, sum(field.encode_name in body for field in fields)


def _lenient(body: Any, wanted: Any) -> Any:
    """Convert with null for required fields that are missing; a field that is there has to fit."""
    kind = _kind_of(body, wanted)
    if not (isinstance(body, dict) and _is_struct(kind)):
        return msgspec.convert(body, wanted)
    values = {}
    for field in msgspec.structs.fields(kind):
        if field.encode_name in body:
            values[field.name] = _member(body[field.encode_name], field.type)
        elif field.required:
            values[field.name] = None
    return kind(**values)


def _member(value: Any, wanted: Any) -> Any:
    """A field's value; what is in a list is read by itself."""
    arguments = get_args(wanted)
    if isinstance(value, list) and len(arguments) == 1:
        return [_lenient(item, arguments[0]) for item in value]
    return _lenient(value, wanted)
