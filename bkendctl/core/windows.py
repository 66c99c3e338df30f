"""Windows of requests counted in memory, by this process alone; shared ones are in throttle.py."""

from __future__ import annotations

import threading
from collections import OrderedDict

KEPT = 100_000
"""The longest unused go first; all of them take some 20 MiB."""


class Windows:
    """Counters by identity: bounded, and safe between threads."""

    def __init__(self) -> None:
        self._windows: OrderedDict[tuple[str, ...], tuple[int, int]] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, identity: tuple[str, ...], now: int, window_ms: int) -> tuple[int, int]:
        """Count one; gives how many there are in the window, and its end."""
        with self._lock:
            used, ends_at = self._windows.pop(identity, (0, 0))
            # A window that ends too far off was begun before the clock was moved back.
            if not now < ends_at <= now + window_ms:
                used, ends_at = 0, now + window_ms
            self._windows[identity] = (used + 1, ends_at)
            if len(self._windows) > KEPT:
                self._windows.popitem(last=False)
            return used + 1, ends_at

    def __len__(self) -> int:
        return len(self._windows)
