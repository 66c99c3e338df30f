"""The client against servers that are not ours: redirects, garbage, silence, floods; when it asks again."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bkendctl.client.http import LONGEST_ANSWER, PAUSES, Remote
from bkendctl.contract import accounts, sessions, users
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Operation, Raw, place

ME = b'{"id":"1","role":"user","name":"A","email":"a@example.com"}'
HANG_UP = b""
SIGN_IN = place(accounts.SIGN_IN, accounts.SignIn(email="a@example.com", password="Corr3ct-horse!"))


def answer(status: int, body: bytes = b"", *headers: str) -> bytes:
    """A whole answer, after which the connection ends."""
    lines = [f"HTTP/1.1 {status} X", f"content-length: {len(body)}", "connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Script:
    """A server that gives each connection the next of some answers, and keeps what was asked."""

    def __init__(self, *answers: bytes) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._answers = answers
        self.asked: list[bytes] = []
        self.pauses: list[float] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.remote = Remote(self.url, timeout_seconds=5, pause=self.pauses.append)

    def _run(self) -> None:
        for given in self._answers:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                self.asked.append(connection.recv(65_536))
                try:
                    connection.sendall(given)
                except OSError:
                    continue  # the client has had enough

    def close(self) -> None:
        """Stop listening."""
        self.remote.close()
        self._socket.close()


@pytest.fixture
def serving() -> Iterator[Callable[..., Script]]:
    """Make servers that play a script."""
    made: list[Script] = []

    def serve(*answers: bytes) -> Script:
        made.append(Script(*answers))
        return made[-1]

    yield serve
    for one in made:
        one.close()


def refusal(
    script: Script, operation: Operation[Any, Any] = accounts.GET_ME, raw: Raw | None = None
) -> Failure:
    """Ask, and give the failure."""
    with pytest.raises(Failure) as caught:
        script.remote.execute(operation, raw or Raw())
    return caught.value


@pytest.mark.parametrize("passing", [HANG_UP, answer(503), answer(502, b"<html>"), answer(504)])
def test_what_only_reads_is_asked_again(serving: Callable[..., Script], passing: bytes) -> None:
    """A server that restarts, or a proxy without one, is not the end; the pauses grow."""
    script = serving(passing, passing, answer(200, ME))
    assert script.remote.execute(accounts.GET_ME, Raw()).email == "a@example.com"
    assert script.pauses == list(PAUSES)


def test_what_changes_something_is_sent_once(serving: Callable[..., Script]) -> None:
    """Nobody knows whether a sign-in that got no answer happened."""
    script = serving(HANG_UP, answer(200, ME))
    assert refusal(script, accounts.SIGN_IN, SIGN_IN).code == "cli/network"
    assert (len(script.asked), script.pauses) == (1, [])


def test_what_has_an_idempotency_key_is_asked_again(serving: Callable[..., Script]) -> None:
    """A refresh says the same key each time, so that a lost answer can be had again."""
    pair = b'{"accessToken":"a","refreshToken":"r","tokenType":"Bearer","expiresIn":3600}'
    script = serving(HANG_UP, answer(503), answer(200, pair))
    raw = place(sessions.REFRESH, sessions.Refresh(refresh_token="rt_x", idempotency_key="the-same-key-1"))
    assert script.remote.execute(sessions.REFRESH, raw).access_token == "a"
    assert [b"the-same-key-1" in asked for asked in script.asked] == [True] * 3


def test_a_server_that_stays_away_is_told(serving: Callable[..., Script]) -> None:
    """After three tries; the message names the address and not what was sent."""
    script = serving(*[answer(503)] * 3)
    failure = refusal(script, raw=Raw(headers={"x-api-key": "pk_secret"}))
    assert (failure.code, len(script.asked)) == ("common/unavailable", 3)
    assert "pk_secret" not in str(failure.body())


@pytest.mark.parametrize(("seconds", "waited"), [(2, [2, 2]), (60, [])])
def test_patience_is_had_as_far_as_it_goes(
    serving: Callable[..., Script], seconds: int, waited: list[int]
) -> None:
    """Retry-After is waited for up to 5 s, and else told."""
    script = serving(*[answer(503, b"", f"retry-after: {seconds}")] * 3)
    assert refusal(script).retry_after == seconds
    assert script.pauses == waited


def test_a_redirect_is_not_followed(serving: Callable[..., Script]) -> None:
    """The key would go along to wherever it leads; the person is told to decide."""
    elsewhere = serving(answer(200, ME))
    script = serving(answer(302, b"", f"location: {elsewhere.url}/v1/auth/me"))
    failure = refusal(script)
    assert failure.code == "cli/unexpected-answer"
    assert elsewhere.url in failure.message
    assert elsewhere.asked == []


@pytest.mark.parametrize(
    "given",
    [
        answer(200, b"<html>Welcome</html>"),
        answer(200, b"[1, 2]"),
        answer(200, b'{"id": 7}'),
        answer(200, b"[" * 100_000),
        answer(200, b"\xff\xfe"),
        answer(200, b"hello", "content-encoding: gzip"),
        answer(204, b""),
        answer(418, b"short and stout"),
    ],
    ids=["html", "list", "types", "deep", "bytes", "coding", "nothing", "status"],
)
def test_what_is_no_answer_of_the_api_is_told_as_such(serving: Callable[..., Script], given: bytes) -> None:
    """A captive portal, a wrong address, a broken proxy: one line, exit 1 or 8, never a crash."""
    assert refusal(serving(given)).code == "cli/unexpected-answer"


@pytest.mark.parametrize(
    "given", [b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhi"]
)
def test_what_is_no_http_is_a_matter_of_the_network(serving: Callable[..., Script], given: bytes) -> None:
    """Another service behind the port, or an answer cut off."""
    assert refusal(serving(given, given, given)).code == "cli/network"


def test_an_answer_without_end_is_left(serving: Callable[..., Script]) -> None:
    """No server fills this machine's memory."""
    flood = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n" + b" " * (LONGEST_ANSWER + 70_000)
    failure = refusal(serving(flood))
    assert failure.code == "cli/unexpected-answer"
    assert "longer" in failure.message


