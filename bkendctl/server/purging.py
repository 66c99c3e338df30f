"""Removes what has expired while a server runs, in a thread of its own, as `db purge` does."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from bkendctl.contract.errors import Failure
from bkendctl.core.purge import purge
from bkendctl.core.runtime import Core

EVERY_SECONDS = 3_600.0
"""Also ahead of the first one, so that a server that is started again and again does not begin with it."""


class _Stopping(Exception):
    """The server ends between two batches."""


class Purging:
    """Started and stopped with the app. Several processes may do it at once: each batch is a transaction."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="purging", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Let the batch at hand end."""
        self._stopping.set()
        self._thread.join()

    def round(self) -> dict[str, int]:
        """Purge all environments once; gives what was removed. A database that is away is told of."""
        try:
            return purge(self._core, dry_run=False, pause=self._pause)
        except _Stopping:
            return {}
        except Failure as failure:
            sys.stderr.write(f"nothing is purged: {failure.message} [{failure.code}]\n")
            return {}

    def _run(self) -> None:
        while not self._stopping.wait(EVERY_SECONDS):
            self.round()

    def _pause(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise _Stopping


@contextmanager
def purging(core: Core) -> Iterator[None]:
    """Purge for as long as this lasts."""
    worker = Purging(core)
    worker.start()
    try:
        yield
    finally:
        worker.stop()
