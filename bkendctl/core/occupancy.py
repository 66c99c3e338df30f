"""Who has a SQLite database in use: servers share it, and whoever replaces or migrates it has it alone.

A lock of the kernel on a file beside the database, so that a killed holder frees it and forked workers go on
holding it. A server on PostgreSQL takes none.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bkendctl.contract.errors import Failure
from bkendctl.core.database import Database

SERVERS = 1_000
"""Servers on one database at most, where the system has no shared locks (Windows): each locks one byte."""


@contextmanager
def serving(database: Database) -> Iterator[None]:
    """Say that a server has the database in use; any number may. For as long as it runs, workers included.

    cli/database-in-use while it is being replaced or migrated.
    """
    with _locked(database.file, alone=False, busy="It is being restored or migrated"):
        yield


@contextmanager
def alone(database: Database) -> Iterator[None]:
    """Keep servers off the database while it is replaced or migrated.

    cli/database-in-use while a server runs, or another does the same.
    """
    with _locked(database.file, alone=True, busy="A server, or another restore or migration, is running"):
        yield


@contextmanager
def _locked(file: Path | None, *, alone: bool, busy: str) -> Iterator[None]:
    if file is None:
        yield
        return
    lock = Path(f"{file}.lock")
    descriptor = _opened(lock)
    try:
        try:
            _lock(descriptor, alone=alone)
        except OSError as error:
            if error.errno not in {errno.EAGAIN, errno.EACCES, errno.EDEADLK}:
                raise Failure("cli/file", f"{lock} cannot be locked: {error.strerror}.") from None
            raise Failure("cli/database-in-use", f"{file} is in use: {busy}.") from None
        yield
    finally:
        os.close(descriptor)


def _opened(lock: Path) -> int:
    """Open the lock file, 0600 whatever the umask; a link is refused, it may lead to another's file."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        return os.open(lock, flags, 0o600)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.EMLINK}:
            raise Failure("cli/unsafe-file", f"{lock} is a symbolic link.") from None
        raise Failure("cli/file", f"{lock} cannot be opened: {error.strerror}.") from None


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int, *, alone: bool) -> None:
        for place in range(1 if alone else SERVERS):
            os.lseek(descriptor, place, os.SEEK_SET)
            try:
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, SERVERS if alone else 1)
            except OSError:
                if place == (0 if alone else SERVERS - 1):
                    raise
            else:
                return

else:
    import fcntl

    def _lock(descriptor: int, *, alone: bool) -> None:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
