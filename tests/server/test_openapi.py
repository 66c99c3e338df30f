"""The served document says of every operation what its declaration says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bkendctl.contract.errors import ERRORS
from bkendctl.contract.operation import Operation, placement
from bkendctl.server.infrastructure import ROUTES
from bkendctl.server.openapi import document
from tests.catalogue import OPERATIONS, name_of

DOCUMENT = document("https://auth.example.com")
every_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=name_of)


def entry_of(operation: Operation[Any, Any]) -> dict[str, Any]:
    """The document's entry of an operation."""
    entry: dict[str, Any] = DOCUMENT["paths"][operation.path][operation.method.lower()]
    return entry


def references(node: Any) -> set[str]:
    """Every $ref within a part of the document."""
    if isinstance(node, list):
        return {found for member in node for found in references(member)}
    if not isinstance(node, dict):
        return set()
    return {value for key, value in node.items() if key == "$ref"} | references(list(node.values()))


@every_operation
def test_every_field_stands_where_it_travels(operation: Operation[Any, Any]) -> None:
    """The parameters and the properties of the body are the request's fields; a file is the whole body."""
    entry = entry_of(operation)
    stated = {each["name"]: each["in"] for each in entry.get("parameters", ())}
    for kind, media in entry.get("requestBody", {"content": {}})["content"].items():
        is_json = kind == "application/json"
        stated |= dict.fromkeys(media["schema"]["properties"], "body") if is_json else {"file": "file"}
    placed = placement(operation).items()
    assert stated == {place.partition(":")[2] or name: place.partition(":")[0] for name, place in placed}


@every_operation
def test_every_code_is_listed_with_its_status(operation: Operation[Any, Any]) -> None:
    """x-error-codes holds the codes of the declaration, and each status has its answer."""
    entry = entry_of(operation)
    listed = {each["code"]: each["status"] for each in entry["x-error-codes"]}
    assert listed == {code: ERRORS[code].status for code in operation.all_errors}
    redirected = {"302"} if operation.redirects else set()
    assert set(entry["responses"]) == {str(operation.status), *map(str, listed.values())} | redirected


def test_where_a_browser_is_sent_on_is_stated() -> None:
    """The two answers to a browser that may be a redirect say where to, next to the answer for programs."""
    sent_on = [operation for operation in OPERATIONS if operation.redirects]
    assert [each.name for each in sent_on] == ["accounts.confirm_sign_up", "oauth.complete_redirect"]
    for operation in sent_on:
        answers = entry_of(operation)["responses"]
        assert answers["302"]["headers"]["Location"]["schema"]["format"] == "uri"
        assert "content" in answers["200"]


def test_operation_ids_are_unique_and_infrastructure_is_there() -> None:
    """Every operation and route has one entry under an id of its own."""
    ids = [entry["operationId"] for item in DOCUMENT["paths"].values() for entry in item.values()]
    assert sorted(ids) == sorted(
        [each.operation_id for each in OPERATIONS] + [each.operation_id for each in ROUTES]
    )


def test_every_reference_leads_somewhere() -> None:
    """No $ref of the document, which is plain JSON, is dangling."""
    for reference in references(json.loads(json.dumps(DOCUMENT))):
        node: Any = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
        assert node


def test_the_server_is_named_when_given() -> None:
    """servers holds the address handed in, and is left out without one."""
    assert DOCUMENT["servers"] == [{"url": "https://auth.example.com"}]
    assert "servers" not in document()
