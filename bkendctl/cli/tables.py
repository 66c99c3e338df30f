"""Bodies as tables and cards: which columns, which words in the cells, and what fits the width.

Drops whole columns, never characters. Knows no stream but through terminal.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from bkendctl.cli.formats import json_text
from bkendctl.cli.terminal import Pen, Span, cells, is_terminal
from bkendctl.cli.text import format_duration, relative_time, visible

Value = str | Callable[[Mapping[str, Any]], Any]
Now = Callable[[], datetime]  # asked only where a time is shown: it may have to be found out

KEEP = 1_000  # priority of a column that is never dropped
GAP = "  "
NARROWEST_TEXT = 30  # cells; with fewer a text is left out rather than wrapped
EMPTY = "-"  # a blank cell would shift the columns for awk and cut

# Words of a state, coloured where colour is wanted; the word alone carries the meaning. Only colours that
# are legible on dark and on light terminals.
_GOOD, _BAD, _WAITING = "green", "red", "magenta"
STATUS_STYLE = {
    **dict.fromkeys(("active", "accepted", "current", "delivered", "enabled", "good", "ok"), _GOOD),
    **dict.fromkeys(("on", "present", "sent", "valid", "verified", "yes"), _GOOD),
    **dict.fromkeys(("bad", "banned", "declined", "deleted", "error", "expired", "failed"), _BAD),
    **dict.fromkeys(("invalid", "locked", "missing", "rejected", "revoked"), _BAD),
    **dict.fromkeys(("expiring", "held", "pending", "unverified", "warning"), _WAITING),
}
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_CAMEL = re.compile(r"[A-Za-z][A-Za-z0-9]*(\.[A-Za-z][A-Za-z0-9]*)*")
_WORD_OF_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+|[A-Z]")
_ACRONYMS = {"id", "ip", "mfa", "url", "jwt", "api", "totp", "smtp", "uri", "sms"}


class Column(NamedTuple):
    """One column of a table, or one line of a card.

    value: dotted key (user.email) or a function of the item. priority: columns with the lowest are
    dropped first when the width is short; KEEP never. style: "" picks by value, "id", "status",
    "time" (ISO-8601, shown relative), "duration" (seconds), "number", or "text" for none of these. A text
    at the end of a table is wrapped on a terminal, and runs on in a pipe, where a line is an item.
    optional: a card has no line for it where it is empty.
    """

    title: str
    value: Value
    priority: int = 10
    style: str = ""
    optional: bool = False


class View(NamedTuple):
    """How a body is drawn as a table or card, and what -q prints of it.

    quiet: dotted key or function naming the identifier or secret. noun: what the items are, plural, for
    the footer. empty: what is said when there are none. offer: value and label of an item for completion,
    of a list whose items other commands take. real_time: its instants are of the machine's clock, wherever
    the environment's has been moved.
    """

    columns: Sequence[Column] = ()
    quiet: Value | None = None
    noun: str = "items"
    empty: str = ""
    offer: Callable[[Mapping[str, Any]], tuple[str, str]] | None = None
    real_time: bool = False


def pick(item: Mapping[str, Any], value: Value) -> Any:
    """Take a column's value out of an item; None where a step of the dotted key is missing."""
    if not isinstance(value, str):
        return value(item)
    if value in item:
        return item[value]
    found: Any = item
    for step in value.split("."):
        if not isinstance(found, Mapping) or step not in found:
            return None
        found = found[step]
    return found


def _is_left_out(item: Mapping[str, Any], column: Column) -> bool:
    """Whether an item lacks even the first step of a dotted key (null is a value), or what is optional."""
    if column.optional and pick(item, column.value) is None:
        return True
    value = column.value
    return isinstance(value, str) and value not in item and value.partition(".")[0] not in item


def title_of(key: str) -> str:
    """Make a title of a camelCase key: lastActivityAt is "Last activity at", user.id is "User ID"."""
    if not _CAMEL.fullmatch(key):  # a key that a user chose
        return visible(key)
    words = [word.lower() for word in _WORD_OF_CAMEL.findall(key)]
    title = " ".join(word.upper() if word in _ACRONYMS else word for word in words)
    return title[:1].upper() + title[1:]


def derive_columns(items: Sequence[Mapping[str, Any]], *, nested: bool) -> list[Column]:
    """Make columns of what the items hold, in their order; the id is kept, later ones are dropped first.

    nested: take lists too, and objects within the object as dotted lines, as a card does.
    """
    keys: dict[str, None] = {}
    for item in items:
        keys.update(dict.fromkeys(_keys(item, nested=nested)))
    return [
        Column(title_of(key), key, KEEP if key == "id" else len(keys) - place)
        for place, key in enumerate(keys)
    ]


def _keys(item: Mapping[str, Any], *, nested: bool, before: str = "") -> list[str]:
    keys: list[str] = []
    for key, value in item.items():
        if isinstance(value, dict) and value:
            if nested:
                keys += _keys(value, nested=True, before=f"{before}{key}.")
        elif nested or not isinstance(value, (list, dict)):
            keys.append(f"{before}{key}")
    return keys


