"""Every declared operation agrees with the REST contract, and every one has its handler.

contract.json is extracted from the contract by extract_contract.py. Operations that are not built yet are
counted, not failed; what is missing in those built stands in GAPS with its reason, and nowhere else.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_origin

import msgspec
import pytest
from msgspec import Struct

from bkendctl.contract.errors import ERRORS
from bkendctl.contract.operation import File, Operation, placement
from bkendctl.core.dispatch import handler_of
from tests.catalogue import OPERATIONS, name_of

CONTRACT = json.loads(Path(__file__).with_name("contract.json").read_text())
every_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=name_of)


class Gap(NamedTuple):
    """Where a part of an operation differs from the contract for now, and why: codes or fields by name."""

    operation_id: str
    part: str
    names: frozenset[str]
    reason: str


def gap(operation_id: str, part: str, *names: str, reason: str) -> Gap:
    """One row of GAPS."""
    return Gap(operation_id, part, frozenset(names), reason)


GAPS: list[Gap] = [
    gap(
        "get_config",
        "response",
        "templates.subject",
        "templates.body",
        reason="contract.json does not look into an object whose names are open",
    ),
]
OF_THE_SERVER = {
    "X-RateLimit-Limit": "what the rate limit of a call allows",
    "X-RateLimit-Remaining": "and leaves",
    "Set-Cookie": "what a call gives to a browser",
}
"""Headers that server/outgoing.py writes of any call; no operation declares them."""


def contracted(operation: Operation[Any, Any]) -> dict[str, Any]:
    """The contract's row of an operation."""
    row: dict[str, Any] = CONTRACT["operations"][operation.operation_id]
    return row


def gaps_in(operation: Operation[Any, Any], part: str) -> frozenset[str]:
    """The names in which a part of an operation may differ."""
    mine = [
        entry.names for entry in GAPS if (entry.operation_id, entry.part) == (operation.operation_id, part)
    ]
    return frozenset().union(*mine)


def request_of(operation: Operation[Any, Any]) -> dict[str, str]:
    """The fields of a request with their places, written as in contract.json."""
    required = {field.encode_name: field.required for field in msgspec.structs.fields(operation.request)}
    found = {}
    for name, place in placement(operation).items():
        kind, _, header = place.partition(":")
        if kind == "file":
            continue  # the content itself is no field
        found[header or name] = kind + ("*" if required[name] else "")
    return found


def contracted_request(operation: Operation[Any, Any]) -> dict[str, str]:
    """The same from contract.json; names of headers in lower case, as their case does not count."""
    fields = contracted(operation)["request"]
    return {name.lower() if place.startswith("header") else name: place for name, place in fields.items()}


def structs_of(wanted: Any) -> list[type[Struct]]:
    """The Structs that a type is made of, looking through unions and lists."""
    if isinstance(get_origin(wanted) or wanted, type) and issubclass(get_origin(wanted) or wanted, Struct):
        return [wanted]
    return [
        found for member in get_args(wanted) if not isinstance(member, str) for found in structs_of(member)
    ]


def shape_of(wanted: Any) -> dict[str, Any]:
    """The fields of an answer by wire name, each with the fields below it."""
    if wanted is File:
        return {}
    return {
        field.encode_name: shape_of(field.type)
        for struct in structs_of(wanted)
        for field in msgspec.structs.fields(struct)
    }


def contracted_shape(fields: dict[str, str]) -> dict[str, Any]:
    """The same from contract.json."""
    return {
        name: contracted_shape(CONTRACT["schemas"][below]) if below else {} for name, below in fields.items()
    }


def flat(shape: dict[str, Any], above: str = "") -> set[str]:
    """A shape as dotted paths."""
    paths = {above + name for name in shape}
    return paths.union(*(flat(below, f"{above}{name}.") for name, below in shape.items()))


@every_operation
def test_an_operation_is_declared_as_the_contract_has_it(operation: Operation[Any, Any]) -> None:
    """Method, path, success status, access, scope, rate class and extension flag are the contract's."""
    parts = ("method", "path", "status", "access", "scope", "rate", "extension")
    mine = {part: getattr(operation, part) for part in parts}
    assert mine == {part: contracted(operation)[part] for part in parts}


