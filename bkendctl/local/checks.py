"""Looks at files of this machine without touching them: reading them elsewhere repairs their modes."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from bkendctl.contract.findings import Finding
from bkendctl.local.paths import Paths

# A backup needs room for another database; below the second figure SQLite's log may not fit.
SCARCE_BYTES = 200 * 1024 * 1024
FULL_BYTES = 10 * 1024 * 1024


def check_files(*files: Path, folders: Iterable[Path] = (), check: str = "files") -> Finding:
    """Whether what is kept here is ours alone: 0700 folders, 0600 files, no links."""
    faults = [*_faults(folders, 0o700, stat.S_ISDIR), *_faults(files, 0o600, stat.S_ISREG)]
    if not faults:
        return Finding(check=check, state="ok", message="closed to other users")
    messages, mends = zip(*faults, strict=True)
    return Finding(check=check, state="bad", message="; ".join(messages), mend="; ".join(mends))


def _faults(found: Iterable[Path], mode: int, is_kind: Callable[[int], bool]) -> list[tuple[str, str]]:
    faults = []
    for path in found:
        try:
            seen = path.lstat()
        except OSError:
            continue  # what has to be there is missed by the check that needs it
        if stat.S_ISLNK(seen.st_mode) or not is_kind(seen.st_mode):
            faults.append(
                (f"{path} is no ordinary {'folder' if mode == 0o700 else 'file'}", f"ls -ld {path}")
            )
        elif os.name == "posix" and stat.S_IMODE(seen.st_mode) & 0o077:
            faults.append((f"{path} is open to others", f"chmod {mode:o} {path}"))
    return faults


def check_disk(paths: Paths) -> Finding:
    """Room where the data is."""
    folder = paths.data_dir
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    message = f"{free // (1024 * 1024)} MiB free at {folder}"
    if free >= SCARCE_BYTES:
        return Finding(check="disk", state="ok", message=message)
    return Finding(
        check="disk",
        state="bad" if free < FULL_BYTES else "warning",
        message=message,
        mend=f"make room at {folder}",
    )
