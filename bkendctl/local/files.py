"""Reading and replacing files that only their owner may see. Knows nothing of what is in them.

Laws: 0600 in 0700 whatever the umask; no symlink, hard link or foreign owner is followed;
a file is old or new, never torn.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bkendctl.contract.errors import Failure

Warn = Callable[[str], None]

# Windows has none of these and guards files by access lists that a new file takes from its folder.
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_CLOEXEC = getattr(os, "O_CLOEXEC", 0)
_NONBLOCK = getattr(os, "O_NONBLOCK", 0)
_BINARY = getattr(os, "O_BINARY", 0)
_POSIX = os.name == "posix"

_SECONDS_UNTIL_STALE = 600
"""Age after which a temporary file can only come from a process that was killed."""


def ensure_private_dir(path: Path, warn: Warn | None = None) -> None:
    """Create the folder 0700 with its missing parents, or check the existing one and repair its mode.

    Raises cli/unsafe-file for a symlink, another owner or a shared folder, cli/file when it cannot be made.
    """
    missing = []
    try:
        folder = path
        while not _exists(folder):
            missing.append(folder)
            folder = folder.parent
        for each in reversed(missing):
            with suppress(FileExistsError):
                each.mkdir(0o700)
                each.chmod(0o700)  # a umask of 0277 would have left it unusable
                _sync_dir(each.parent)
    except OSError as error:
        raise _failure(path, "cannot be created", error) from None
    _check_dir(path, warn)


def read_private(path: Path, warn: Warn | None = None) -> bytes | None:
    """Read a file that only we may see; None when it or its folder is missing.

    A mode that is too wide is repaired and told to warn. Raises cli/unsafe-file for symlinks, hard links,
    foreign owners and what is no file; cli/file when it cannot be read.
    """
    try:
        if not _exists(path.parent):
            return None
        _check_dir(path.parent, warn)
        # O_NONBLOCK: a FIFO put there must not hang us.
        descriptor = os.open(path, os.O_RDONLY | _NOFOLLOW | _CLOEXEC | _NONBLOCK | _BINARY)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.EMLINK}:  # EMLINK: FreeBSD
            raise _unsafe(path, "is a symbolic link") from None
        raise _failure(path, "cannot be read", error) from None
    found = os.fstat(descriptor)
    try:
        _check_file(path, found)
    except Failure:
        os.close(descriptor)
        raise
    with os.fdopen(descriptor, "rb") as file:
        if _POSIX and stat.S_IMODE(found.st_mode) & 0o077:
            _narrow(path, descriptor, found, 0o600, warn)
        try:
            return file.read()
        except OSError as error:
            raise _failure(path, "cannot be read", error) from None


def write_private(path: Path, data: bytes, warn: Warn | None = None) -> None:
    """Replace the file atomically and durably with data, mode 0600; creates its folder.

    Raises cli/unsafe-file as read_private does; cli/file when it cannot be written, and then the old file
    stands as it was and nothing else is left behind.
    """
    ensure_private_dir(path.parent, warn)
    try:
        _check_file(path, path.lstat())
    except FileNotFoundError:
        pass
    except OSError as error:
        raise _failure(path, "cannot be written", error) from None
    _sweep(path)
    temporary = path.with_name(f".{path.name}.{os.urandom(8).hex()}.tmp")
    try:
        try:
            _write_new(temporary, data)
            temporary.replace(path)
        except BaseException:  # Ctrl-C too must not leave secrets lying about
            with suppress(OSError):
                temporary.unlink()
            raise
        _sync_dir(path.parent)
    except OSError as error:
        raise _failure(path, "cannot be written", error) from None


def replace_private(source: Path, path: Path) -> None:
    """Rename a file of the same folder over path, durably. Raises cli/file."""
    try:
        source.replace(path)
        _sync_dir(path.parent)
    except OSError as error:
        raise _failure(path, "cannot be written", error) from None


@contextmanager
def scratch(path: Path) -> Iterator[Path]:
    """Give an empty file of mode 0600 beside path, gone after the block with what SQLite puts beside it.

    Unlike those above it takes the folder as it is: a backup goes where its owner wants it. Raises cli/file,
    also for an OSError within the block.
    """
    _sweep(path)
    temporary = path.with_name(f".{path.name}.{os.urandom(8).hex()}.tmp")
    try:
        os.close(_create(temporary))
        yield temporary
    except OSError as error:
        raise _failure(path, "cannot be written", error) from None
    finally:
        for beside in ("", "-journal", "-wal", "-shm"):
            with suppress(OSError):
                temporary.with_name(temporary.name + beside).unlink()


@contextmanager
def new_private(path: Path) -> Iterator[Path]:
    """Give an empty file of mode 0600 that takes path's place, durably, when the block ends well.

    Raises cli/unsafe-file for a path that is a link or no file, cli/file; then nothing is left behind.
    """
    if os.path.lexists(path):
        _check_file(path, path.lstat())
    with scratch(path) as temporary:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        replace_private(temporary, path)


def _create(path: Path) -> int:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW | _CLOEXEC | _BINARY, 0o600)
    if _POSIX:
        os.fchmod(descriptor, 0o600)
    return descriptor


def _write_new(path: Path, data: bytes) -> None:
    descriptor = _create(path)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_dir(path: Path) -> None:
    if not _POSIX:
        return
    descriptor = os.open(path, os.O_RDONLY | _CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:  # some file systems cannot sync a folder
            raise
    finally:
        os.close(descriptor)


def _sweep(path: Path) -> None:
    """Remove what killed writers left: temporary files hold the secrets they were going to store."""
    with suppress(OSError):
        for stale in path.parent.glob(f".{path.name}.*.tmp*"):
            with suppress(OSError):
                if time.time() - stale.lstat().st_mtime > _SECONDS_UNTIL_STALE:
                    stale.unlink()


def _exists(path: Path) -> bool:
    """Tell whether anything, be it a dangling link, has this name. Path.exists() follows links."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    return True


