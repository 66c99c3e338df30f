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
        core = open_core(self._profile.database, self._paths)
        core.database.require()
        with core.database.read() as transaction:
            core.unlock(transaction)
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
    """Make a core on BKENDCTL_DATABASE_URL, else on the url of a profile.

    create: as core_at. Failures: cli/master-key, cli/unsafe-file, cli/file, cli/not-offered.
    """
    return core_at(os.environ.get("BKENDCTL_DATABASE_URL") or url or "", paths, create=create)


def database_of(url: str | None) -> Path:
    """The SQLite file that open_core would open. cli/not-offered for a server."""
    from bkendctl.core.database import Database

    file = Database(os.environ.get("BKENDCTL_DATABASE_URL") or url or "").file
    if file is None:
        raise _not_offered()
    return file


def _not_offered() -> Failure:
    return Failure("cli/not-offered", "This version keeps its data in SQLite.", hint="sqlite:////a/file.db")


def core_at(url: str, paths: Paths, *, create: bool = False) -> Core:
    """Make a core; with create also its folder, its empty database file and its master key.

    Failures: cli/master-key, cli/unsafe-file, cli/file, cli/not-offered.
    """
    from bkendctl.core.database import Database, create_private_file
    from bkendctl.core.master_key import read_master_key
    from bkendctl.core.runtime import Core
    from bkendctl.local.files import ensure_private_dir
    from bkendctl.local.master_keys import master_keys

    database = Database(url)
    if database.file is None:
        raise _not_offered()
    if create:
        ensure_private_dir(database.file.parent)
        create_private_file(database.file)
    keys = [read_master_key(text) for text in master_keys(paths, create=create)]
    return Core(database, *keys, public_url=os.environ.get("BKENDCTL_PUBLIC_URL"))
