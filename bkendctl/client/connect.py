"""Opens the backend that a profile names."""

from __future__ import annotations

from typing import Any, Protocol

from bkendctl.contract.operation import Operation, Raw
from bkendctl.local.paths import Paths
from bkendctl.local.profiles import Profile


class Backend(Protocol):
    """Something that does operations: this process's core, or a server."""

    def execute(self, operation: Operation[Any, Any], raw: Raw) -> Any:
        """Do an operation and give its response; Failure when it is refused."""

    def close(self) -> None:
        """Give back what was opened."""


def connect(profile: Profile, paths: Paths, *, timeout_seconds: float | None = None) -> Backend:
    """Give the backend of a profile; nothing is opened before its first operation.

    timeout_seconds: how long a server may take to connect, and between two parts of its answer.
    """
    if profile.kind == "embedded":
        from bkendctl.client.embedded import Embedded

        return Embedded(profile, paths)
    from bkendctl.client.http import TIMEOUT_SECONDS, Remote

    assert profile.url is not None
    return Remote(profile.url, timeout_seconds=timeout_seconds or TIMEOUT_SECONDS)
