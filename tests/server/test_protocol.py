"""What comes over the socket and is no decent HTTP: refused in the API's words, in time, once (T126)."""

from __future__ import annotations

import pytest

from tests.conftest import World
from tests.server.conftest import Connect, every_core
from tests.server.wire import Line, request

ALIVE = request("GET", "/healthz")
INVALID = (400, "common/invalid-parameters")
TOO_LARGE = (431, "common/headers-too-large")
TOO_LATE = (408, "common/request-timeout")
SIGN_IN = "/v1/auth/email/signin"
CHUNKED = (
    f"POST {SIGN_IN} HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n"
)


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/1.1\r\nHost: t\r\nX-Long: " + b"a" * 40_000 + b"\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: t\r\n" + b"X-Many: b\r\n" * 4_000 + b"\r\n",
        b"GET /healthz?" + b"q" * 40_000 + b" HTTP/1.1\r\nHost: t\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: t\r\nX-Endless: " + b"a" * 300_000,
        b"GET /" + b"a" * 300_000,
        b"GET /healthz HTTP/1.1\r\nHost: t\r\nX-" + b"n" * 300_000,
    ],
    ids=["one header", "many", "target", "header without end", "target without end", "name without end"],
)
def test_large_heads_are_refused(line: Line, head: bytes) -> None:
    """Beyond 32 KiB, ended or not, one answer of 431 comes and the connection ends."""
    line.send(head)
    reply = line.reply()
    assert reply.refusal == TOO_LARGE
    assert reply.headers["connection"] == "close"
    assert line.rest() == b""


def test_a_head_below_the_limit_is_served(line: Line) -> None:
    """30 KiB of headers are none too many, also when they come in pieces and on a used connection."""
    for _ in range(2):
        whole = request("GET", "/healthz", x_long="a" * 30_000)
        line.send(*(whole[at : at + 7_000] for at in range(0, len(whole), 7_000)))
        assert line.reply().status == 200


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64,
        b"hello\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"BREW /healthz HTTP/1.1\r\nHost: t\r\n\r\n",
        b"GET /h\xc3\xa9 HTTP/1.1\r\nHost: t\r\n\r\n",
        b"GET /healthz\0 HTTP/1.1\r\nHost: t\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: t\r\nX-A: a\0b\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: t\r\nX A: b\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: t\r\nX-A : b\r\n\r\n",
        b"GET /healthz HTTP/1.1\nHost: t\nX-A: b\rc\n\n",
        b"CONNECT test:80 HTTP/1.1\r\nHost: t\r\n\r\n",
        CHUNKED.encode() + b"content-length: 4\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n",
        b"POST /v1/auth/email/signin HTTP/1.1\r\nHost: t\r\ncontent-length: 4\r\n"
        b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: t\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{} ",
        b"POST / HTTP/1.1\r\nHost: t\r\ncontent-length: 2, 2\r\n\r\n{}",
        b"POST / HTTP/1.1\r\nHost: t\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: t\r\ncontent-length: +2\r\n\r\n{}",
        b"POST / HTTP/1.1\r\nHost: t\r\ncontent-length: 99999999999999999999999\r\n\r\n{}",
        b"POST / HTTP/1.1\r\nHost: t\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    ],
    ids=lambda data: data[:100].decode("latin-1").encode("unicode_escape").decode(),
)  # fmt: skip
def test_what_is_no_http_is_refused_once(line: Line, data: bytes) -> None:
    """400 with the API's error body, then the connection ends: what follows is never read as a request."""
    line.send(data)
    reply = line.reply()
    assert reply.refusal == INVALID
    assert reply.headers["connection"] == "close"
    assert line.rest() == b""


@pytest.mark.parametrize("chunk", [b"zz\r\n{}\r\n", b"-1\r\n", b"2\r\n{}xx", b"ffffffffffffffffff\r\n"])
def test_a_broken_chunk_is_refused_at_once(line: Line, chunk: bytes) -> None:
    """The request it belongs to is answered 400, without waiting for the time a body may take."""
    line.send(CHUNKED.encode() + b"\r\n", chunk)
    assert line.reply().refusal == INVALID
    assert line.rest() == b""


def test_a_trailer_is_no_header(world: World, line: Line) -> None:
    """A trailer never takes the place of a header, which a proxy in front has looked at (RFC 9110, 6.5.1)."""
    line.send(CHUNKED.encode() + b"\r\n2\r\n{}\r\n0\r\nx-api-key: " + world.pk.encode() + b"\r\n\r\n")
    assert line.reply().refusal == (401, "auth/unauthorized")
    assert line.ask("GET", "/healthz").status == 200


# What follows is more than the server reads at once and 32 KiB behind it: what came in one read with a part
# of the request that has an end counts as that part.
@pytest.mark.parametrize("trailer", [b"x-a: b\r\n" * 60_000, b"x-endless: " + b"a" * 480_000])
def test_trailers_have_an_end(line: Line, trailer: bytes) -> None:
    """Endless trailers are refused instead of being kept."""
    line.send(CHUNKED.encode() + b"\r\n2\r\n{}\r\n0\r\n", trailer[:70_000], trailer[70_000:])
    assert line.reply().refusal == TOO_LARGE


def test_a_chunk_size_has_an_end(line: Line) -> None:
    """Neither does an extension of a chunk's size go on for ever."""
    line.send(CHUNKED.encode() + b"\r\n2;", *(b"a" * 30_000 for _ in range(16)))
    assert line.reply().refusal == TOO_LARGE


