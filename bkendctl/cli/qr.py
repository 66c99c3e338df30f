"""QR codes of a secret URL (ISO/IEC 18004): in the terminal, as PNG, as SVG. Knows nothing of TOTP."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from bkendctl.contract.errors import Failure

if TYPE_CHECKING:
    from qrcode.main import QRCode

QUIET_ZONE = 4  # modules on each side, ISO/IEC 18004 section 9.1
HALF_BLOCKS = "▀▄█"
_BOX = 10  # pixels per module of a PNG; tenths of a millimetre of an SVG

# Black on white from the fixed part of the 256 colours: themes remap only the first 16.
_BLACK_ON_WHITE = "\x1b[38;5;16;48;5;231m"
_BLACK, _WHITE = "\x1b[48;5;16m", "\x1b[48;5;231m"
_RESET = "\x1b[0m"


class _Symbol(NamedTuple):
    """A finished code; dark[row][column] with the quiet zone around it, square."""

    dark: list[list[bool]]

    @property
    def size(self) -> int:
        return len(self.dark)


def terminal_qr(
    text: str, *, colour: bool, columns: int = 80, lines: int | None = None, encoding: str | None = None
) -> str:
    """Draw a QR code in half blocks, one module per cell and two per line, quiet zone included.

    colour: black on white whatever the theme; without it light modules are drawn in the foreground, right
    on a dark terminal and inverted on a light one, which scanners read as well. columns, lines: room; the
    lower error correction (L) is taken where the better one (M) does not fit. encoding: of the stream
    (stdout's), without half blocks a module takes two cells. Raises cli/usage naming --qr png where
    nothing fits the columns.
    """
    encoding = encoding or getattr(sys.stdout, "encoding", None) or "utf-8"
    blocks = _has_half_blocks(encoding)
    symbol = _fitting_symbol(
        text, columns // (1 if blocks else 2), None if lines is None else lines * (1 + blocks)
    )
    if not blocks:
        rows = [_wide_row(row, colour=colour) for row in symbol.dark]
    else:
        # The size is odd: below the last row comes a half line, light like the quiet zone it touches.
        below = [False] * symbol.size
        dark = [*symbol.dark, below]
        rows = [_half_row(dark[at], dark[at + 1], colour=colour) for at in range(0, symbol.size, 2)]
    return "".join(f"{row}\n" for row in rows)


def png(text: str, path: str | Path) -> None:
    """Write a QR code as a new PNG file, mode 0600. Raises cli/file, also when the file exists."""
    from qrcode.constants import ERROR_CORRECT_M
    from qrcode.image.pure import PyPNGImage

    image = _made(text, ERROR_CORRECT_M).make_image(image_factory=PyPNGImage)
    _write_new(Path(path), image.save)


def svg(text: str, path: str | Path) -> None:
    """Write a QR code as a new SVG file on white ground, mode 0600. Raises cli/file, also when it exists."""
    from qrcode.constants import ERROR_CORRECT_M
    from qrcode.image.svg import SvgPathFillImage

    # Filled: a transparent code on a dark page is dark on dark.
    image = _made(text, ERROR_CORRECT_M).make_image(image_factory=SvgPathFillImage)
    _write_new(Path(path), image.save)


def _made(text: str, error_correction: int) -> QRCode:
    """Compute the code in the smallest version that holds the text. Raises cli/usage beyond version 40."""
    from qrcode.exceptions import DataOverflowError
    from qrcode.main import QRCode

    code = QRCode(error_correction=error_correction, box_size=_BOX, border=QUIET_ZONE)
    code.add_data(text)
    try:
        code.make()
    except (DataOverflowError, ValueError):  # qrcode 8.2 rejects version 41 before it names the overflow
        raise Failure("cli/usage", "The text is too long for a QR code.", hint="") from None
    return code


def _fitting_symbol(text: str, columns: int, rows: int | None) -> _Symbol:
    """Choose error correction M where it fits, else L; a screen has no dirt that would need more."""
    from qrcode.constants import ERROR_CORRECT_L, ERROR_CORRECT_M

    better = _symbol(text, ERROR_CORRECT_M)
    if better.size <= columns and (rows is None or better.size <= rows):
        return better
    smaller = _symbol(text, ERROR_CORRECT_L)
    if smaller.size > columns:
        raise Failure("cli/usage", "The QR code does not fit this terminal.", hint="--qr png --qr-file FILE")
    return smaller


def _symbol(text: str, error_correction: int) -> _Symbol:
    # get_matrix() adds the quiet zone.
    return _Symbol([[bool(dark) for dark in row] for row in _made(text, error_correction).get_matrix()])


def _half_row(upper: list[bool], lower: list[bool], *, colour: bool) -> str:
    """Draw two rows of modules in one line: dark ones in colour, light ones without."""
    line = "".join(
        {(True, True): "█", (True, False): "▀", (False, True): "▄", (False, False): " "}[
            (above is colour, below is colour)
        ]
        for above, below in zip(upper, lower, strict=True)
    )
    return f"{_BLACK_ON_WHITE}{line}{_RESET}" if colour else line


def _wide_row(row: list[bool], *, colour: bool) -> str:
    """Draw one row of modules, two cells each, in ASCII: coloured ground, or ## for light."""
    if colour:
        return "".join(f"{_BLACK if dark else _WHITE}  " for dark in row) + _RESET
    return "".join("  " if dark else "##" for dark in row)


def _has_half_blocks(encoding: str) -> bool:
    try:
        HALF_BLOCKS.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _write_new(path: Path, save: Callable[[BinaryIO], None]) -> None:
    """Write a file that must not exist yet, mode 0600 whatever the umask: the code holds a secret.

    O_EXCL follows no symbolic link either. What was begun is removed when writing fails. Raises cli/file.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise Failure(
            "cli/file", f"{path} exists already and is not overwritten.", hint="name another --qr-file"
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise Failure("cli/file", f"{path} cannot be written: {_reason(error)}.") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o600)
            save(file)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise Failure("cli/file", f"{path} cannot be written: {_reason(error)}.") from None
    except BaseException:  # Ctrl-C leaves no half picture
        path.unlink(missing_ok=True)
        raise


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
