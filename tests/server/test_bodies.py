"""What a body may be (T121, T123): size, type, encoding, JSON; and when its faults are told."""

from __future__ import annotations

import gzip
from itertools import islice, repeat
from urllib.parse import quote

import pytest

from tests.conftest import World
from tests.server.wire import Line, request

SIGN_IN = "/v1/auth/email/signin"
MIB = 1_048_576
INVALID = (400, "common/invalid-parameters")
TOO_LARGE = (413, "common/payload-too-large")
WRONG_TYPE = (415, "common/unsupported-media-type")


def padded(size: int) -> bytes:
    """A body of JSON of exactly that size that says nothing."""
    return b"{" + b" " * (size - 2) + b"}"


def test_a_mebibyte_is_taken_and_a_byte_more_is_not(world: World, line: Line) -> None:
    """By its length or in chunks alike; the connection serves the next request."""
    for size, refusal in ((MIB, INVALID), (MIB + 1, TOO_LARGE)):
        body = padded(size)
        assert line.ask("POST", SIGN_IN, body, x_api_key=world.pk).refusal == refusal
        parts = [body[at : at + 100_000] for at in range(0, size, 100_000)]
        line.send(
            request("POST", SIGN_IN, b"", x_api_key=world.pk, transfer_encoding="chunked", content_length=""),
            *(b"%x\r\n%s\r\n" % (len(part), part) for part in parts),
            b"0\r\n\r\n",
        )
        assert line.reply().refusal == refusal
    assert line.ask("GET", "/healthz").status == 200


def test_a_body_of_any_length_is_refused_before_it_came(world: World, line: Line) -> None:
    """Ten gigabytes are refused by what their head says."""
    head = request("POST", SIGN_IN, b"", x_api_key=world.pk, content_length=str(10**10))
    line.send(head, *islice(repeat(b" " * 1000), 5))
    assert line.reply().refusal == TOO_LARGE


@pytest.mark.parametrize(
    "headers",
    [
        {"content_type": ""},
        {"content_type": "text/plain"},
        {"content_type": "application/x-www-form-urlencoded"},
        {"content_type": "multipart/form-data; boundary=x"},
        {"content_type": "application/jsonp"},
        {"content_type": "text/json, application/json"},
        {"content_encoding": "gzip"},
        {"content_encoding": "br"},
        {"content_encoding": "identity, gzip"},
    ],
)
def test_only_plain_json_is_read(world: World, line: Line, headers: dict[str, str]) -> None:
    """Any other type or a packed body is 415; a bomb is never unpacked."""
    body = gzip.compress(padded(10_000_000)) if "content_encoding" in headers else b"{}"
    assert line.ask("POST", SIGN_IN, body, x_api_key=world.pk, **headers).refusal == WRONG_TYPE


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON;charset=utf-8", "application/json ; q=1"]
)
def test_forms_of_the_right_type(world: World, line: Line, kind: str) -> None:
    """Letters of any case, with parameters."""
    assert line.ask("POST", SIGN_IN, b"{}", x_api_key=world.pk, content_type=kind).refusal == INVALID


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200_000,
        b"[" * 200_000 + b"]" * 200_000,
        b'{"email":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"email": ' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"email": NaN}',
        b'{"email": -Infinity}',
        b'{"email": 1e999}',
        b'{"email": ' + b"9" * 5_000 + b"}",
        b'{"mfaCode": 18446744073709551616}',
        b'\xef\xbb\xbf{"email": "a@b.co"}',
        '{"email": "a@b.co"}'.encode("utf-16"),
        '{"email": "a@b.co"}'.encode("utf-32"),
        b'{"email": "\xff@b.co"}',
        b'{"email": "\xed\xa0\x80@b.co"}',
        rb'{"email": "\ud800@b.co", "password": "x", "method": "password"}',
        rb'{"email": "a@b.co", "password": "a\u0000b", "method": "password"}',
        b'{"email": "a\0b@b.co"}',
        b'{"email": "a@b.co"',
        b'{"email": "a@b.co"}}',
        b'{"email": "a@b.co"} {}',
        b"{'email': 'a@b.co'}",
        b'{"email": "a@b.co",}',
        b"[]",
        b'"text"',
        b"null",
        b"0",
        b" ",
    ],
    ids=lambda body: repr(body[:30]),
)
def test_what_is_no_decent_json_is_400(world: World, line: Line, body: bytes) -> None:
    """With the API's error body, whatever it was; the server lives on and the connection too."""
    assert line.ask("POST", SIGN_IN, body, x_api_key=world.pk).refusal == INVALID
    assert line.ask("GET", "/healthz").status == 200