def test_a_small_answer_that_unpacks_to_a_large_one_is_left(serving: Callable[..., Script]) -> None:
    """What counts is what comes out of the coding."""
    import gzip

    packed = gzip.compress(b" " * (LONGEST_ANSWER + 70_000))
    assert refusal(serving(answer(200, packed, "content-encoding: gzip"))).code == "cli/unexpected-answer"


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_server_without_the_extension_is_told_as_such(serving: Callable[..., Script], status: int) -> None:
    """bkend's own lacks some; the hint says where they are."""
    failure = refusal(serving(answer(status, b"<html>")), users.LIST)
    assert failure.code == "cli/not-offered"
    assert "serve" in (failure.hint or "")


def test_the_api_s_own_refusal_comes_through(serving: Callable[..., Script]) -> None:
    """Code, message, details and status, also of a code that is not in our table."""
    body = b'{"success":false,"error":{"code":"auth/strange","message":"No.","details":{"x":["y"]}}}'
    failure = refusal(serving(answer(403, body)))
    assert (failure.code, failure.message, failure.status) == ("auth/strange", "No.", 403)
    assert failure.details == {"x": ["y"]}
    assert failure.exit_status == 4


def test_nobody_there(serving: Callable[..., Script]) -> None:
    """A refused connection never left, so even a change is tried again; then it is told."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    pauses: list[float] = []
    remote = Remote(f"http://127.0.0.1:{port}", timeout_seconds=5, pause=pauses.append)
    with pytest.raises(Failure) as caught:
        remote.execute(accounts.SIGN_IN, SIGN_IN)
    assert caught.value.code == "cli/network"
    assert pauses == list(PAUSES)
    remote.close()


def test_a_silent_server_is_left(serving: Callable[..., Script]) -> None:
    """It takes the connection and says nothing: told after --http-timeout, a change is not repeated."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        remote = Remote(
            f"http://127.0.0.1:{listener.getsockname()[1]}", timeout_seconds=0.05, pause=pytest.fail
        )
        with pytest.raises(Failure) as caught:
            remote.execute(accounts.SIGN_IN, SIGN_IN)
        assert "no answer within 0.05 s" in caught.value.message
        remote.close()


@pytest.mark.parametrize("key", ["pk_\r\nx-evil: 1", "pk_ä", " pk_x", "pk_\x00"])
def test_no_header_is_smuggled_in_a_key(serving: Callable[..., Script], key: str) -> None:
    """Refused before anything is sent."""
    script = serving(answer(200, ME))
    assert refusal(script, raw=Raw(headers={"x-api-key": key})).code == "auth/invalid-token-format"
    assert script.asked == []
