"""What is asked of a provider ends in time, follows no redirect and takes in nothing large (T086)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from bkendctl.core.egress import LARGEST_ANSWER, Deadline, Egress, Unusable

Speak = Callable[[socket.socket, threading.Event], None]
HURRY = 0.3
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


@contextmanager
def speaking(speak: Speak, seen: list[bytes] | None = None) -> Iterator[str]:
    """A server that answers each connection in its own way; its URL. seen: takes what was asked."""
    over = threading.Event()
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    asked = connection.recv(65_536)
                    if seen is not None:
                        seen.append(asked)
                    if asked and not over.is_set():
                        with suppress(OSError):  # hung up on
                            speak(connection, over)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            over.set()
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def said(answer: bytes) -> Speak:
    """Answer this, and hang up."""
    return lambda connection, _over: connection.sendall(answer)


def silent(_connection: socket.socket, over: threading.Event) -> None:
    """Never answer."""
    over.wait(10)


def dripping(connection: socket.socket, over: threading.Event) -> None:
    """Send a header byte by byte, without end: no single read takes long."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nx: ")
    while not over.wait(0.02):
        connection.sendall(b"a")


def slow_body(connection: socket.socket, over: threading.Event) -> None:
    """The same with the body."""
    connection.sendall(HEAD + b"content-length: 100000\r\n\r\n")
    while not over.wait(0.02):
        connection.sendall(b" ")


@pytest.mark.parametrize("speak", [silent, dripping, slow_body])
def test_time_is_up_however_slowly_bytes_come(speak: Speak) -> None:
    """Silence and drops alike end with the deadline, not with the last byte."""
    with speaking(speak) as url:
        deadline = Deadline(HURRY)
        with pytest.raises(Unusable, match=r"does not answer in time|cannot be reached"):
            Egress().ask(deadline, url)
        assert deadline.is_over


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\n\r\n", "redirects"),
        (b"HTTP/1.1 307 Moved\r\nlocation: http://localhost/\r\n\r\n", "redirects"),
        (HEAD + b"content-encoding: gzip\r\n\r\n", "compresses"),
        (HEAD + b"\r\n" + b" " * (LARGEST_ANSWER + 1), "more than"),
        (b"SSH-2.0-OpenSSH\r\n", "cannot be reached"),
        (b"", "cannot be reached"),
        (HEAD + b"content-length: 10\r\n\r\n{}", "cannot be reached"),
    ],
    ids=["redirect", "redirect by 307", "gzip", "large", "no http", "nothing", "cut short"],
)
def test_what_is_no_plain_answer_is_of_no_use(answer: bytes, why: str) -> None:
    """Redirects, compression, size, other protocols and torn answers are refused."""
    with speaking(said(answer)) as url, pytest.raises(Unusable, match=why):
        Egress().ask(Deadline(5), url)


@pytest.mark.parametrize("body", [b"[" * 100_000, b"<html>", b"\xff", b"[]", b"1"])
def test_what_is_no_json_object_is_of_no_use(body: bytes) -> None:
    """A provider's page of errors, nonsense, or too deep a nest."""
    with speaking(said(HEAD + b"\r\n" + body)) as url, pytest.raises(Unusable, match="without"):
        Egress().ask(Deadline(5), url).fields()


def test_nobody_at_home_is_told_without_details() -> None:
    """Host and kind of fault, nothing that was sent."""
    with pytest.raises(Unusable) as caught:
        Egress().ask(Deadline(5), "http://127.0.0.1:1/?secret=canary", form={"client_secret": "canary"})
    assert str(caught.value) == "127.0.0.1 cannot be reached (ConnectError)"


def test_those_who_wait_for_providers_are_bounded() -> None:
    """A provider that hangs takes a number of threads and no more; then others are told so at once."""
    from bkendctl.core.egress import MOST_AT_ONCE

    egress = Egress()
    for _ in range(MOST_AT_ONCE):
        assert egress._room.acquire(blocking=False)
    with pytest.raises(Unusable, match="too many"):
        egress.ask(Deadline(5), "http://127.0.0.1:1/")
