"""Password hashes of users in this machine's database; no server gives them away."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from bkendctl.client.embedded import open_core
from bkendctl.contract.errors import Failure
from bkendctl.contract.user_import import HashParameters
from bkendctl.local.paths import Paths
from bkendctl.local.profiles import Profile

Hashes = Callable[[Sequence[str]], dict[str, tuple[str, HashParameters | None]]]


@contextmanager
def password_hashes(profile: Profile, paths: Paths) -> Iterator[Hashes]:
    """Give a function from user ids to hashes, each with the parameters that only Firebase's have.

    Failures: cli/not-offered for a server, those of open_core and of the database.
    """
    if profile.kind != "embedded":
        raise Failure(
            "cli/not-offered",
            "Password hashes are exported on the machine that holds the database.",
            hint="leave out --include-hashes",
        )
    from bkendctl.core.user_export import password_hashes as read

    core = open_core(profile.database, paths)
    core.database.require()
    with core.database.read() as transaction:
        core.unlock(transaction)

    def look_up(user_ids: Sequence[str]) -> dict[str, tuple[str, HashParameters | None]]:
        with core.database.read() as transaction:
            return read(transaction, lambda: core.vault, user_ids)

    try:
        yield look_up
    finally:
        core.database.close()
