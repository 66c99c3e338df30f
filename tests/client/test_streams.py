"""Reading a stream from a server: how it is cut, and what it means when it breaks off."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import msgspec
import pytest

from bkendctl.client.http import Remote
from bkendctl.client.reading import LINE_BYTES, lines
from bkendctl.contract import users
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Raw

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"
SECONDS = 10


class Speaker:
    """A server of one connection that says what it is told and hears when it is left."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.left = threading.Event()
        self._thread: threading.Thread | None = None

    def say(self, *parts: bytes, stays: bool = False) -> Remote:
        """Answer the next request with these bytes, each a chunk; stays: keep the connection after them."""
        self._thread = threading.Thread(target=self._answer, args=(parts, stays), daemon=True)
        self._thread.start()
        return Remote(f"http://127.0.0.1:{self._socket.getsockname()[1]}", timeout_seconds=SECONDS)

    def _answer(self, parts: tuple[bytes, ...], stays: bool) -> None:
        connection, _ = self._socket.accept()
        with connection:
            connection.recv(65_536)
            try:
                connection.sendall(HEAD)
                for part in parts:
                    connection.sendall(part if part == END else b"%x\r\n%s\r\n" % (len(part), part))
                if stays and not connection.recv(1):
                    self.left.set()
            except ConnectionError:  # left with something unread
                self.left.set()

    def close(self) -> None:
        """Stop."""
        self._socket.close()
        if self._thread is not None:
            self._thread.join(SECONDS)


@pytest.fixture
def speaker() -> Iterator[Speaker]:
    """A server to be told what to say."""
    one = Speaker()
    yield one
    one.close()


def user(number: int) -> bytes:
    """A user as a server writes it, with what some take for the end of a line in its name."""
    text = {"id": str(number), "role": "user", "name": "\u2028\u0085\x1c", "email": "u@example.com"}
    return msgspec.json.encode(text) + b"\n"


def ids(remote: Remote) -> Iterator[str]:
    """Whom a server exports."""
    for each in remote.execute(users.EXPORT, Raw()):
        yield each.id


def test_lines_are_found_however_the_bytes_come(speaker: Speaker) -> None:
    """Cut anywhere, in the midst of a character too; the last line needs no end."""
    whole = b"".join(user(number) for number in range(3)).rstrip(b"\n")
    parts = [whole[place : place + 7] for place in range(0, len(whole), 7)]
    assert list(ids(speaker.say(*parts, END))) == ["0", "1", "2"]


def test_an_empty_stream_has_nobody(speaker: Speaker) -> None:
    """No line, no user, no failure."""
    assert list(ids(speaker.say(END))) == []


def test_a_stream_that_breaks_off_is_not_taken_for_the_whole(speaker: Speaker) -> None:
    """What came is given, and then that the server is gone."""
    found = ids(speaker.say(user(0)))
    assert next(found) == "0"
    with pytest.raises(Failure) as caught:
        next(found)
    assert caught.value.code == "cli/network"


@pytest.mark.parametrize(
    ("last", "code"),
    [
        (
            b'{"success":false,"error":{"code":"common/unavailable","message":"Busy."}}\n',
            "common/unavailable",
        ),
        (b"<html>\n", "cli/unexpected-answer"),
        (b"[1]\n", "cli/unexpected-answer"),
        (b"x" * (LINE_BYTES + 1), "cli/unexpected-answer"),
    ],
)
def test_a_last_line_that_is_no_user_is_a_failure(speaker: Speaker, last: bytes, code: str) -> None:
    """An error body is the server's own refusal; all else, also a line without end, is not the API's."""
    found = ids(speaker.say(user(0), last, END))
    assert next(found) == "0"
    with pytest.raises(Failure) as caught:
        next(found)
    assert caught.value.code == code


@pytest.mark.parametrize("begun", [True, False])
def test_who_drops_a_stream_hangs_up(speaker: Speaker, begun: bool) -> None:
    """The server hears it, whether anything was read or not."""
    stream = speaker.say(user(0), user(1), stays=True).execute(users.EXPORT, Raw())
    if begun:
        next(stream)
    del stream
    assert speaker.left.wait(SECONDS)


def test_lines_are_broken_at_line_feeds_alone() -> None:
    """Empty lines are none."""
    assert list(lines([b"a\n\nb\r", b"c\n", b"\n"])) == [b"a", b"b\rc"]
