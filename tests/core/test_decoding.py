"""Decoding: every fault is told by field, and nothing but what the declaration allows gets through."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from msgspec import UNSET, Meta, UnsetType

from bkendctl.contract.errors import Failure
from bkendctl.contract.fields import Email, Instant, Limit, Name, Password, Role, Scope, TotpCode
from bkendctl.contract.operation import Access, Body, Operation, Raw
from bkendctl.core.decoding import decode


class Everything(Body, kw_only=True):
    """One field of every kind."""

    item_id: str
    email: Email | UnsetType = UNSET
    name: Name = "somebody"
    role: Role | UnsetType = UNSET
    password: Password | UnsetType = UNSET
    code: TotpCode | UnsetType = UNSET
    count: Limit = 7
    plain: int = 0
    flag: bool = False
    until: Instant | UnsetType | None = UNSET
    scopes: Annotated[list[Scope], Meta(max_length=3, description="at most 3 scopes")] = []  # noqa: RUF012
    key: Annotated[str, Meta(min_length=4, description="4 or more", extra={"header": "X-Thing"})] = "none"


def operation(method: str, *errors: str) -> Operation[Any, Any]:
    """An operation with that request: the fields travel in the body of POST, in the query of GET."""
    return Operation(
        name="things.do",
        operation_id="do_thing",
        method=method,
        path="/v1/things/{itemId}",
        summary="Do",
        access=Access.GUEST,
        request=Everything,
        response=Everything,
        errors=errors,
    )


POST, GET = operation("POST"), operation("GET")
WITH_CODES = operation(
    "POST", "auth/invalid-email", "user/invalid-name", "user/invalid-role", "auth/invalid-password-format"
)


def of_body(body: Any, *, of: Operation[Any, Any] = POST, **headers: str) -> Any:
    """Decode a body."""
    return decode(of, Raw(path={"itemId": "1"}, body=body, headers=headers))


def of_query(**query: str) -> Any:
    """Decode a query."""
    return decode(GET, Raw(path={"itemId": "1"}, query=query))


def faults(body: Any, *, of: Operation[Any, Any] = POST) -> tuple[str, dict[str, list[str]]]:
    """The refusal of a body: code and reasons by field."""
    with pytest.raises(Failure) as caught:
        of_body(body, of=of)
    return caught.value.code, {
        field: list(reasons) for field, reasons in (caught.value.details or {}).items()
    }


def reason(body: dict[str, Any]) -> str:
    """The one reason for which a body of one faulty field is refused."""
    code, details = faults(body)
    ((field,), (reasons,)) = (details.keys(), details.values())
    assert (code, field.partition(".")[0]) == ("common/invalid-parameters", next(iter(body)))
    (only,) = reasons
    return only


def test_what_is_left_out_takes_its_default() -> None:
    """Defaults are the declaration's, a list is a new one each time, and UNSET stays UNSET."""
    first, second = of_body(UNSET), of_body({})
    assert first == second == Everything(item_id="1")
    assert first.scopes is not second.scopes
    assert first.until is UNSET


def test_null_is_no_absence() -> None:
    """null is taken where it is allowed and refused where it is not."""
    assert of_body({"until": None}).until is None
    assert reason({"name": None}) == "must be 1 to 100 characters"
    assert reason({"flag": None}) == "must be true or false"


def test_unknown_fields_are_ignored() -> None:
    """Decision 29; what they hold is not even looked at."""
    assert of_body({"more": "x\0", "item_id": "2", "itemId": "3"}).item_id == "1"


def test_a_declared_header_is_a_field_like_any_other() -> None:
    """Names of headers come in lower case; its faults are told by the field's name."""
    assert of_body({}, **{"x-thing": "abcd"}).key == "abcd"
    with pytest.raises(Failure) as caught:
        of_body({}, **{"x-thing": "abc"})
    assert dict(caught.value.details or {}) == {"key": ["must be 4 or more"]}


@pytest.mark.parametrize("body", [None, [], "text", 1, True, [{"name": "x"}]])
def test_a_body_is_an_object(body: Any) -> None:
    """Anything else is refused as a whole."""
    assert faults(body) == ("common/invalid-parameters", {"": ["the body must be a JSON object"]})


def test_every_fault_is_told() -> None:
    """Each faulty field has its own reason, however many there are."""
    body = {
        "email": "nobody",
        "name": "",
        "role": "king",
        "password": 1,
        "code": "12345",
        "count": 101,
        "flag": "yes",
        "until": "tomorrow",
        "scopes": ["a:read", "b"],
    }
    code, details = faults(body, of=WITH_CODES)
    assert code == "common/invalid-parameters"
    assert details == {
        "email": ["must be an e-mail address"],
        "name": ["must be 1 to 100 characters"],
        "role": ["must be admin, user or guest"],
        "password": ["must be 1 to 1024 characters"],
        "code": ["must be six digits"],
        "count": ["must be a whole number from 1 to 100"],
        "flag": ["must be true or false"],
        "until": ["must be an instant such as 2026-01-31T12:00:00Z (RFC 3339)"],
        "scopes.1": ["must be table:operation, such as posts:read or *:list"],
    }


