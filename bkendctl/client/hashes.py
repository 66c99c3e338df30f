"""Password hashes of users in this machine's database; no server gives them away."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from bkendctl.client.embedded import open_core
from bkendctl.contract.errors import Failure
from bkendctl.local.paths import Paths
from bkendctl.local.profiles import Profile


@contextmanager
def password_hashes(profile: Profile, paths: Paths) -> Iterator[Callable[[Sequence[str]], dict[str, str]]]:
    """Give a function from user ids to PHC strings.

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

    def look_up(user_ids: Sequence[str]) -> dict[str, str]:
        with core.database.read() as transaction:
            return read(transaction, user_ids)

    try:
        yield look_up
    finally:
        core.database.close()
