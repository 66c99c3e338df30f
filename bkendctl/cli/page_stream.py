"""The pages of one list written as they come: one table or one document, and no page is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TextIO

from bkendctl.cli import formats
from bkendctl.cli.render import write
from bkendctl.cli.tables import Now, View, draw_table
from bkendctl.cli.terminal import Pen, width_of

Page = dict[str, Any]


def stream(kind: str, file: TextIO, pages: Iterable[Page], view: View, now: Now) -> tuple[int, Sequence[str]]:
    """Write pages; gives the number of their items, and the titles that a table had no room for."""
    if kind == "table":
        return _table(file, pages, view, now)
    written = {"json": _json, "yaml": _yaml, "csv": _csv}[kind]
    count = 0

    def counted() -> Iterator[Page]:
        nonlocal count
        for page in pages:
            count += len(page["items"])
            yield page

    for text in written(counted(), view):
        # In ASCII whatever the stream can show: one document has one encoding from its first page on.
        write(file, text, raw=kind == "csv")
    return count, ()


def _table(file: TextIO, pages: Iterable[Page], view: View, now: Now) -> tuple[int, Sequence[str]]:
    """The columns are those that fit the first page; each page is aligned by itself: the next is unknown."""
    pen, width, count = Pen(file), width_of(file), 0
    left_out: Sequence[str] = ()
    columns = view.columns
    for page in pages:
        if not page["items"]:
            continue
        missing = draw_table(pen, page["items"], columns, width, now, header=not count)
        if not count:
            left_out = missing
            columns = [column for column in columns if column.title not in missing]
        count += len(page["items"])
        file.flush()
    return count, left_out


def _json(pages: Iterable[Page], _view: View) -> Iterator[str]:
    """One document as that of a page: items, then the counts of a list of one page."""
    count = 0
    yield '{\n  "items": ['
    for page in pages:
        for item in page["items"]:
            text = formats.json_text(item, ascii_only=True).replace("\n", "\n    ")
            yield f"{',' if count else ''}\n    {text}"
            count += 1
    ending = formats.json_text(_ending(count), ascii_only=True).removeprefix("{\n")
    yield f"{chr(10) + '  ' if count else ''}],\n{ending}\n"


def _yaml(pages: Iterable[Page], _view: View) -> Iterator[str]:
    count = 0
    for page in pages:
        if page["items"]:
            text = formats.yaml_text({"items": page["items"]}, ascii_only=True)
            yield text if not count else text.removeprefix("items:\n")
            count += len(page["items"])
    if not count:
        yield "items: []\n"
    yield formats.yaml_text(_ending(count))


def _csv(pages: Iterable[Page], view: View) -> Iterator[str]:
    names: list[str] = []
    for page in pages:
        if not names and page["items"]:
            names = list(dict.fromkeys(name for item in page["items"] for name in item))
            yield formats.csv_text([], names)
        yield formats.csv_lines(page["items"], names)
    if not names:
        yield formats.csv_text([], [column.value for column in view.columns if isinstance(column.value, str)])


def _ending(count: int) -> dict[str, Any]:
    """What a page says after its items, of a list that is all on one."""
    pagination = {"page": 1, "limit": count, "total": count, "totalIsExact": True}
    return {"pagination": pagination | {"totalPages": min(count, 1)}, "nextCursor": None}
