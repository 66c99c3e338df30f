"""What the C library keeps of memory that was given back."""

from __future__ import annotations

import ctypes
import sys

_M_ARENA_MAX = -8
"""malloc.h of glibc."""


def share_one_arena() -> None:
    """Let all threads take memory from one place: else each keeps the 19 MiB of its last hash for itself.

    Python's threads do not wait for each other there, as they hold one lock anyway. Does nothing where the C
    library is not glibc.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_ARENA_MAX, 1)
