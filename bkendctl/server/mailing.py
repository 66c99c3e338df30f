"""Delivers the outbox while a server runs, in a thread of its own: requests never wait for a mail server."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from bkendctl.contract.errors import Failure
from bkendctl.core.delivery import Delivery
from bkendctl.core.runtime import Core
from bkendctl.core.smtp import Relay

POLL_SECONDS = 5.0
"""Between two looks for what another process has queued, or what is to be tried again."""
STOP_SECONDS = 4.0
"""For the mail that is being sent when the server ends; it is cut off then and tried again."""


class Mailing:
    """Started and stopped with the app; any number of workers may run one, a mail is claimed by one."""

    def __init__(self, core: Core, relay: Relay) -> None:
        self._core = core
        self._delivery = Delivery(core, relay)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mailing", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the mail at hand, or cut it off."""
        self._stopping.set()
        self._delivery.stop()
        self._core.mail_queued.set()
        self._thread.join(STOP_SECONDS)
        if self._thread.is_alive():
            self._delivery.cut()
            self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        queued = self._core.mail_queued
        while not self._stopping.is_set():
            queued.clear()  # before the look: what is queued during it wakes the next one
            if not self._delivered():
                queued.wait(POLL_SECONDS)

    def _delivered(self) -> bool:
        """Whether there was anything to deliver. A database that is away is waited for."""
        try:
            return bool(self._delivery.round())
        except Failure as failure:
            sys.stderr.write(f"mail is not delivered: {failure.message} [{failure.code}]\n")
            return False


@contextmanager
def delivering(core: Core) -> Iterator[None]:
    """Deliver for as long as this lasts; without a mail server mails stay in the outbox."""
    if core.relay is None:
        yield
        return
    mailing = Mailing(core, core.relay)
    mailing.start()
    try:
        yield
    finally:
        mailing.stop()