def test_a_missing_field_is_told_as_missing() -> None:
    """What is required and not there."""
    with pytest.raises(Failure) as caught:
        decode(POST, Raw(body={}))
    assert dict(caught.value.details or {}) == {"itemId": ["is required"]}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"email": "nobody"}, "auth/invalid-email"),
        ({"email": 1}, "auth/invalid-email"),
        ({"email": None}, "auth/invalid-email"),
        ({"name": "x" * 101}, "user/invalid-name"),
        ({"role": "king"}, "user/invalid-role"),
        ({"password": ""}, "auth/invalid-password-format"),
        ({"email": "nobody", "name": ""}, "common/invalid-parameters"),
        ({"email": "nobody", "count": 0}, "common/invalid-parameters"),
        ({"count": 0}, "common/invalid-parameters"),
        ({"name": "a\0b"}, "common/invalid-parameters"),
    ],
)
def test_a_fault_that_is_alone_answers_its_own_code(body: dict[str, Any], code: str) -> None:
    """x-validation, one-field-rule; the details are there either way, and NUL has no code of a field."""
    met, details = faults(body, of=WITH_CODES)
    assert (met, set(details)) == (code, set(body))


def test_own_codes_are_answered_only_where_they_are_declared() -> None:
    """Without the code in its list, an operation answers the generic one."""
    assert faults({"email": "nobody"})[0] == "common/invalid-parameters"
    assert faults({"name": ""}, of=operation("POST", "auth/invalid-email"))[0] == "common/invalid-parameters"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("a\0b", "must not contain NUL"),
        ("\0", "must not contain NUL"),
        ("\ud800", "must be well-formed Unicode"),
        ("a\udfff", "must be well-formed Unicode"),
    ],
)
def test_text_that_not_every_database_keeps_is_refused(value: str, why: str) -> None:
    """In bodies, lists, headers, queries and paths alike (T123)."""
    assert reason({"name": value}) == why
    assert faults({"scopes": [value]})[1] == {"scopes.0": [why]}
    for raw in (
        Raw(path={"itemId": value}),
        Raw(path={"itemId": "1"}, query={"name": value}),
        Raw(path={"itemId": "1"}, headers={"x-thing": value}),
    ):
        with pytest.raises(Failure) as caught:
            decode(GET, raw)
        assert [list(reasons) for reasons in (caught.value.details or {}).values()] == [[why]]


def number_or_text(value: Any) -> str:
    """What pytest calls a value; long numbers cannot be printed as decimals."""
    return hex(value)[:20] if isinstance(value, int) else str(value)


def nested(depth: int, kind: type) -> Any:
    """A value of so many levels."""
    value: Any = "x"
    for _ in range(depth):
        value = [value] if kind is list else {"x": value}
    return value


@pytest.mark.parametrize("kind", [list, dict])
@pytest.mark.parametrize("field", ["name", "scopes", "unknown"])
def test_depth_is_survived(kind: type, field: str) -> None:
    """A value of 100,000 levels is refused, or ignored where nothing asks for it (T121)."""
    body = {field: nested(100_000, kind)}
    if field == "unknown":
        assert of_body(body) == Everything(item_id="1")
    else:
        assert faults(body)[1] == {field: ["is nested too deeply"]}


@pytest.mark.parametrize(
    "value",
    [1, 1.5, True, [], {}, ["x"], {"x": 1}, float("nan"), float("inf"), 2**200],
    ids=number_or_text,
)
@pytest.mark.parametrize("field", ["name", "email", "role", "code", "until"])
def test_text_has_to_be_text(field: str, value: Any) -> None:
    """No number, list or object passes for a text, and each is told what it should be."""
    assert reason({field: value}).startswith("must be ")


@pytest.mark.parametrize(
    "value",
    ["1", 1.0, 1.5, True, [], {}, None, 0, -1, 101, 2**63, 2**64, 10**30, 2**20_000],
    ids=number_or_text,
)
def test_numbers_in_bodies_are_whole_and_in_bounds(value: Any) -> None:
    """However large: beyond 64 bits and beyond what can be printed too (T120)."""
    assert reason({"count": value}) == "must be a whole number from 1 to 100"


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 10**30, 2**20_000], ids=number_or_text)
def test_numbers_that_no_column_holds_are_refused(value: int) -> None:
    """Also where the declaration names no bounds (T120)."""
    assert reason({"plain": value}) == "must be a whole number"


