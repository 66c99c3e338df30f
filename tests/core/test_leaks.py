"""The range API: five digits leave, what comes is believed where it has the form, a fault refuses nobody."""

from __future__ import annotations

import hashlib

import pytest

from bkendctl.client.embedded import range_api
from bkendctl.contract.errors import Failure
from bkendctl.core.egress import LARGEST_ANSWER, Unusable
from bkendctl.core.leaks import REST_SECONDS, Leaks
from tests.conftest import PASSWORD
from tests.core.test_egress import HURRY, Speak, dripping, said, silent, speaking

DIGEST = hashlib.sha1(PASSWORD.encode(), usedforsecurity=False).hexdigest().upper()
REST = DIGEST[5:].encode()
OTHER = b"0018A45C4D1DEF81644B54AB7F969B88D65"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n"


class Told:
    """A range API asked with one password, and what it told of it. The clock is the test's."""

    def __init__(self, base: str, *, seconds: float = 10) -> None:
        self.now = 0.0
        self.said: list[tuple[str, str]] = []
        self.leaks = Leaks(base, seconds=seconds, now=lambda: self.now)
        self.leaks.tell = lambda outcome, why: self.said.append((outcome, why))

    def hold(self) -> bool:
        """Ask."""
        return self.leaks.hold(PASSWORD)


@pytest.mark.parametrize(
    ("lines", "leaked"),
    [
        (OTHER + b":10\r\n" + REST + b":3", True),
        (REST.lower() + b":1\n", True),
        (b"garbage\r\n" + REST + b":12:3\r\n:::\r\n" + REST + b":7\r\n", True),
        (OTHER + b":10\r\n", False),
        (OTHER + b":10\r\n" + REST + b":0", False),
        (OTHER + b":10\r\n" + REST + b":-4\r\n" + REST + b"\r\n" + REST[:-1] + b":4", False),
    ],
    ids=["listed", "small letters", "among garbage", "others", "padding", "malformed"],
)
def test_a_password_is_leaked_where_its_line_counts(lines: bytes, leaked: bool) -> None:
    """Lines of no form are passed over, padding (counted 0) is no leak."""
    with speaking(said(HEAD + b"\r\n" + lines)) as base:
        told = Told(base)
        assert told.hold() is leaked
    assert told.said == [("leaked" if leaked else "unknown", "")]


def test_five_digits_leave_and_no_more() -> None:
    """One GET of the prefix, with padding asked for; nothing else of password or hash is sent."""
    seen: list[bytes] = []

    def listen(connection: object, _over: object) -> None:
        connection.sendall(HEAD + b"\r\n" + OTHER + b":1")  # type: ignore[attr-defined]

    with speaking(listen, seen) as base:
        assert Told(f"{base}range/").hold() is False
    (sent,) = seen
    assert sent.startswith(b"GET /range/%s HTTP/1.1\r\n" % DIGEST[:5].encode())
    assert b"add-padding: true\r\n" in sent.lower()
    assert b"user-agent: bkendctl/" in sent.lower()
    assert DIGEST[5:11].encode() not in sent.upper()
    assert PASSWORD.encode() not in sent


@pytest.mark.parametrize(
    ("speak", "why"),
    [
        (silent, "in time|cannot be reached"),
        (dripping, "in time|cannot be reached"),
        (said(b"HTTP/1.1 500 Oops\r\n\r\n" + REST + b":3"), "answers 500"),
        (said(b"HTTP/1.1 429 Slowly\r\n\r\n"), "answers 429"),
        (said(b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\n\r\n"), "redirects"),
        (said(HEAD + b"\r\n" + (OTHER + b":1\r\n") * (LARGEST_ANSWER // 38)), "more than"),
        (said(HEAD + b"\r\n<html>Sign in to this network</html>"), "without a range"),
        (said(HEAD + b"\r\n"), "without a range"),
    ],
    ids=["silent", "dripping", "500", "429", "redirect", "large", "a page", "empty"],
)
def test_a_service_that_fails_refuses_nobody(speak: Speak, why: str) -> None:
    """T154's exception (docs/adr/0021): it is told, nobody asks for a while, then it is asked again."""
    with speaking(speak) as base:
        told = Told(base, seconds=HURRY if speak in (silent, dripping) else 10)
        with pytest.raises(Unusable, match=why):
            told.leaks.look_up(PASSWORD)
        assert not any(told.hold() for _ in range(3))
        assert [outcome for outcome, _ in told.said] == ["fault", "unasked", "unasked"]
        told.now += REST_SECONDS
        assert told.hold() is False
        assert told.said[-1][0] == "fault"
    assert all(PASSWORD not in text and DIGEST[:5] not in text for _, text in told.said)


@pytest.mark.parametrize(
    "url",
    ["http://example.com/range/", "ftp://x/", "https://u:p@example.com/", "https://example.com/?x", "x"],
)
def test_an_address_that_others_read_along_is_refused(url: str) -> None:
    """https, or http to this machine; said where the core is opened, before anybody signs up."""
    with pytest.raises(Failure, match="cli/usage"):
        range_api(url)
    assert range_api("") is None
