"""Whether a key is of the environment that the profile names: found out before anything is done with it.

A key of prod in BKENDCTL_API_KEY next to a profile for staging would otherwise act in prod.
"""

from __future__ import annotations

from hashlib import sha256

from bkendctl.client.connect import Backend
from bkendctl.contract import keys
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Raw
from bkendctl.local import agreed
from bkendctl.local.paths import Paths
from bkendctl.local.profiles import Profile


class Agreement:
    """Compares keys with one profile."""

    def __init__(self, paths: Paths, profile: Profile) -> None:
        self._paths = paths
        self._profile = profile
        self._agreed: set[str] = set()

    def require(self, backend: Backend, key: str) -> None:
        """Refuse a key of another environment: cli/other-environment.

        A key that is refused, or a server that does not tell or cannot be reached, is left to the operation.
        """
        if self._profile.environment is None:
            return
        mark = self._mark(key)
        if mark in self._agreed:
            return
        if mark not in agreed.recall(self._paths, self._profile.name):
            try:
                told = backend.execute(keys.CURRENT, Raw(headers={"x-api-key": key}))
            except Failure as failure:
                if failure.code != "cli/not-offered":
                    return
            else:
                self._compare(told)
            agreed.remember(self._paths, self._profile.name, mark)
        self._agreed.add(mark)

    def _mark(self, key: str) -> str:
        text = f"{self._profile.project_id}/{self._profile.environment}/{key}"
        return sha256(text.encode()).hexdigest()[:32]

    def _compare(self, told: keys.ApiKey) -> None:
        profile = self._profile
        if told.environment != profile.environment:
            raise Failure(
                "cli/other-environment",
                f"The key is of {told.environment}, the profile {profile.name} is for {profile.environment}.",
            )
        if profile.project_id is not None and told.project_id != profile.project_id:
            raise Failure(
                "cli/other-environment",
                f"The key is of project {told.project_id}, the profile {profile.name} is for another one.",
            )
