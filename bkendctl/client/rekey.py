"""Replacing the master key of this machine's databases; killed at any moment it can be run again.

Order (docs/adr/0008): the new key on the disk, the databases, the key file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from bkendctl.client.embedded import core_at
from bkendctl.contract.errors import Failure
from bkendctl.local.addresses import without_password
from bkendctl.local.locks import exclusive
from bkendctl.local.master_keys import given_key, master_keys, new_master_key, prepare, promote
from bkendctl.local.paths import Paths

if TYPE_CHECKING:
    from bkendctl.core.master_key import MasterKey
    from bkendctl.core.runtime import Core


def rekey(paths: Paths, urls: Sequence[str], wanted: str | None) -> bool:
    """Wrap the databases with the wanted key or a fresh one; False when that only finished an earlier run.

    Failures: cli/master-key when one of them was made with a key that is not here, and then nothing was
    changed; cli/usage when BKENDCTL_MASTER_KEY would be replaced by a key that nobody keeps.
    """
    if given_key():
        if wanted is None:
            raise Failure(
                "cli/usage",
                "The master key comes from BKENDCTL_MASTER_KEY, so the new one is yours to keep.",
                hint="openssl rand -base64 32 | tee new.key | bkendctl db rekey --new-key-stdin --yes",
            )
        _rewrap(_cores(paths, urls), wanted)
        return True
    with exclusive(paths.master_key_lock, busy="common/unavailable"):
        _, *following = master_keys(paths)
        if following:
            _rewrap(_cores(paths, urls), following[0])
            promote(paths)
            if wanted in (None, following[0]):
                return False
        fresh = wanted or new_master_key()
        _rewrap(_cores(paths, urls), fresh, before=lambda: prepare(paths, fresh))
        promote(paths)
    return True


def _cores(paths: Paths, urls: Sequence[str]) -> list[Core]:
    cores = [core_at(url, paths) for url in urls]
    return [core for core in cores if core.database.file is None or core.database.file.exists()]


def _rewrap(cores: Sequence[Core], key: str, *, before: Callable[[], None] = lambda: None) -> None:
    """Wrap each database in a transaction of its own, none before all have been looked at."""
    from bkendctl.core.installation import record
    from bkendctl.core.master_key import MasterKey, read_master_key, rewrap

    with ExitStack() as opened:
        for core in cores:
            opened.callback(core.database.close)
        new = read_master_key(key)
        for core in cores:
            _require_ours(core, MasterKey(new, core.randomness))
        before()
        for core in cores:
            with core.database.write() as transaction:
                if rewrap(transaction, core.master_keys, MasterKey(new, core.randomness)):
                    record(core, transaction, "db.rekey")


def _require_ours(core: Core, new: MasterKey) -> None:
    """Refuse a database that neither our keys nor the new one open. cli/master-key, and those of require."""
    from bkendctl.core.master_key import fitting, installation

    core.database.require()
    with core.database.read() as transaction:
        try:
            fitting(installation(transaction), [*core.master_keys, new])
        except Failure as failure:
            hint = "bkendctl profiles list; remove the profile, or give the database its key back"
            where = without_password(core.database.url).removeprefix("sqlite:///")
            raise Failure(failure.code, f"{where}: {failure.message}", hint=hint) from None