def _check_dir(path: Path, warn: Warn | None) -> None:
    if not _POSIX:
        return
    try:
        if stat.S_ISLNK(path.lstat().st_mode):
            raise _unsafe(path, "is a symbolic link")
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | _NOFOLLOW | _CLOEXEC)
    except OSError as error:
        raise _failure(path, "cannot be used as a folder", error) from None
    try:
        found = os.fstat(descriptor)
        _check_owner(path, found)
        if stat.S_IMODE(found.st_mode) & 0o077:
            if found.st_mode & stat.S_ISVTX or path == path.parent:
                # Closing /tmp or / to everybody else, as root, would take the machine down.
                raise _unsafe(path, "is shared with other users; choose a folder of its own")
            _narrow(path, descriptor, found, 0o700, warn)
    finally:
        os.close(descriptor)


def _check_file(path: Path, found: os.stat_result) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise _unsafe(path, "is a symbolic link")
    if not stat.S_ISREG(found.st_mode):
        raise _unsafe(path, "is not a regular file")
    _check_owner(path, found)
    if _POSIX and found.st_nlink > 1:
        raise _unsafe(path, f"has {found.st_nlink} hard links")


def _check_owner(path: Path, found: os.stat_result) -> None:
    if _POSIX and found.st_uid != os.geteuid():
        raise _unsafe(path, f"belongs to user {found.st_uid}, not to you (user {os.geteuid()})")


def _narrow(path: Path, descriptor: int, found: os.stat_result, mode: int, warn: Warn | None) -> None:
    was = stat.S_IMODE(found.st_mode)
    try:
        os.fchmod(descriptor, mode)
    except OSError as error:
        raise _unsafe(path, f"has mode {was:04o}, and that cannot be mended: {error.strerror}") from None
    if warn is not None:
        warn(f"{path} was open to others (mode {was:04o}); it is {mode:04o} now")


def _unsafe(path: Path, what: str) -> Failure:
    return Failure("cli/unsafe-file", f"{path} {what}.")


def _failure(path: Path, what: str, error: OSError) -> Failure:
    return Failure("cli/file", f"{path} {what}: {error.strerror or error}.")
