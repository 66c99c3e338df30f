"""Where the master key comes from: BKENDCTL_MASTER_KEY, else the key file. Texts only; nothing is decoded.

Law: a key that a database may have been wrapped with is on the disk before, and until another is.
"""

from __future__ import annotations

import os
from base64 import b64encode
from pathlib import Path

from bkendctl.contract.errors import Failure
from bkendctl.local.files import read_private, replace_private, write_private
from bkendctl.local.paths import Paths

_BYTES = 32


def master_keys(paths: Paths, *, create: bool = False) -> list[str]:
    """The keys to try, the present one first; a second one after an interrupted `db rekey`.

    create: make the key file when it is missing. Failures: cli/master-key, cli/unsafe-file, cli/file.
    """
    if given := given_key():
        return [given]
    # The next one first: it is renamed to the present one, so that reading in this order misses neither.
    following = _read(paths.next_master_key_file)
    present = _read(paths.master_key_file)
    if present is None and create and following is None:
        keep_key(paths, new_master_key())
        present = _read(paths.master_key_file)
    found = [key for key in (present, following) if key is not None]
    if not found:
        raise Failure("cli/master-key", f"There is no master key at {paths.master_key_file}.")
    return found


def given_key() -> str | None:
    """The key of the environment, which goes before every file."""
    return os.environ.get("BKENDCTL_MASTER_KEY") or None


def new_master_key() -> str:
    """Make a key from the system's randomness, in base64."""
    return b64encode(os.urandom(_BYTES)).decode()


def has_key(paths: Paths) -> bool:
    """Whether this machine has a master key."""
    files = (paths.master_key_file, paths.next_master_key_file)
    return given_key() is not None or any(file.exists() for file in files)


def keep_key(paths: Paths, key: str) -> None:
    """Make a key the master key of a machine that has none."""
    write_private(paths.master_key_file, _line(key))


def drop_key(paths: Paths) -> None:
    """Take a key back that keep_key wrote, when what it was for did not come about."""
    paths.master_key_file.unlink(missing_ok=True)


def prepare(paths: Paths, key: str) -> None:
    """Write down the key that is going to be the master key."""
    write_private(paths.next_master_key_file, _line(key))


def promote(paths: Paths) -> None:
    """Put the prepared key in the present one's place."""
    replace_private(paths.next_master_key_file, paths.master_key_file)


def _line(key: str) -> bytes:
    return key.encode() + b"\n"


def _read(file: Path) -> str | None:
    found = read_private(file)
    try:
        return None if found is None else found.decode("ascii").strip()
    except UnicodeDecodeError:
        raise Failure("cli/master-key", f"{file} holds no base64.") from None
