"""Files of users as streams of records, in constant memory: CSV, JSON lines, and one JSON document.

A record that cannot be read is told with its place and stops no other, as far as the file goes on after it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

import msgspec

from bkendctl.contract.errors import Failure

LONGEST_LINE = 1_048_576
"""Bytes of one JSON line; what is longer is no user."""
_BOM = b"\xef\xbb\xbf"
_OTHER_ENCODINGS = (b"\xff\xfe", b"\xfe\xff")
_SURROGATES = range(0xDC80, 0xDD00)
"""What Python reads a byte as that is no UTF-8 (surrogateescape)."""


class Record(NamedTuple):
    """One user as the file has it. place: its line, or its number in a JSON document, from 1.

    fault: why there is none.
    """

    place: int
    value: dict[str, Any] | None
    fault: str = ""


def begin(file: BinaryIO) -> str:
    """Give the first character that is no space, past a mark of UTF-8. cli/file for other encodings."""
    head = file.peek(LONGEST_LINE)[:4096] if isinstance(file, io.BufferedReader) else b""
    if head.startswith(_OTHER_ENCODINGS) or b"\0" in head[:4]:
        raise Failure("cli/file", "The file is UTF-16 or UTF-32.", hint="save it as UTF-8")
    if head.startswith(_BOM):
        file.read(len(_BOM))
        head = head[len(_BOM) :]
    if not head.strip():
        raise Failure("cli/file", "The file is empty.")
    return chr(head.lstrip()[0])


def lines(file: BinaryIO) -> Iterator[Record]:
    """Objects of JSON lines."""
    place = 0
    while line := file.readline(LONGEST_LINE):
        place += 1
        if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            while (more := file.readline(LONGEST_LINE)) and not more.endswith(b"\n"):
                pass
            yield Record(place, None, f"is longer than {LONGEST_LINE} bytes")
        elif line.strip():
            yield _object(place, line)


def _object(place: int, line: bytes) -> Record:
    try:
        value = msgspec.json.decode(line)
    except UnicodeDecodeError:
        return Record(place, None, "is not UTF-8")
    except (msgspec.DecodeError, RecursionError) as error:
        ends = "" if line.endswith(b"\n") else "; the file ends here"
        return Record(place, None, f"is no JSON ({error}){ends}")
    return _as_record(place, value)


def _as_record(place: int, value: Any) -> Record:
    return Record(place, value) if isinstance(value, dict) else Record(place, None, "is no JSON object")


def document(file: BinaryIO, prefix: str) -> Iterator[Record]:
    """Objects of a list within one JSON document. prefix: where the list is, as ijson writes it."""
    import ijson

    place = 0
    try:
        for value in ijson.items(file, prefix, use_float=True):
            place += 1
            yield _as_record(place, value)
    except (ijson.JSONError, UnicodeDecodeError) as error:
        reason = str(error).strip().splitlines()[0]
        yield Record(place + 1, None, f"is cut off or no JSON ({reason}); the rest was not read")


def table(file: BinaryIO, names: list[str] | None = None) -> Iterator[Record]:
    """Rows of CSV by their columns. names: for a file without a header; cells beyond them are left out.

    cli/file for a header without email.
    """
    text = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="")
    reader = csv.reader(text, strict=True)
    header = names
    while True:
        place = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            yield Record(place, None, f"is no CSV ({error})")
            continue
        if header is None:
            header = _header(cells)
        elif cells:
            yield _row(place, header, cells, exact=names is None)
    text.detach()


def _header(cells: list[str]) -> list[str]:
    if "email" not in cells:
        raise Failure(
            "cli/file",
            "The first line names no column email.",
            hint="is this the right --from, and is it CSV?",
        )
    return cells


def _row(place: int, header: list[str], cells: list[str], *, exact: bool) -> Record:
    if exact and len(cells) != len(header):
        return Record(place, None, f"has {len(cells)} cells, and the header {len(header)}")
    if any(ord(character) in _SURROGATES for cell in cells if not cell.isascii() for character in cell):
        return Record(place, None, "is not UTF-8")
    return Record(place, dict(zip(header, cells, strict=False)))
