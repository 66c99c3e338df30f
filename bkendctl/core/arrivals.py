"""In what order requests came and tokens were spent in this process: counted, so no clocks are compared."""

from __future__ import annotations

import threading
from collections import OrderedDict

KEPT = 10_000
"""Spent tokens that are remembered; a request waits for far fewer others."""


class Arrivals:
    """Tells a request that waited for its turn while its token was spent from one that came afterwards."""

    def __init__(self) -> None:
        self._count = 0
        self._spent: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def now(self) -> int:
        """The place in the order of a request that comes now."""
        return self._count

    def spent(self, token_hash: str) -> None:
        """Note that a token was spent; once that is committed."""
        with self._lock:
            self._count += 1
            self._spent[token_hash] = self._count
            if len(self._spent) > KEPT:
                self._spent.popitem(last=False)

    def was_before(self, arrived: int, token_hash: str) -> bool:
        """Whether a request that came at a place in the order was there before the token was spent here."""
        return self._spent.get(token_hash, 0) > arrived
