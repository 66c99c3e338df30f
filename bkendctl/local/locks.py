"""Locks between processes and threads. The kernel holds them, so a killed holder frees them."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from bkendctl.contract.errors import Failure
from bkendctl.local.files import ensure_private_dir

LOCK_SECONDS = 30.0
_POLL_SECONDS = 0.02


@contextmanager
def exclusive(
    path: Path, *, seconds: float = LOCK_SECONDS, busy: str = "cli/store-unavailable"
) -> Iterator[None]:
    """Hold the lock file, excluding other processes and other threads of this one; not reentrant.

    busy: code of the failure when others hold it for all of `seconds`. Also raises cli/unsafe-file, cli/file.
    """
    from filelock import FileLock, Timeout

    ensure_private_dir(path.parent)
    lock = FileLock(path, timeout=seconds, mode=0o600)
    try:
        lock.acquire(poll_interval=_POLL_SECONDS)
    except Timeout:  # first: it is an OSError too
        held = f"Another process has held {path} for {seconds:g} s."
        raise Failure(busy, held, hint="wait for the other bkendctl, or end it") from None
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.EMLINK}:
            raise Failure("cli/unsafe-file", f"{path} is a symbolic link.") from None
        raise Failure("cli/file", f"{path} cannot be locked: {error.strerror or error}.") from None
    try:
        yield
    finally:
        lock.release()


_threads: dict[str, Lock] = {}


@contextmanager
def exclusive_thread(key: str, *, seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Exclude this process's other threads, for what no other process sees. Raises cli/store-unavailable."""
    lock = _threads.setdefault(key, Lock())
    if not lock.acquire(timeout=seconds):
        raise Failure(
            "cli/store-unavailable", f"Another thread has held the credentials for {seconds:g} s.", hint=""
        )
    try:
        yield
    finally:
        lock.release()