@pytest.mark.parametrize("value", ["true", "false", 0, 1, "", [], {}])
def test_booleans_in_bodies_are_booleans(value: Any) -> None:
    """Neither texts nor numbers stand for true and false in JSON."""
    assert reason({"flag": value}) == "must be true or false"


@pytest.mark.parametrize(
    ("query", "field", "value"),
    [
        ({"count": "42"}, "count", 42),
        ({"count": "007"}, "count", 7),
        ({"plain": "-5"}, "plain", -5),
        ({"flag": "true"}, "flag", True),
        ({"flag": "false"}, "flag", False),
        ({"name": "7"}, "name", "7"),
        ({"name": "true"}, "name", "true"),
        ({"role": "guest"}, "role", "guest"),
        ({"until": "2026-01-31T13:00:00+01:00"}, "until", "2026-01-31T12:00:00.000Z"),
    ],
)
def test_texts_of_a_query_become_what_is_declared(query: dict[str, str], field: str, value: Any) -> None:
    """Decimals become numbers, true and false booleans, where such are asked for; texts stay texts."""
    assert getattr(of_query(**query), field) == value


@pytest.mark.parametrize(
    ("field", "text"),
    [
        *[
            ("count", text)
            for text in ("1.0", "1e1", " 1", "1 ", "+1", "0x1", "", "\u0661", "1_0", "9" * 5000, "True")
        ],
        *[("flag", text) for text in ("True", "TRUE", "1", "0", "yes", "", "on", " true")],
        *[("plain", text) for text in ("9" * 19, "-" + "9" * 19, "9" * 5000, "1.5")],
    ],
)
def test_other_texts_of_a_query_are_refused(field: str, text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(Failure) as caught:
        of_query(**{field: text})
    assert set(caught.value.details or {}) == {field}


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("Bob@Example.COM", "bob@example.com"),
        ("bob+tag@corp.test", "bob+tag@corp.test"),
        ("böb@bücher.example", "böb@bücher.example"),
        ("a" * 64 + "@example.com", "a" * 64 + "@example.com"),
    ],
)
def test_an_address_is_kept_in_its_one_form(text: str, stored: str) -> None:
    """Lower case, normalised; test domains are addresses."""
    assert of_body({"email": text}).email == stored


@pytest.mark.parametrize(
    "text",
    ["", "@", "a@", "@b.com", "a@b", "a b@c.com", "a@b.com, c@d.com", "a@b.com\nBcc: c@d.com", "<a@b.com>",
     "A <a@b.com>",
     "a@b..com", "a@-b.com", "a@b.com\n", " a@b.com", "a@b.com ", "a@[127.0.0.1]", '"a b"@c.com',
     "a\u2028@b.com", "a@" + "b" * 250 + ".com", "ab.com", "a@@b.com", ".a@b.com",
     "a@localhost"],
)  # fmt: skip
def test_what_is_no_single_address_is_refused(text: str) -> None:
    """No lists, no names, no line breaks, no hosts without a dot (T102)."""
    assert reason({"email": text}) == "must be an e-mail address"


def test_a_long_worst_case_address_is_refused_quickly() -> None:
    """50 KiB of shapes that slow regular expressions down are refused before any looks at them (T125)."""
    from time import process_time

    for text in (
        "a" * 51_200,
        "a." * 25_600 + "@b.com",
        "a@" + "b." * 25_600,
        "@" * 51_200,
        "a@" + "-" * 51_200,
    ):
        start = process_time()
        assert reason({"email": text}) == "must be an e-mail address"
        assert process_time() - start < 0.05


def test_senders_text_cannot_pass_for_the_place_of_a_fault() -> None:
    """The library quotes what was sent; a quote that looks like a place names no other field."""
    assert set(faults({"role": "x' - at `$[0]`"})[1]) == {"role"}
    assert set(faults({"role": "x - at `$.email`"}, of=WITH_CODES)[1]) == {"role"}


def test_reasons_do_not_repeat_what_was_sent() -> None:
    """A password in the wrong place is not echoed."""
    secret = "Hunter2-secret"
    _, details = faults(dict.fromkeys(("role", "code", "until", "email", "count", "flag", "scopes"), secret))
    assert secret not in str(details)


class Choices(Body, kw_only=True):
    """Values of a fixed set."""

    one: Literal["only"]
    number: Literal[1, 2] = 1


def test_a_choice_of_one_is_told_as_such() -> None:
    """The reason lists what may be given."""
    asked = Operation(
        name="x.y", operation_id="x", method="POST", path="/x", summary="x", access=Access.GUEST,
        request=Choices, response=Choices,
    )  # fmt: skip
    with pytest.raises(Failure) as caught:
        decode(asked, Raw(body={"one": "other", "number": 3}))
    assert dict(caught.value.details or {}) == {"one": ["must be only"], "number": ["must be 1 or 2"]}