def cell_span(value: Any, style: str, now: Now | None) -> Span:
    """Put a value into words, visible, with the colour of a status."""
    if value is None or value == "" or value == [] or value == {}:
        return Span(EMPTY, "dim")
    if isinstance(value, bool):
        return Span("yes" if value else "no")
    if isinstance(value, (int, float)):
        return Span(format_duration(int(value)) if style == "duration" else str(value))
    if isinstance(value, list) and all(isinstance(each, (str, int, float)) for each in value):
        return Span(", ".join(visible(str(each)) for each in value))
    if not isinstance(value, str):
        return Span(visible(json_text(value, indent=None)))
    if style == "time" or (style == "" and _TIMESTAMP.fullmatch(value)):
        return Span(relative_time(value, now() if now else datetime.now(UTC)))
    shown = visible(value)
    return Span(shown, STATUS_STYLE.get(shown.lower(), "") if style in ("", "status") else "")


def draw_table(
    pen: Pen,
    items: Sequence[Mapping[str, Any]],
    columns: Sequence[Column],
    width: int,
    now: Now | None,
    *,
    header: bool = True,
) -> list[str]:
    """Draw the items under a header, in as many columns as fit the width; give back the titles left out."""
    table = [[cell_span(pick(item, column.value), column.style, now) for column in columns] for item in items]
    widths = [
        max([cells(column.title), *(cells(row[place].text) for row in table)])
        for place, column in enumerate(columns)
    ]
    least = list(widths)
    if columns[-1].style == "text":
        least[-1] = min(widths[-1], NARROWEST_TEXT)
    shown = _fitting(columns, least, width)
    right = {place for place in shown if _is_number(columns[place], items)}
    room = width - sum(widths[place] + len(GAP) for place in shown[:-1])
    wraps = columns[shown[-1]].style == "text" and is_terminal(pen.file)
    titles = [[Span(column.title, "bold") for column in columns]] if header else []
    for row in [*titles, *table]:
        line = [row[place] for place in shown]
        for part in _wrapped(line[-1].text, room) if wraps else [line[-1].text]:
            line[-1] = line[-1]._replace(text=part)
            pen.line(_aligned(line, [widths[place] for place in shown], [place in right for place in shown]))
            line = [*(Span("") for _ in line[:-1]), line[-1]]
    return [column.title for place, column in enumerate(columns) if place not in shown]


def _wrapped(text: str, room: int) -> list[str]:
    """Break a text between words; a word that is too long (a path to be copied) stays whole."""
    lines = [""]
    for word in text.split(" "):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if cells(joined) <= room or not lines[-1]:
            lines[-1] = joined
        else:
            lines.append(word)
    return lines


def _fitting(columns: Sequence[Column], widths: Sequence[int], width: int) -> list[int]:
    """Places of the columns that fit: the least of them goes first, of equals the rightmost."""
    shown = list(range(len(columns)))
    while sum(widths[place] + len(GAP) for place in shown) - len(GAP) > width:
        droppable = [place for place in shown if columns[place].priority < KEEP]
        if not droppable or len(shown) == 1:
            break  # an identifier is never cut: rather a line that is too long
        shown.remove(min(droppable, key=lambda place: (columns[place].priority, -place)))
    return shown


def _is_number(column: Column, items: Sequence[Mapping[str, Any]]) -> bool:
    if column.style:
        return column.style == "number"
    values = [value for item in items if (value := pick(item, column.value)) is not None]
    return bool(values) and all(
        isinstance(value, (int, float)) and not isinstance(value, bool) for value in values
    )


def _aligned(row: Sequence[Span], widths: Sequence[int], right: Sequence[bool]) -> list[Span]:
    line: list[Span] = []
    for place, (span, width, is_right) in enumerate(zip(row, widths, right, strict=True)):
        padding = Span(" " * (width - cells(span.text)))
        if place:
            line.append(Span(GAP))
        if is_right:
            line += [padding, span]
        else:
            line += [span] if place == len(row) - 1 else [span, padding]
    return line


def draw_card(
    pen: Pen, item: Mapping[str, Any], columns: Sequence[Column], width: int, now: Now | None
) -> None:
    """Draw one object as lines of title and value, but for keys that it does not have.

    A list too long for its line takes one line per entry.
    """
    columns = [column for column in columns if not _is_left_out(item, column)]
    margin = max((cells(column.title) for column in columns), default=0)
    for column in columns:
        value = pick(item, column.value)
        span = cell_span(value, column.style, now)
        spans = [span]
        if isinstance(value, list) and margin + len(GAP) + cells(span.text) > width:
            spans = [cell_span(each, column.style, now) for each in value]
        for place, each in enumerate(spans):
            title = "" if place else column.title
            pen.line([Span(title, "dim"), Span(" " * (margin - cells(title)) + GAP), each])
