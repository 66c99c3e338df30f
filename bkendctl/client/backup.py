"""Backups of this machine's core: the database alone, or in one archive with the files it needs."""

from __future__ import annotations

import io
import tarfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bkendctl.contract.errors import Failure
from bkendctl.local.files import new_private, scratch
from bkendctl.local.master_keys import master_keys
from bkendctl.local.paths import Paths

if TYPE_CHECKING:
    from bkendctl.core.backup import Checked, Progress

DATABASE, MASTER_KEY = "bkendctl.db", "master.key"
"""Names within an archive."""


def write_backup(
    database: Path, file: Path, paths: Paths, progress: Progress, *, with_files: bool
) -> Checked:
    """Copy the database, check the copy, and only then give it its name.

    Failures: cli/file, cli/unsafe-file, cli/database-damaged, cli/master-key; then nothing is left behind.
    """
    from bkendctl.core.backup import check, copy

    with new_private(file) as temporary:
        if not with_files:
            copy(database, temporary, progress)
            return check(temporary)
        with scratch(file) as copied:
            copy(database, copied, progress)
            checked = check(copied)
            _pack(temporary, copied, _key_of(checked, paths))
            return checked


def _key_of(checked: Checked, paths: Paths) -> str:
    """The master key, in base64, that the copied database was made with."""
    from bkendctl.core.master_key import MasterKey, read_master_key
    from bkendctl.core.randomness import SystemRandomness

    for text in master_keys(paths):
        if MasterKey(read_master_key(text), SystemRandomness()).fits(checked.master_key_check):
            return text
    raise Failure("cli/master-key", "The database was made with another master key.")


def _pack(target: Path, database: Path, master_key: str) -> None:
    with (
        target.open("wb") as file,
        tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        key = io.BytesIO(master_key.encode() + b"\n")
        archive.addfile(_member(MASTER_KEY, len(key.getvalue())), key)
        with database.open("rb") as content:
            archive.addfile(_member(DATABASE, database.stat().st_size), content)


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o600, int(time.time())
    return member