def test_of_repeated_names_the_last_counts(world: World, line: Line) -> None:
    """In the body, where a second reading of it elsewhere must not find another user, and in the query."""
    world.make_user("a@example.com")
    twice = b'{"name": "A", "email": "x@example.com", "email": "a@example.com"}'
    assert line.ask("POST", "/v1/users", twice, x_api_key=world.sk).refusal[0] == 409
    assert line.ask("GET", "/v1/users?limit=0&limit=1", x_api_key=world.sk).status == 200
    assert line.ask("GET", "/v1/users?limit=1&limit=0", x_api_key=world.sk).refusal == INVALID


@pytest.mark.parametrize("text", ["%00", "a%00b", "%ff", "%ed%a0%80"])
def test_text_that_no_database_holds(world: World, line: Line, text: str) -> None:
    """NUL and what is not UTF-8 are refused in path and query, before any database sees them (T123)."""
    assert line.ask("GET", f"/v1/users/{text}", x_api_key=world.sk).refusal == INVALID
    assert line.ask("DELETE", f"/v1/api-keys/{text}", x_api_key=world.sk).refusal == INVALID
    query = f"/v1/users?search={text}&searchType=name"
    assert line.ask("GET", query, x_api_key=world.sk).refusal == INVALID


def test_a_query_is_escaped_utf_8(world: World, line: Line) -> None:
    """As RFC 3986 has it; bare bytes are no request target."""
    assert (
        line.ask("GET", f"/v1/users?search={quote('Zoë')}&searchType=name", x_api_key=world.sk).status == 200
    )
    assert line.ask("GET", "/v1/users?search=Zo\xeb", x_api_key=world.sk).refusal == INVALID


@pytest.mark.parametrize(
    "page", ["0", "-1", "1.5", "1e3", "abc", str(10**18), str(10**30), "9" * 5_000, "", "\u0661"]
)
def test_numbers_in_queries(world: World, line: Line, page: str) -> None:
    """T120: what is no page is 400, never 500; too large a one is refused or empty."""
    reply = line.ask("GET", "/v1/users?page=" + quote(page), x_api_key=world.sk)
    assert reply.status == 400 or (page == str(10**18) and reply.status == 200)


@pytest.mark.parametrize(
    ("headers", "refusal"),
    [
        ({}, (401, "auth/unauthorized")),
        ({"x_api_key": "pk_short"}, (401, "auth/invalid-token-format")),
        ({"x_api_key": "pk_" + "0" * 64}, (401, "auth/invalid-token")),
    ],
)
@pytest.mark.parametrize("body", [b"{", b"[" * 200_000, padded(MIB + 1)], ids=["broken", "deep", "large"])
def test_a_bad_key_is_told_before_a_bad_body(
    line: Line, headers: dict[str, str], refusal: tuple[int, str], body: bytes
) -> None:
    """x-check-order: who may not ask learns nothing of what is wrong with the question."""
    assert line.ask("POST", SIGN_IN, body, **headers).refusal == refusal


def test_a_missing_role_is_told_before_a_bad_body(world: World, line: Line) -> None:
    """The same for a user who is no admin, and for one who is not signed in."""
    assert line.ask("POST", "/v1/users", b"{", x_api_key=world.pk).refusal[0] in (401, 403)
    token = world.sign_up().access_token
    reply = line.ask("POST", "/v1/users", b"{", x_api_key=world.pk, authorization=f"Bearer {token}")
    assert reply.refusal == (403, "user/forbidden")


def test_a_body_where_none_belongs_is_ignored(world: World, line: Line) -> None:
    """GET and DELETE take none, nor does a POST without fields: neither its type nor its JSON matters."""
    token = f"Bearer {world.sign_up().access_token}"
    for kind in ("application/json", "text/plain"):
        reply = line.ask(
            "GET", "/v1/auth/me", b"{", x_api_key=world.pk, authorization=token, content_type=kind
        )
        assert reply.status == 200
    assert line.ask("POST", "/v1/auth/signout", b"{", x_api_key=world.pk, authorization=token).status == 200
