"""A server reached over HTTP: an operation out, its response or its Failure back. Knows no credentials.

What is asked again by itself: what only reads, what carries an idempotency key, and what never left.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from bkendctl import __version__
from bkendctl.client.reading import failure_of, line_of, lines, response_of
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import File, Operation, Raw, url_path

if TYPE_CHECKING:
    import httpx

TIMEOUT_SECONDS = 15.0
PAUSES = (0.2, 0.8)
"""Seconds before the second and the third try."""
LONGEST_PAUSE = 5
"""A server that asks for more patience is told about instead of waited for."""
LONGEST_ANSWER = 16 * 1_048_576
"""Bytes of an answer that is read whole: several times the largest page there is."""
PIECE_BYTES = 65_536
"""Of a file that is sent."""
_PASSING = (502, 503, 504)


class Remote:
    """Calls a server. url as profiles hold it: https, or http to this machine."""

    def __init__(
        self,
        url: str,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url = url.rstrip("/")
        self._timeout = timeout_seconds
        self._pause = pause

    @cached_property
    def _client(self) -> httpx.Client:
        import ssl

        import httpx

        agent = {"user-agent": f"bkendctl/{__version__}"}
        if self._url.startswith("http:"):
            # Only to this machine: no certificates to load, and no proxy that would see tokens in clear.
            bare = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            return httpx.Client(timeout=self._timeout, headers=agent, verify=bare, trust_env=False)
        return httpx.Client(timeout=self._timeout, headers=agent)

    def execute(self, operation: Operation[Any, Any], raw: Raw) -> Any:
        """Do an operation at the server. Of one that streams the responses come as they are asked for.

        Failures: the server's own; cli/network, cli/not-offered, cli/unexpected-answer.
        """
        request = self._request(operation, raw)
        repeatable = not operation.changes or "idempotency-key" in raw.headers
        for pause in PAUSES:
            given = self._send(request, repeatable=repeatable, stream=operation.streams)
            if given is not None and not (repeatable and given.status_code in _PASSING):
                return self._result(operation, given)
            wait = max(pause, _asked_patience(given))
            if given is not None and wait > LONGEST_PAUSE:
                return self._result(operation, given)
            self._pause(wait)
        last = self._send(request, repeatable=False, final=True, stream=operation.streams)
        assert last is not None
        return self._result(operation, last)

    def close(self) -> None:
        """Close the connections, if there are any."""
        if "_client" in self.__dict__:
            self._client.close()

    def _request(self, operation: Operation[Any, Any], raw: Raw) -> httpx.Request:
        _require_sendable(raw.headers)
        headers = dict(raw.headers)
        content: bytes | _Told | None = None
        if raw.body is not UNSET:
            headers["content-type"] = "application/json"
            content = _json(raw.body)
        if raw.file is not UNSET:
            content = _Told(raw)
            headers |= {
                "content-type": raw.file.content_type,
                "content-length": str(len(raw.file.content)),
            }
        try:
            return self._client.build_request(
                operation.method,
                self._url + url_path(operation, raw),
                params=raw.query or None,
                headers=[(name.encode(), value.encode()) for name, value in headers.items()],
                content=content,
            )
        except UnicodeEncodeError:
            raise Failure(
                "common/invalid-parameters", details={"": ["must be well-formed Unicode"]}
            ) from None

    def _send(
        self, request: httpx.Request, *, repeatable: bool, final: bool = False, stream: bool = False
    ) -> httpx.Response | None:
        """Send once; None where it may be sent again. stream: a good answer is not read yet.

        Failures: cli/network, cli/unexpected-answer.
        """
        import httpx

        try:
            given = self._client.send(request, stream=True)
            return given if stream and given.is_success else self._whole(given)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            if final:
                raise self._unreachable(error) from None
        except httpx.TransportError as error:
            if final or not repeatable:
                raise self._unreachable(error) from None
        except httpx.DecodingError as error:
            raise self._unreadable(error) from None
        return None

    def _whole(self, given: httpx.Response) -> httpx.Response:
        """Read an answer to its end. cli/unexpected-answer for one that has none."""
        import httpx

        parts, count = [], 0
        with closing(given):
            for part in given.iter_bytes():
                parts.append(part)
                count += len(part)
                if count > LONGEST_ANSWER:
                    message = f"{self._url} answered with something longer than {LONGEST_ANSWER} bytes."
                    raise Failure("cli/unexpected-answer", message)
        # As it came, but for the coding, which is undone.
        headers = [each for each in given.headers.multi_items() if each[0] != "content-encoding"]
        return httpx.Response(given.status_code, headers=headers, content=b"".join(parts))

    def _unreadable(self, error: Exception) -> Failure:
        return Failure("cli/unexpected-answer", f"{self._url} answered what cannot be read: {error}.")

    def _unreachable(self, error: Exception) -> Failure:
        import httpx

        if isinstance(error, httpx.TimeoutException):
            why = f"no answer within {self._timeout:g} s"
        else:
            why = str(error) or type(error).__name__
        return Failure("cli/network", f"{self._url} cannot be reached: {why}.")

    def _result(self, operation: Operation[Any, Any], given: httpx.Response) -> Any:
        if given.is_success and operation.streams:
            stream = self._stream(operation, given)
            next(stream)
            return stream
        if given.is_success and operation.response is File:
            return File(content=given.content, content_type=given.headers.get("content-type", ""))
        if given.is_success:
            return response_of(operation, given.content)
        if given.has_redirect_location:
            raise Failure(
                "cli/unexpected-answer",
                f"{self._url} leads to another address ({given.headers['location'][:200]}).",
                hint="add a profile with that address: bkendctl profiles add NAME --url URL",
            )
        patience = _asked_patience(given)
        raise failure_of(operation, given.status_code, given.content, retry_after=patience or None)

    def _stream(self, operation: Operation[Any, Any], given: httpx.Response) -> Iterator[Any]:
        """Responses as they come, after a None: once begun, the answer is closed with whoever drops this."""
        import httpx

        with closing(given):
            yield None
            try:
                for line in lines(given.iter_bytes()):
                    yield line_of(operation, line)
            except httpx.TransportError as error:
                raise self._unreachable(error) from None
            except httpx.DecodingError as error:
                raise self._unreadable(error) from None


class _Told:
    """A file in pieces, telling how much was taken; from its beginning each time it is sent."""

    def __init__(self, raw: Raw) -> None:
        assert raw.file is not UNSET
        self._content = memoryview(raw.file.content)
        self._told = raw.told

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self._content), PIECE_BYTES):
            yield bytes(self._content[start : start + PIECE_BYTES])
            if self._told is not None:
                self._told(min(start + PIECE_BYTES, len(self._content)), len(self._content))


def _require_sendable(headers: dict[str, str]) -> None:
    """Refuse what no header may hold (RFC 9110, section 5.5) as the server would refuse its value."""
    codes = {"x-api-key": "auth/invalid-token-format", "authorization": "auth/invalid-token"}
    for name, value in headers.items():
        if value != value.strip() or not (value.isascii() and value.isprintable()):
            code = codes.get(name, "common/invalid-parameters")
            raise Failure(code, details={name: ["must be printable ASCII"]})


def _asked_patience(given: httpx.Response | None) -> int:
    """Seconds that a server asks to wait for; 0 where it does not say."""
    text = "" if given is None else given.headers.get("retry-after", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _json(body: Any) -> bytes:
    """Encode a body; text that is not well-formed goes as it is, for the server to judge."""
    import json

    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError:
        return json.dumps(body).encode()
