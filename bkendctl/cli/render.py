"""Show a result on stdout in the form that was asked for: the one renderer of all commands.

Takes plain builtins exactly as the API's body has them. Says nothing to people; that is errors.py.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TextIO

from bkendctl.cli import formats
from bkendctl.cli.errors import Chatter
from bkendctl.cli.tables import Now, View, derive_columns, draw_card, draw_table, pick
from bkendctl.cli.terminal import Pen, Span, can_show, is_terminal, showable, width_of
from bkendctl.cli.text import visible

Format = Literal["table", "json", "yaml", "csv"]
FORMATS: tuple[Format, ...] = ("table", "json", "yaml", "csv")

_QUIET_KEYS = ("id",)  # what -q prints where a view names nothing


class Output(NamedTuple):
    """What -o, -q and --jq asked for. --jq goes before -q, -q before -o."""

    format: Format = "table"
    quiet: bool = False
    jq: str | None = None

    @property
    def chatter(self) -> Chatter:
        """What may be said on stderr beside the result."""
        return Chatter(self.format, quiet=self.quiet)

    def show(
        self, body: Any, view: View | None = None, *, now: Now | None = None, file: TextIO | None = None
    ) -> None:
        """Write the body to stdout, the footer of a list to stderr.

        now: the environment's clock, for relative times in tables. file: instead of stdout. Raises
        cli/usage for a --jq that cannot be run.
        """
        file = sys.stdout if file is None else file
        view = view or View()
        if self.jq is not None:
            for line in formats.filtered(body, self.jq):
                write(file, line + "\n", raw=True)
        elif self.quiet:
            for line in _quiet_lines(body, view):
                write(file, line + "\n", raw=True)
        elif self.format == "json":
            write(file, _json_for(file, body) + "\n")
        elif self.format == "yaml":
            text = formats.yaml_text(body)
            write(file, text if can_show(file, text) else formats.yaml_text(body, ascii_only=True))
        elif self.format == "csv":
            names = [column.value for column in view.columns if isinstance(column.value, str)]
            write(file, formats.csv_text(body, names), raw=True)
            self._footer(body, view, ())
        else:
            self._footer(body, view, _draw(file, body, view, now))

    def show_pages(
        self, pages: Iterable[dict[str, Any]], view: View, *, now: Now, file: TextIO | None = None
    ) -> None:
        """Write the pages of one list as they come, as one table or document; none is kept.

        --jq runs on each page.
        """
        from bkendctl.cli.page_stream import stream

        file = sys.stdout if file is None else file
        if self.jq is not None or self.quiet:
            for page in pages:
                self.show(page, view, file=file)
            return
        count, left_out = stream(self.format, file, pages, view, now)
        self._say([_count(count, {}, view)], left_out)

    def _footer(self, body: Any, view: View, left_out: Sequence[str]) -> None:
        """Say on stderr how much of a list was shown and how to see the rest."""
        rows = body["items"] if formats.is_page(body) else body
        if not isinstance(rows, list):
            return
        pagination = body.get("pagination", {}) if formats.is_page(body) else {}
        parts = [_count(len(rows), pagination, view)]
        page = pagination.get("page")
        if isinstance(page, int) and rows and page < pagination.get("totalPages", 0):
            parts.append(f"next: --page {page + 1}")
        elif not pagination and formats.is_page(body) and body.get("nextCursor") is not None:
            parts.append("there are more: --limit N")
        self._say(parts, left_out)

    def _say(self, parts: list[str], left_out: Sequence[str]) -> None:
        if left_out:
            parts.append(f"no room for: {', '.join(left_out)}")
        self.chatter.note((" · " if can_show(sys.stderr, "·") else ", ").join(parts))


def _count(shown: int, pagination: Mapping[str, Any], view: View) -> str:
    total = pagination.get("total", shown)
    exact = pagination.get("totalIsExact", True)
    if not shown and not total:
        return view.empty or f"no {view.noun}"
    if shown == total and exact:
        return f"1 {_singular(view.noun)}" if total == 1 else f"{total} {view.noun}"
    return f"{shown} of {total if exact else f'about {total}'} {view.noun}"


def _singular(noun: str) -> str:
    return f"{noun[:-3]}y" if noun.endswith("ies") else noun.removesuffix("s")


def _draw(file: TextIO, body: Any, view: View, now: Now | None) -> list[str]:
    """Draw a table, a card or a message; give back the titles of columns that were too wide."""
    pen = Pen(file)
    width = width_of(file)
    if formats.is_page(body) or isinstance(body, list):
        rows = formats.rows_of(body)
        if not rows:
            return []
        return draw_table(pen, rows, view.columns or derive_columns(rows, nested=False), width, now)
    if isinstance(body, dict):
        if set(body) == {"message"} and not view.columns:
            pen.line([Span(visible(str(body["message"])))])
        else:
            draw_card(pen, body, view.columns or derive_columns([body], nested=True), width, now)
    elif body is not None:
        pen.line([Span(visible(body if isinstance(body, str) else formats.json_text(body, indent=None)))])
    return []


def _quiet_lines(body: Any, view: View) -> list[str]:
    """Take the identifiers or the secret, one per line; nothing where there is none."""
    is_list = formats.is_page(body) or isinstance(body, list)
    lines: list[str] = []
    for row in formats.rows_of(body):
        value = _quiet_value(row, view)
        for each in value if isinstance(value, list) else [value]:
            if each is None:
                continue
            text = each if isinstance(each, str) else formats.json_text(each, indent=None)
            # A line feed in one item would pass for one more item.
            lines.append(visible(text) if is_list else text)
    return lines


def _quiet_value(row: Mapping[str, Any], view: View) -> Any:
    if view.quiet is not None:
        return pick(row, view.quiet)
    return next((row[key] for key in _QUIET_KEYS if key in row), None)


def _json_for(file: TextIO, body: Any) -> str:
    """JSON in characters that the stream has; where it lacks some (or they are half of one), in ASCII."""
    text = formats.json_text(body)
    return text if can_show(file, text) else formats.json_text(body, ascii_only=True)


def write(file: TextIO, text: str, *, raw: bool = False) -> None:
    """Write text; raw text of users is made visible where a person sees it, and untouched in a pipe."""
    if raw and is_terminal(file):
        text = visible(text.replace("\r\n", "\n"), keep="\n\t")
    file.write(showable(file, text))
