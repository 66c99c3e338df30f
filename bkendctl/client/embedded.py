"""The core in this process, on the database of a profile."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bkendctl import __version__
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Operation, Raw
from bkendctl.local.addresses import database_url
from bkendctl.local.paths import Paths
from bkendctl.local.profiles import Profile

if TYPE_CHECKING:
    from bkendctl.core.avatars import Files
    from bkendctl.core.database import Database
    from bkendctl.core.leaks import Leaks
    from bkendctl.core.providers import Client
    from bkendctl.core.runtime import Core


class Embedded:
    """Calls core.dispatch. The core is loaded and its database checked at the first operation."""

    def __init__(self, profile: Profile, paths: Paths) -> None:
        self._profile = profile
        self._paths = paths
        self._opened: Core | None = None

    @cached_property
    def core(self) -> Core:
        """The core on a database that is there, whole, of our schema and of our master key."""
        core = open_core(self._profile.database, self._paths)
        try:
            core.database.require()
            with core.database.read() as transaction:
                core.unlock(transaction)
        except Failure:
            core.database.close()
            raise
        self._opened = core
        return core

    def execute(self, operation: Operation[Any, Any], raw: Raw) -> Any:
        """Do an operation in this process."""
        from bkendctl.core.call import Source
        from bkendctl.core.dispatch import execute

        source = Source(user_agent=f"bkendctl/{__version__} (embedded)")
        return execute(self.core, operation, raw, source)

    def close(self) -> None:
        """Close the database, if it was opened."""
        if self._opened is not None:
            self._opened.database.close()


def present_url(url: str | None) -> str:
    """BKENDCTL_DATABASE_URL, else the url of a profile; it may hold a password."""
    return os.environ.get("BKENDCTL_DATABASE_URL") or url or ""


def open_core(url: str | None, paths: Paths, *, create: bool = False) -> Core:
    """Make a core on BKENDCTL_DATABASE_URL, else on the url of a profile. create, failures: as core_at."""
    return core_at(present_url(url), paths, create=create)


def database_of(url: str | None) -> Database:
    """The database that open_core would open; nothing is looked at yet. cli/usage, cli/not-offered."""
    from bkendctl.core.database import Database

    return Database(database_url(present_url(url)))


def file_of(url: str | None, *, instead: str) -> Path:
    """The SQLite file that open_core would open. cli/not-offered on a server, naming what to type instead."""
    file = database_of(url).file
    if file is None:
        raise Failure("cli/not-offered", "PostgreSQL brings its own tools for that.", hint=instead)
    return file


def core_at(url: str, paths: Paths, *, create: bool = False) -> Core:
    """Make a core; with create also its folder, its empty database file and its master key.

    Failures: cli/master-key, cli/unsafe-file, cli/file, cli/usage, cli/not-offered without psycopg.
    """
    from bkendctl.core.database import Database, create_private_file
    from bkendctl.core.master_key import read_master_key
    from bkendctl.core.runtime import Core
    from bkendctl.local.files import ensure_private_dir
    from bkendctl.local.master_keys import master_keys

    database = Database(database_url(url))
    if create:
        ensure_private_dir(database.file.parent if database.file else paths.data_dir)
    if create and database.file:
        create_private_file(database.file)
    keys = [read_master_key(text) for text in master_keys(paths, create=create)]
    return Core(
        database,
        *keys,
        files=_avatars(database, paths),
        public_url=os.environ.get("BKENDCTL_PUBLIC_URL"),
        stand_ins=_fake_providers(os.environ.get("BKENDCTL_FAKE_PROVIDERS")),
        leaks=range_api(os.environ.get("BKENDCTL_PWNED_URL")),
        smtp_url=os.environ.get("BKENDCTL_SMTP_URL"),
    )


def range_api(base: str | None) -> Leaks | None:
    """Who is asked which passwords leaked. cli/usage for an address that no part of a hash is sent to."""
    if not base:
        return None
    from bkendctl.core.leaks import Leaks
    from bkendctl.core.providers import flaw_of

    if "?" in base or (flaw := flaw_of(base)):
        flaw = "must end before any ?" if "?" in base else flaw
        hint = "https://api.pwnedpasswords.com/range/"
        raise Failure("cli/usage", f"BKENDCTL_PWNED_URL {flaw}.", hint=hint)
    return Leaks(base)


def _avatars(database: Database, paths: Paths) -> Files:
    """A bucket where BKENDCTL_AVATARS_URL names one, else a folder beside the database, or of our data."""
    if url := os.environ.get("BKENDCTL_AVATARS_URL"):
        from bkendctl.client.avatar_bucket import AvatarBucket

        return AvatarBucket(url)
    from bkendctl.local.avatar_folder import AvatarFolder

    return AvatarFolder((database.file.parent if database.file else paths.data_dir) / "avatars")


def _fake_providers(base: str | None) -> dict[str, Client]:
    """Our clients at the fake providers below a URL, which stand in for the configured ones in dev.

    cli/usage where that is not on this machine: whoever answers there signs in as anybody.
    """
    if not base:
        return {}
    from bkendctl.core.providers import Client, is_loopback
    from bkendctl.fake_provider.settings import PROVIDERS, SECRET, settings

    if not base.startswith("http://") or not is_loopback(base):
        raise Failure(
            "cli/usage",
            "BKENDCTL_FAKE_PROVIDERS is an http URL of this machine.",
            hint="http://127.0.0.1:8788",
        )
    found = {}
    for provider in PROVIDERS:
        told = settings(provider, base.rstrip("/"))
        scopes = tuple(told.pop("scopes"))
        found[provider] = Client(
            provider=provider, client_secret=SECRET, redirect_uri="", scopes=scopes, **told
        )
    return found
