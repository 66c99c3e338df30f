"""The listener for a browser's answer (T089): one answer, the right one, on this machine alone."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from bkendctl.client.loopback import Listener

STATE = "s" * 32


@pytest.fixture
def listener() -> Iterator[Listener]:
    """One that waits."""
    with Listener(STATE) as waiting:
        yield waiting


def ask(listener: Listener, target: str, **headers: str) -> httpx.Response:
    """Ask it as a browser does, without following."""
    return httpx.get(listener.url.rstrip("/") + target, headers=headers)


def test_the_right_answer_ends_the_wait(listener: Listener) -> None:
    """The browser goes on to an address that holds nothing, and to a page without a token."""
    sent = ask(listener, f"/?code=abc&state={STATE}")
    assert (sent.status_code, sent.headers["location"]) == (303, "/done")
    assert sent.headers["referrer-policy"] == "no-referrer"
    assert listener.wait(5) == {"code": "abc", "state": STATE}
    page = ask(listener, "/done")
    assert (page.status_code, page.headers["cache-control"]) == (200, "no-store")
    assert "abc" not in page.text
    assert "You can close this window" in page.text


def test_it_listens_on_this_machine_alone(listener: Listener) -> None:
    """At 127.0.0.1, on a port of its own."""
    host, port = urlsplit(listener.url).hostname, urlsplit(listener.url).port
    assert host == "127.0.0.1"
    with Listener(STATE) as other:
        assert urlsplit(other.url).port != port
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", port), timeout=5)


def test_others_do_not_end_the_wait(listener: Listener) -> None:
    """Another program's tries: wrong or no state, other paths, another host's name, nothing in it."""
    for target in ("/", "/done", "/favicon.ico", "/?code=x", "/?code=x&state=y", f"/?state={STATE}",
                   f"/x?code=x&state={STATE}", "/?code=x&state=%ff%00é"):  # fmt: skip
        assert ask(listener, target).status_code == 400
    assert ask(listener, f"/?code=x&state={STATE}", host="evil.example").status_code == 400
    assert httpx.post(listener.url, content=b"x").status_code == 501
    assert listener.wait(0) is None
    assert ask(listener, f"/?code=right&state={STATE}").status_code == 303
    ask(listener, "/done")


def test_a_second_answer_is_refused(listener: Listener) -> None:
    """The first one counts."""
    ask(listener, f"/?error=access_denied&state={STATE}")
    assert ask(listener, f"/?code=later&state={STATE}").status_code == 400
    assert listener.wait(0) == {"error": "access_denied", "state": STATE}
    ask(listener, "/done")


def test_who_connects_and_says_nothing_holds_up_nobody(listener: Listener) -> None:
    """Each connection has a thread of its own."""
    address = (urlsplit(listener.url).hostname, urlsplit(listener.url).port)
    with socket.create_connection(address), socket.create_connection(address):
        assert ask(listener, f"/?code=abc&state={STATE}").status_code == 303
    ask(listener, "/done")


def test_nobody_listens_afterwards() -> None:
    """One use."""
    with Listener(STATE) as listener:
        ask(listener, f"/?code=abc&state={STATE}")
        ask(listener, "/done")
    with pytest.raises(httpx.ConnectError):
        ask(listener, f"/?code=abc&state={STATE}")