def test_pipelined_requests_are_answered_in_order(line: Line) -> None:
    """Each on one connection, whatever was asked."""
    line.send(ALIVE + request("GET", "/nowhere") + request("POST", SIGN_IN, b"{}") + ALIVE)
    assert [line.reply().status for _ in range(4)] == [200, 404, 401, 200]


def test_garbage_behind_requests_hides_no_answer(line: Line) -> None:
    """What was asked before the fault is answered; then the connection ends."""
    line.send(request("GET", "/readyz") + ALIVE + b"\0garbage\r\n\r\n" + ALIVE)
    assert [line.reply().status for _ in range(2)] == [200, 200]
    assert line.rest() == b""


def test_http_1_0_is_answered_and_closed(line: Line) -> None:
    """As that version expects, also when it asks to stay."""
    line.send(b"GET /healthz HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
    reply = line.reply()
    assert (reply.status, reply.headers["connection"]) == (200, "close")
    assert line.rest() == b""


def test_bare_line_feeds_never_make_two_requests_of_one(line: Line) -> None:
    """A lenient reading of line ends must not find a second request: one answer at most is good."""
    line.send(b"GET /healthz HTTP/1.1\nHost: t\nX-A: b\n\n")
    line.finish()
    assert line.reply().status in (200, 400)
    assert line.rest() == b""


def test_expect_continue(world: World, line: Line) -> None:
    """Who asks first is told to go on, and is not when its body would be refused anyway."""
    line.send(request("POST", SIGN_IN, b"", x_api_key=world.pk, expect="100-continue", content_length="2"))
    assert line.reply().status == 100
    line.send(b"{}")
    assert line.reply().refusal == INVALID
    line.send(
        request("POST", SIGN_IN, b"", x_api_key=world.pk, expect="100-continue", content_length="9999999")
    )
    assert line.reply().refusal == (413, "common/payload-too-large")


@pytest.mark.parametrize(
    ("target", "status"),
    [("http://elsewhere.example/healthz", 200), ("*", 404), ("healthz", 400), ("http://[", 400), ("?", 400)],
)
def test_forms_of_targets(line: Line, target: str, status: int) -> None:
    """An absolute target means its path, whatever host it names; what has no path is no request of ours."""
    assert line.ask("GET", target).status == status


def test_an_upgrade_is_not_taken_up(line: Line) -> None:
    """Nothing here speaks WebSocket or HTTP/2: the request is answered as it is."""
    reply = line.ask("GET", "/healthz", connection="Upgrade", upgrade="websocket", sec_websocket_version="13")
    assert reply.status == 200


def test_who_stops_sending_still_hears_the_answer(line: Line) -> None:
    """A half-closed connection is answered; half a request is not waited for."""
    line.send(ALIVE)
    line.finish()
    assert b"200 OK" in line.rest()


def test_half_a_request_of_who_left_is_forgotten(connect: Connect) -> None:
    """The server goes on as if nothing had been."""
    gone = connect()
    gone.send(request("POST", SIGN_IN, b"", content_length="10"), b"{")
    gone.close()
    assert connect().ask("GET", "/healthz").status == 200


@pytest.mark.parametrize("data", [b"GET /healthz HTTP/1.1\r\nX-A: ", b"G", b"\r\n", ALIVE[:-2]])
def test_slow_heads_are_refused(connect_hurried: Connect, data: bytes) -> None:
    """A head that does not end in time: 408, then the end."""
    line = connect_hurried()
    line.send(data)
    assert line.reply().refusal == TOO_LATE
    assert line.rest() == b""


def test_a_connection_without_a_word_is_closed_without_one(connect_hurried: Connect) -> None:
    """Browsers open some in advance; an answer there would be taken for that of a later request."""
    assert connect_hurried().rest() == b""


@pytest.mark.parametrize("data", [b"GET /healthz HTTP/1.1\r\nX-A: ", b"\r\n"])
def test_a_used_connection_is_no_way_round_the_limit(connect_hurried: Connect, data: bytes) -> None:
    """A second head has the same time; line breaks ahead of one buy no time."""
    line = connect_hurried()
    assert line.ask("GET", "/healthz").status == 200
    line.send(data)
    assert line.reply().refusal == TOO_LATE
    assert line.rest() == b""


def test_a_slow_body_is_refused(world: World, connect_hurried: Connect) -> None:
    """A body that does not end in time: 408, then the end."""
    line = connect_hurried()
    line.send(request("POST", SIGN_IN, b"", x_api_key=world.pk, content_length="10"), b"{", b'"')
    assert line.reply().refusal == TOO_LATE
    assert line.rest() == b""


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/healthz"), ("GET", "/v1/auth/me"), ("POST", "/nowhere")]
)
def test_a_body_nobody_wants_is_not_waited_for(connect_hurried: Connect, method: str, path: str) -> None:
    """It is dropped when it comes soon, and the connection with it when it does not."""
    line = connect_hurried()
    first = line.ask(method, path, b"{}")
    assert line.ask("GET", "/healthz").status == 200
    assert line.ask(method, path, b"", content_length="1000000000").status == first.status
    assert line.rest() == b""


def test_a_late_second_request_does_not_cost_the_first_its_answer(
    world: World, connect_hurried: Connect
) -> None:
    """Half a pipelined request runs out of time while the first still works: the first is answered."""
    line = connect_hurried()
    body = b'{"method": "password", "email": "nobody@example.com", "password": "Wr0ng-horse!"}'
    with every_core(world):
        line.send(request("POST", SIGN_IN, body, x_api_key=world.pk) + b"GET /healthz HTTP/1.1\r\nX-A: ")
        assert connect_hurried().rest() == b""  # the time that a head has went by
    assert line.reply().refusal == (401, "auth/invalid-credentials")
    assert line.rest() == b""
