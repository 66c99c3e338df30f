"""Bodies as JSON, YAML and CSV text, and through jq: nothing is left out, nothing is drawn."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bkendctl.cli.text import escape_for_json, visible
from bkendctl.contract.errors import Failure

if TYPE_CHECKING:
    import yaml

# What a spreadsheet takes for a formula (OWASP, CSV Injection). Apostrophes before it count as well, so
# that neutralising can be undone exactly.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
# Numbers of YAML 1.2 that PyYAML, which speaks 1.1, would leave unquoted: the id 12345678e5 is one.
_NUMBER_OF_YAML_1_2 = re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?|0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)


def json_text(body: Any, *, indent: int | None = 2, ascii_only: bool = False) -> str:
    """Write exactly the body as one JSON document, without the newline at its end.

    Characters that would command a terminal are written as escapes, which mean the same. ascii_only: for
    streams that cannot carry UTF-8.
    """
    separators = (",", ":") if indent is None else None
    return escape_for_json(json.dumps(body, indent=indent, ensure_ascii=ascii_only, separators=separators))


def yaml_text(body: Any, *, ascii_only: bool = False) -> str:
    """Write the body as YAML in its own order; strings that look like timestamps or numbers stay strings."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """SafeDumper that quotes for YAML 1.2 readers too, and never refers back with an alias."""

        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's own signature
            return True

    def represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
        style = None
        if "\n" in text and visible(text, keep="\n") == text:
            style = "|"
        elif visible(text) != text:
            style = '"'
        elif _NUMBER_OF_YAML_1_2.fullmatch(text):
            style = "'"
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, represent_text)
    document = yaml.dump(
        body, Dumper=Dumper, sort_keys=False, allow_unicode=not ascii_only, width=float("inf"), indent=2
    )
    if not isinstance(body, (dict, list)):
        document = document.removesuffix("...\n")  # the end mark that PyYAML sets after a lone scalar
    return escape_for_json(document)


def csv_text(body: Any, fields: Sequence[str] = ()) -> str:
    """Write RFC 4180: a header, then one line per item of a page or list, or one for a single object.

    fields: the header where there is no item to take it from. Nested values are JSON text, None is
    empty, booleans are true and false, and cells that a spreadsheet would run are neutralised.
    """
    rows = rows_of(body)
    names = list(dict.fromkeys(name for row in rows for name in row)) or list(fields)
    if not names:
        return ""
    return csv_lines([dict(zip(names, names, strict=True))], names) + csv_lines(rows, names)


def csv_lines(rows: Iterable[Mapping[str, Any]], names: Sequence[str]) -> str:
    """Write the lines of some rows, without a header."""
    import csv
    import io

    target = io.StringIO(newline="")
    csv.writer(target).writerows([_csv_cell(row.get(name)) for name in names] for row in rows)
    return target.getvalue()


def is_page(body: Any) -> bool:
    """Tell a list ({items}, with pagination or nextCursor where it comes in pages) from an object."""
    return (
        isinstance(body, dict)
        and isinstance(body.get("items"), list)
        and (len(body) == 1 or not body.keys().isdisjoint({"pagination", "nextCursor"}))
    )


def rows_of(body: Any) -> list[dict[str, Any]]:
    """Take the rows out of a page, a list or an object; what is no object becomes {value: it}."""
    items = body["items"] if is_page(body) else body
    if not isinstance(items, list):
        items = [items]
    return [item if isinstance(item, dict) else {"value": item} for item in items]


def neutral_cell(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet would run as a formula; original_cell undoes it."""
    return f"'{text}" if _FORMULA.match(text) else text


def original_cell(text: str) -> str:
    """Take off the apostrophe that neutral_cell put there, for importing what was exported."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def _csv_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return neutral_cell(value)
    return json.dumps(value, ensure_ascii=False)


def filtered(body: Any, expression: str) -> Iterator[str]:
    """Run a jq expression over the body: text as it is, everything else as JSON on one line.

    Raises cli/usage when jq is not installed, does not understand the expression or stops within it.
    """
    try:
        import jq
    except ImportError:
        raise Failure(
            "cli/usage", "--jq needs the Python package jq.", hint="pip install jq, or pipe -o json into jq"
        ) from None
    try:
        for result in jq.compile(expression).input_text(json.dumps(body)):
            yield result if isinstance(result, str) else json_text(result, indent=None)
    except ValueError as error:
        reason = str(error).strip().splitlines() or ["it failed"]
        raise Failure(
            "cli/usage",
            f"--jq: {reason[0].removeprefix('jq: error: ')}",
            hint="try the expression on the output of -o json; https://jqlang.org/manual",
        ) from None
