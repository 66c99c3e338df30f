"""What a stream can show: is it a terminal, how wide, which characters, in colour; and writing lines to it.

The only place that draws with Rich, and only in colour on a terminal.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, TextIO

if TYPE_CHECKING:
    from rich.console import Console

PIPED_WIDTH = 80


class Span(NamedTuple):
    """A piece of a line, already visible text; style in Rich's words, "" for plain."""

    text: str
    style: str = ""


def is_terminal(file: TextIO) -> bool:
    """Tell whether a person sees the stream; a closed one is no terminal."""
    try:
        return file.isatty()
    except ValueError:
        return False


def wants_colour(file: TextIO) -> bool:
    """Colour only on a terminal that is not dumb, and without NO_COLOR (no-color.org: set and not empty)."""
    return is_terminal(file) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def width_of(file: TextIO) -> int:
    """Cells in a line: COLUMNS, else the terminal's own width, else 80."""
    wanted = os.environ.get("COLUMNS", "")
    if wanted.isascii() and wanted.isdigit() and int(wanted) > 0:
        return int(wanted)
    try:
        return os.get_terminal_size(file.fileno()).columns or PIPED_WIDTH
    except (OSError, ValueError):
        return PIPED_WIDTH


def height_of(file: TextIO) -> int | None:
    """Lines of the terminal that a person sees; None where nobody does."""
    try:
        return os.get_terminal_size(file.fileno()).lines if is_terminal(file) else None
    except (OSError, ValueError):
        return None


def can_show(file: TextIO, characters: str) -> bool:
    """Tell whether the stream's encoding has these characters; a stream without an encoding has all."""
    try:
        characters.encode(getattr(file, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def showable(file: TextIO, text: str) -> str:
    """Replace what the stream's encoding lacks by escapes, so that writing never fails on it."""
    if can_show(file, text):
        return text
    encoding = getattr(file, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def cells(text: str) -> int:
    """Count the terminal cells of visible text: CJK and emoji take two, combining marks none."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


class Pen:
    """Writes lines of spans to a stream: in colour through Rich where wanted, else as plain text."""

    def __init__(self, file: TextIO) -> None:
        self.file = file
        self._console: Console | None = None
        if wants_colour(file):
            from rich.console import Console

            # The 8 basic colours follow the terminal's theme, dark or light; nothing is guessed from the
            # text (markup, highlighting, emoji codes), and nothing is wrapped or cropped.
            self._console = Console(
                file=file,
                force_terminal=True,
                color_system="standard",
                markup=False,
                highlight=False,
                emoji=False,
                soft_wrap=True,
            )

    def line(self, spans: Sequence[Span]) -> None:
        """Write one line."""
        if self._console is None:
            self.file.write(showable(self.file, "".join(span.text for span in spans)) + "\n")
            return
        from rich.text import Text

        self._console.print(Text.assemble(*((showable(self.file, text), style) for text, style in spans)))
