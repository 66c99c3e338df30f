"""Stand-ins for the streams a command writes to."""

from __future__ import annotations

import io


class Screen(io.StringIO):
    """A stream that says it is a terminal; it has no descriptor, so its width is COLUMNS or 80."""

    def isatty(self) -> bool:
        return True


class Narrow(io.TextIOWrapper):
    """A stream whose encoding lacks most characters."""

    def __init__(self, encoding: str) -> None:
        super().__init__(io.BytesIO(), encoding=encoding, write_through=True)

    def text(self) -> str:
        return self.buffer.getvalue().decode(self.encoding)  # type: ignore[attr-defined]
