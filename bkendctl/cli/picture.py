"""Draws a picture on a terminal: by the protocol of Kitty or iTerm2, else as half blocks in true colour."""

from __future__ import annotations

import os
from base64 import b64encode
from io import BytesIO
from typing import TYPE_CHECKING, TextIO

from bkendctl.cli.terminal import can_show, wants_colour, width_of

if TYPE_CHECKING:
    from PIL import Image

ROWS = 12
_PIECE = 4096
"""As long as a piece may be that Kitty takes."""
_KITTY = ("kitty", "ghostty", "WezTerm")
_UPPER_HALF = "\u2580"


def draw(file: TextIO, content: bytes) -> None:
    """Draw a picture twelve lines high; nothing where colour is not wanted, or the stream is no terminal."""
    if not wants_colour(file):
        return
    from PIL import Image

    try:
        with Image.open(BytesIO(content), formats=("JPEG", "PNG", "GIF", "WEBP")) as opened:
            picture = opened.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return  # what could be sent all the same can be seen elsewhere
    picture.thumbnail((320, 320))
    term, program = os.environ.get("TERM", ""), os.environ.get("TERM_PROGRAM", "")
    if "TMUX" not in os.environ and (program in _KITTY or any(name in term for name in _KITTY)):
        file.write(_kitty(picture))
    elif "TMUX" not in os.environ and program == "iTerm.app":
        file.write(_iterm(picture))
    elif os.environ.get("COLORTERM") in ("truecolor", "24bit") and can_show(file, _UPPER_HALF):
        file.write(_half_blocks(picture, min(width_of(file), 2 * ROWS)))


def _png(picture: Image.Image) -> str:
    made = BytesIO()
    picture.save(made, "PNG")
    return b64encode(made.getvalue()).decode()


def _kitty(picture: Image.Image) -> str:
    """https://sw.kovidgoyal.net/kitty/graphics-protocol: a PNG in pieces, no answer wanted."""
    data = _png(picture)
    pieces = [data[start : start + _PIECE] for start in range(0, len(data), _PIECE)]
    written = []
    for number, piece in enumerate(pieces):
        first = f"a=T,f=100,q=2,r={ROWS}," if number == 0 else ""
        written.append(f"\x1b_G{first}m={int(number + 1 < len(pieces))};{piece}\x1b\\")
    return "".join(written) + "\n"


def _iterm(picture: Image.Image) -> str:
    """https://iterm2.com/documentation-images.html."""
    return f"\x1b]1337;File=inline=1;height={ROWS}:{_png(picture)}\a\n"


def _half_blocks(picture: Image.Image, columns: int) -> str:
    """Two pixels a cell, one above the other."""
    small = picture.copy()
    small.thumbnail((columns, 2 * ROWS))
    lines = []
    for top in range(0, small.height - 1, 2):
        cells = []
        for left in range(small.width):
            upper, lower = small.getpixel((left, top)), small.getpixel((left, top + 1))
            assert isinstance(upper, tuple)
            assert isinstance(lower, tuple)
            above, below = (";".join(map(str, colour[:3])) for colour in (upper, lower))
            cells.append(f"\x1b[38;2;{above};48;2;{below}m{_UPPER_HALF}")
        lines.append("".join(cells) + "\x1b[0m\n")
    return "".join(lines)
