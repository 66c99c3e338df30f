"""Threads that the core runs in: bounded, and apart by what they wait for, so that hashes hold up nobody."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Operation
from bkendctl.core.dispatch import handler_of
from bkendctl.core.passwords import PATIENCE_SECONDS, usable_cores
from bkendctl.core.runtime import Core

T = TypeVar("T")

READERS = 4
WRITERS = 8
STREAMERS = 2
DRAWERS = 2
"""A picture takes up to 100 MB while it is decoded."""
CALLERS = 16
STREAM_PATIENCE = 30.0
WAITING = 512
"""Requests that may wait for a thread of one pool; more are refused at once."""


class Pool:
    """Some threads and who waits for them. patience: seconds after which one who waited is turned away."""

    def __init__(self, name: str, threads: int, *, waiting: int, patience: float) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self.room = threads + waiting
        self._patience = patience
        self.inside = 0

    async def run(self, job: Callable[[], T]) -> T:
        """Run a job in a thread. common/unavailable when too many wait, or it waited too long."""
        if self.inside >= self.room:
            raise Failure("common/unavailable", retry_after=1)
        self.inside += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._executor, self._timely, job, time.monotonic())
        finally:
            self.inside -= 1

    def _timely(self, job: Callable[[], T], asked: float) -> T:
        if time.monotonic() - asked > self._patience:
            raise Failure("common/unavailable", retry_after=1)
        return job()

    def close(self) -> None:
        """Let what runs end, drop what waits."""
        self._executor.shutdown(wait=True, cancel_futures=True)


class Pools:
    """Seven pools: operations that only read, write, hash a password, decode a picture, call out, streams,
    and those that ask whether a new password leaked, so that signing in never waits behind them.

    A request waits as long for its thread as a password for its core (an answer within 2 s is promised). One
    more hashing thread than cores, so that a core hashes while another request waits for the disk. A part of
    a stream may wait long: turning it away would make the whole of it useless.
    """

    def __init__(self, *, patience: float = PATIENCE_SECONDS, waiting: int = WAITING) -> None:
        cores = usable_cores()
        self.reading = Pool("read", READERS, waiting=waiting, patience=patience)
        self.writing = Pool("write", WRITERS, waiting=waiting, patience=patience)
        self.hashing = Pool("hash", cores + 1, waiting=waiting, patience=patience)
        self.drawing = Pool("draw", DRAWERS, waiting=waiting, patience=patience)
        self.calling = Pool("call", CALLERS, waiting=waiting, patience=patience)
        self.choosing = Pool("choose", CALLERS, waiting=waiting, patience=patience)
        self.streaming = Pool("stream", STREAMERS, waiting=waiting, patience=STREAM_PATIENCE)

    def of(self, operation: Operation[Any, Any], core: Core) -> Pool:
        """The pool an operation runs in."""
        handler = handler_of(operation)
        if handler.chooses and core.leaks is not None:
            return self.choosing
        if handler.draws:
            return self.drawing
        if handler.hashes:
            return self.hashing
        if handler.calls_out:
            return self.calling
        return self.writing if operation.changes else self.reading

    def close(self) -> None:
        """Close them all."""
        asking = self.calling, self.choosing
        for pool in (self.reading, self.writing, self.hashing, self.drawing, *asking, self.streaming):
            pool.close()
