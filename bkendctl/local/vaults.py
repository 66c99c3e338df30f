"""Places credentials are kept in: a file of mode 0600, or this process's memory; keyring_vault.py is another.

A vault keeps one JSON object per profile and knows nothing of what the fields mean.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn, Protocol

from bkendctl.contract.errors import Failure
from bkendctl.local.files import Warn, read_private, write_private
from bkendctl.local.locks import exclusive
from bkendctl.local.paths import Paths

_VERSION = 1
"""Shape of the file. A new field is no new shape: unknown fields are carried along."""

Entry = dict[str, Any]


class Vault(Protocol):
    """Keeps one object per profile. Whoever changes a profile holds that profile's lock.

    Raises cli/store-damaged for what cannot be read, cli/store-unavailable for what does not answer.
    """

    @property
    def name(self) -> str:
        """Say for people which one it is."""

    def read(self, profile: str) -> Entry | None:
        """Return the profile's object; None when there is none."""

    def write(self, profile: str, entry: Entry | None) -> None:
        """Replace the profile's object; None removes it."""


class MemoryVault:
    """Keeps credentials as long as this process lives; every instance for a folder sees the same."""

    _kept: dict[tuple[Paths, str], str] = {}  # noqa: RUF012 (the process's own, on purpose)

    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    @property
    def name(self) -> str:
        return "memory"

    def read(self, profile: str) -> Entry | None:
        kept = self._kept.get((self._paths, profile))
        return None if kept is None else json.loads(kept)

    def write(self, profile: str, entry: Entry | None) -> None:
        if entry is None:
            self._kept.pop((self._paths, profile), None)
        else:
            self._kept[self._paths, profile] = json.dumps(entry)


class FileVault:
    """Keeps the credentials of all profiles in credentials.json."""

    def __init__(self, paths: Paths, warn: Warn) -> None:
        self._paths = paths
        self._warn = warn

    @property
    def name(self) -> str:
        return f"file ({self._paths.credentials_file})"

    def read(self, profile: str) -> Entry | None:
        """Return the profile's object. Needs no lock: the file is replaced whole."""
        entry: Entry | None = self._content()["profiles"].get(profile)
        return entry

    def write(self, profile: str, entry: Entry | None) -> None:
        """Replace the profile's object under the file's lock, leaving other profiles' as they are."""
        with exclusive(self._paths.credentials_lock):
            content = self._content()
            if entry is not None:
                content["profiles"][profile] = entry
            elif content["profiles"].pop(profile, None) is None:
                return
            data = json.dumps(content, indent=1).encode()
            write_private(self._paths.credentials_file, data, self._warn)

    def _content(self) -> dict[str, Any]:
        data = read_private(self._paths.credentials_file, self._warn)
        if data is None:
            return {"version": _VERSION, "profiles": {}}
        try:
            content = json.loads(data, parse_constant=_no_number)
        except (ValueError, RecursionError):
            raise self._damaged("it is not JSON") from None
        if not isinstance(content, dict) or not isinstance(content.get("profiles"), dict):
            raise self._damaged("it has no profiles")
        if content.get("version") != _VERSION:
            raise self._damaged(f"its version is not {_VERSION}; a newer bkendctl may have written it")
        if not all(isinstance(entry, dict) for entry in content["profiles"].values()):
            raise self._damaged("a profile in it is no object")
        return content

    def _damaged(self, why: str) -> Failure:
        """Name the file and the fault, never the content: json's own errors quote nothing, ours neither."""
        path = self._paths.credentials_file
        return Failure("cli/store-damaged", f"{path} cannot be read: {why}. It was left as it is.")


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
