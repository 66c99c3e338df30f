"""The browser of this machine."""

from __future__ import annotations

import os
import sys


def open_window(url: str) -> bool:
    """Open a window of a browser; False where there is none, or only one that would take the terminal."""
    import webbrowser

    has_screen = sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )
    return has_screen and webbrowser.open(url)
