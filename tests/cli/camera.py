"""A camera before an emulated terminal, and a foreign decoder that reads the codes in its pictures."""

from __future__ import annotations

import pyte
import zxingcpp
from PIL import Image

# What a cell of the emulated terminal paints: its two halves, upper and lower, in foreground or not.
HALVES = {" ": (False, False), "▀": (True, False), "▄": (False, True), "█": (True, True), "#": (True, True)}
THEMES = {"dark": ("d0d0d0", "101010"), "light": ("202020", "ffffff")}  # default foreground and background
PIXELS = 4  # per half cell, and per cell across


def picture_of(terminal: pyte.Screen, theme: str = "dark") -> Image.Image:
    """Take a grey picture of what the terminal shows now."""
    picture = Image.new("L", (terminal.columns * PIXELS, terminal.lines * 2 * PIXELS))
    for y in range(terminal.lines):
        for x in range(terminal.columns):
            cell = terminal.buffer[y][x]
            ink = _grey(cell.fg, THEMES[theme][0])
            paper = _grey(cell.bg, THEMES[theme][1])
            for half, inked in enumerate(HALVES.get(cell.data, (False, False))):
                box = (x * PIXELS, (2 * y + half) * PIXELS, (x + 1) * PIXELS, (2 * y + half + 1) * PIXELS)
                picture.paste(ink if inked else paper, box)
    return picture


def _grey(colour: str, default: str) -> int:
    return int((default if colour == "default" else colour)[:2], 16)


def decoded(picture: Image.Image) -> list[str]:
    """Read all codes in a picture."""
    return [code.text for code in zxingcpp.read_barcodes(picture)]
