"""Rows without end as CSV or JSON lines, to stdout or into a file that only its owner may read."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import msgspec

from bkendctl.cli import formats
from bkendctl.cli.render import write

Row = Mapping[str, Any]
Write = Callable[[Sequence[Row]], None]
FORMATS = ("csv", "jsonl")


@contextmanager
def opened(file: Path | None) -> Iterator[TextIO]:
    """Give stdout, or a new file of mode 0600 that takes its place when all is written.

    Failures: cli/file, cli/unsafe-file.
    """
    if file is None:
        yield sys.stdout
        return
    from bkendctl.local.files import new_private

    with (
        new_private(file.absolute()) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as target,
    ):
        yield target


def writer(kind: str, target: TextIO, names: Sequence[str]) -> Write:
    """Give the function that writes rows; of CSV the header with these names is written at once."""
    if kind == "jsonl":
        return lambda rows: write(target, "".join(_line(row) for row in rows))
    write(target, formats.csv_text([], names), raw=True)
    return lambda rows: write(target, formats.csv_lines(rows, names), raw=True)


def _line(row: Row) -> str:
    # ASCII alone: some readers end a line at U+2028 and the like.
    try:
        quick = msgspec.json.encode(row)
    except UnicodeEncodeError:
        quick = b"\x7f"
    # The same text in a tenth of the time, as nearly all rows are.
    if quick.isascii() and b"\x7f" not in quick:
        return quick.decode() + "\n"
    return formats.json_text(row, indent=None, ascii_only=True) + "\n"


def batched(rows: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Cut a stream into lists of at most so many."""
    batch: list[Any] = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