@every_operation
def test_an_operation_declares_the_errors_of_the_contract(operation: Operation[Any, Any]) -> None:
    """Its codes are those of the contract, no more and, but for the gaps, no fewer."""
    codes = set(contracted(operation)["errors"])
    assert set(operation.all_errors) ^ codes == gaps_in(operation, "errors")


@every_operation
def test_a_request_has_the_fields_of_the_contract(operation: Operation[Any, Any]) -> None:
    """The same fields in the same places, required where the contract requires them."""
    mine, wanted = request_of(operation), contracted_request(operation)
    differing = {name for name in mine.keys() | wanted if mine.get(name) != wanted.get(name)}
    assert differing == gaps_in(operation, "request")


@every_operation
def test_an_answer_has_the_fields_of_the_contract(operation: Operation[Any, Any]) -> None:
    """The same fields, down to the objects below them."""
    wanted = flat(contracted_shape(contracted(operation)["response"]))
    assert flat(shape_of(operation.response)) ^ wanted == gaps_in(operation, "response")


@every_operation
def test_an_answer_has_the_headers_of_the_contract(operation: Operation[Any, Any]) -> None:
    """No header is asked for but those that the server writes of any call."""
    assert set(contracted(operation)["headers"]) <= OF_THE_SERVER.keys()


@every_operation
def test_an_operation_has_its_handler_where_its_name_says(operation: Operation[Any, Any]) -> None:
    """noun.verb is declared in contract/noun.py and handled in core/noun.py by a function of its name."""
    noun, _, verb = operation.name.partition(".")
    handler = handler_of(operation).act
    assert handler.__module__ == f"bkendctl.core.{noun}"
    # list, update … alone would hide a builtin or an import: there the noun is part of the name.
    assert handler.__name__ == verb or handler.__name__.startswith((f"{verb}_", f"list_{noun[:-1]}_{verb}"))


def test_every_operation_stands_in_the_module_of_its_noun_under_the_name_of_its_verb() -> None:
    """users.set_role is bkendctl.contract.users.SET_ROLE: one search finds it."""
    for operation in OPERATIONS:
        noun, _, verb = operation.name.partition(".")
        assert getattr(import_module(f"bkendctl.contract.{noun}"), verb.upper()) is operation


@pytest.mark.parametrize("part", ["name", "operation_id", "route"])
def test_no_operation_is_declared_twice(part: str) -> None:
    """Names, operationIds and routes are unique."""
    parts = [
        f"{operation.method} {operation.path}" if part == "route" else getattr(operation, part)
        for operation in OPERATIONS
    ]
    assert [value for value, count in Counter(parts).items() if count > 1] == []


@every_operation
def test_an_operation_says_in_a_line_what_it_does(operation: Operation[Any, Any]) -> None:
    """The summary is one plain line for help texts and the API description."""
    assert operation.summary
    assert operation.summary == operation.summary.strip().rstrip(".")
    assert len(operation.summary) <= 72


def test_every_gap_is_of_an_operation_and_says_why() -> None:
    """A gap of an operation that is not declared, or without a reason, hides something."""
    declared = {operation.operation_id for operation in OPERATIONS}
    assert [entry for entry in GAPS if entry.operation_id not in declared or not entry.reason] == []


def test_statuses_of_the_error_table_are_the_contracts() -> None:
    """Each code of the contract bears its status; those the contract lacks are faults of this machine."""
    mine = {code: row.status for code, row in ERRORS.items() if not code.startswith("cli/")}
    assert mine == {code: CONTRACT["statuses"].get(code) for code in mine}


def test_what_is_not_built_yet_is_counted(record_property: Callable[[str, object], None]) -> None:
    """Every declared operation is of the contract; how many of it are missing is told, not hidden."""
    mine = {operation.operation_id for operation in OPERATIONS}
    assert mine <= CONTRACT["operations"].keys()
    missing = sorted(CONTRACT["operations"].keys() - mine)
    record_property("operations not built yet", f"{len(missing)}: {', '.join(missing)}")
