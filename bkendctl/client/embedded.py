"""The core in this process, on the database of a profile."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bkendctl import __version__
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Operation, Raw
from bkendctl.local.paths import Paths
from bkendctl.local.profiles import Profile

if TYPE_CHECKING:
    from bkendctl.core.runtime import Core


class Embedded:
    """Calls core.dispatch. The core is loaded and its database checked at the first operation."""

    def __init__(self, profile: Profile, paths: Paths) -> None:
        self._profile = profile
        self._paths = paths

    @cached_property
    def core(self) -> Core:
        """The core on a database that is there, whole, of our schema and of our master key."""
        from bkendctl.core.installation import require_master_key

        core = open_core(self._profile.database, self._paths)
        core.database.require()
        require_master_key(core)
        return core

    def execute(self, operation: Operation[Any, Any], raw: Raw) -> Any:
        """Do an operation in this process."""
        from bkendctl.core.call import Source
        from bkendctl.core.dispatch import execute

        source = Source(user_agent=f"bkendctl/{__version__} (embedded)")
        return execute(self.core, operation, raw, source)

    def close(self) -> None:
        """Close the database, if it was opened."""
        if "core" in self.__dict__:
            self.core.database.close()


def open_core(url: str | None, paths: Paths, *, create: bool = False) -> Core:
    """Make a core; with create also its folder, its empty database file and its master key.

    BKENDCTL_DATABASE_URL goes before the profile's database. Failures: cli/master-key, cli/unsafe-file,
    cli/file.
    """
    from bkendctl.core.crypto import MASTER_KEY_BYTES, read_master_key
    from bkendctl.core.database import Database, create_private_file
    from bkendctl.core.runtime import Core
    from bkendctl.local.files import ensure_private_dir

    database = Database(os.environ.get("BKENDCTL_DATABASE_URL") or url or "")
    if database.file is None:
        raise Failure(
            "cli/not-offered", "This version keeps its data in SQLite.", hint="sqlite:////a/file.db"
        )
    if create:
        ensure_private_dir(database.file.parent)
        create_private_file(database.file)
    text = os.environ.get("BKENDCTL_MASTER_KEY") or _key_file(paths, MASTER_KEY_BYTES if create else 0)
    public_url = os.environ.get("BKENDCTL_PUBLIC_URL")
    return Core(database, read_master_key(text), public_url=public_url)


def _key_file(paths: Paths, make_bytes: int) -> str:
    """Read the key file, made first when it is missing and make_bytes says how long it has to be."""
    from base64 import b64encode

    from bkendctl.local.files import read_private, write_private

    file: Path = paths.master_key_file
    found = read_private(file)
    if found is None and make_bytes:
        write_private(file, b64encode(os.urandom(make_bytes)) + b"\n")
        found = read_private(file)
    if found is None:
        raise Failure("cli/master-key", f"There is no master key at {file}.")
    try:
        return found.decode("ascii")
    except UnicodeDecodeError:
        raise Failure("cli/master-key", f"{file} holds no base64.") from None
