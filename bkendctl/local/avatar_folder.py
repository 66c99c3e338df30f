"""Avatars as files of this machine: mode 0600 in a folder of mode 0700, no link followed, never torn."""

from __future__ import annotations

from pathlib import Path

from bkendctl.contract.errors import Failure
from bkendctl.local.files import read_private, write_private


class AvatarFolder:
    """Keeps files in one folder, made with the first of them. Names are ours: ids, never a user's text."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.name = str(folder)
        self.is_shared = False

    def write(self, name: str, content: bytes) -> None:
        """Keep a file. cli/file, cli/unsafe-file."""
        write_private(self._folder / name, content)

    def read(self, name: str) -> bytes | None:
        """A file, None where there is none. cli/file, cli/unsafe-file."""
        return read_private(self._folder / name)

    def remove(self, name: str) -> None:
        """Remove a file; fine where there is none. cli/file."""
        try:
            (self._folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise Failure("cli/file", f"{self._folder / name} cannot be removed: {error.strerror}.") from None
