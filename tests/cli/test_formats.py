"""JSON, YAML, CSV and jq: nothing is lost on the way out."""

from __future__ import annotations

import csv
import io
import json
import sys
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bkendctl.cli.formats import csv_text, filtered, json_text, neutral_cell, original_cell, yaml_text
from bkendctl.cli.text import visible
from bkendctl.contract.errors import Failure

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
BODIES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=15,
)
FLAT = st.dictionaries(st.sampled_from(["id", "name", "email"]), TEXT, min_size=1)

PAGE = {
    "items": [
        {"id": "u1", "name": "Zoë", "roles": ["a", "b"], "banned": False, "score": -5, "seen": None},
        {"id": "u2", "name": '=HYPERLINK("x")', "roles": [], "banned": True, "score": 0, "seen": "-"},
    ],
    "pagination": {"page": 1, "limit": 10, "total": 2, "totalPages": 1},
}


def read_csv(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


@given(BODIES)
def test_json_is_exactly_the_body_and_commands_no_terminal(body: Any) -> None:
    """The document parses to the body, and holds no character that a terminal obeys."""
    document = json_text(body)
    assert json.loads(document) == body
    assert visible(document, keep="\n") == document


@given(BODIES)
def test_yaml_is_exactly_the_body_and_commands_no_terminal(body: Any) -> None:
    """A safe loader reads the same body back, and the document holds no character that a terminal obeys."""
    document = yaml_text(body)
    assert yaml.safe_load(document) == body
    assert visible(document, keep="\n") == document
    assert yaml.safe_load(yaml_text(body, ascii_only=True)) == body


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T14:05:00.000Z",
        "2026-11-23",
        "12:30:45",
        "on",
        "null",
        "1",
        "1e5",
        "12345678e5",
        "0o17",
        "~",
    ],
)
def test_text_that_looks_like_something_else_is_quoted_in_yaml(text: str) -> None:
    """Timestamps and ids that look like numbers stay strings, for readers of YAML 1.2 as well."""
    document = yaml_text({"value": text})
    assert document in (f"value: '{text}'\n", f'value: "{text}"\n')
    assert yaml.safe_load(document) == {"value": text}


def test_yaml_keeps_the_order_and_the_letters() -> None:
    """Keys come as the API sends them, and text as it was written."""
    assert yaml_text({"name": "Zoë 😀", "email": "z@example.com"}) == "name: Zoë 😀\nemail: z@example.com\n"


def test_csv_has_a_header_and_a_line_per_item() -> None:
    """Booleans are true and false, None is empty, nested is JSON; text is neutralised, numbers are not."""
    assert read_csv(csv_text(PAGE)) == [
        ["id", "name", "roles", "banned", "score", "seen"],
        ["u1", "Zoë", '["a", "b"]', "false", "-5", ""],
        ["u2", '\'=HYPERLINK("x")', "[]", "true", "0", "'-"],
    ]


def test_csv_lines_end_as_rfc_4180_says() -> None:
    """Lines end with CR LF."""
    assert csv_text({"id": "u1", "n": 1}) == "id,n\r\nu1,1\r\n"


def test_an_empty_page_is_a_csv_header_alone() -> None:
    """Where no item tells the fields, the view's do."""
    empty = {"items": [], "pagination": {}}
    assert csv_text(empty, ["id", "email"]) == "id,email\r\n"
    assert csv_text(empty) == ""


def test_items_with_different_fields_share_one_header() -> None:
    """The header has every field of any item; what an item lacks is empty."""
    assert read_csv(csv_text([{"a": "1"}, {"b": "2"}])) == [["a", "b"], ["1", ""], ["", "2"]]


@given(st.lists(FLAT, min_size=1))
def test_csv_gives_back_the_text_of_every_item(items: list[dict[str, str]]) -> None:
    """Whatever the text (quotes, line ends, formulas), reading and restoring the cells loses nothing."""
    header, *lines = read_csv(csv_text(items))
    for item, line in zip(items, lines, strict=True):
        assert {
            name: original_cell(cell) for name, cell in zip(header, line, strict=True) if name in item
        } == item


@given(st.text(st.sampled_from("'=+-@\t\ra"), max_size=6))
def test_neutral_cells_run_nowhere_and_can_be_undone(text: str) -> None:
    """No neutral cell begins like a formula, and the original comes back exactly."""
    neutral = neutral_cell(text)
    assert not neutral.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert original_cell(neutral) == text


@pytest.mark.parametrize(
    ("expression", "lines"),
    [
        (".items[].id", ["u1", "u2"]),
        (".pagination.total", ["2"]),
        (".items[0].roles", ['["a","b"]']),
        (".items[0] | {name, seen}", ['{"name":"Zoë","seen":null}']),
        ("empty", []),
    ],
)
def test_jq_prints_text_raw_and_the_rest_as_json(expression: str, lines: list[str]) -> None:
    """Each result is one line."""
    assert list(filtered(PAGE, expression)) == lines


@pytest.mark.parametrize("expression", [".items[", ".items.id", "nonsense", 'error("no")', ""])
def test_a_bad_jq_expression_is_a_usage_error(expression: str) -> None:
    """What jq cannot compile or run ends with exit 2 and the reason."""
    with pytest.raises(Failure) as refused:
        list(filtered(PAGE, expression))
    assert refused.value.code == "cli/usage"
    assert refused.value.message.startswith("--jq: ")


def test_without_the_jq_package_jq_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the package is absent, --jq is a usage error that names it."""
    monkeypatch.setitem(sys.modules, "jq", None)
    with pytest.raises(Failure, match="needs the Python package jq") as refused:
        list(filtered(PAGE, "."))
    assert refused.value.exit_status == 2
