"""Profiles: where commands go. Kept in config.toml, which people edit by hand and which holds no secret."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from bkendctl.contract.errors import Failure
from bkendctl.local.addresses import server_url, stored_database_url
from bkendctl.local.files import Warn, read_private, write_private
from bkendctl.local.locks import exclusive
from bkendctl.local.paths import Paths
from bkendctl.local.paths import paths as default_paths

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TEXTS = ("url", "database", "project_id", "environment", "environment_type")
_Table = dict[str, "Profile"]
_HEADER = "# Where bkendctl's commands go. No secret belongs here.\n\n"


class Profile(NamedTuple):
    """One place commands go to: an embedded core (database) or a server (url).

    ephemeral: made of BKENDCTL_URL, nameless; nothing is stored for it and no stored token is sent to it.
    """

    name: str
    kind: Literal["embedded", "remote"]
    url: str | None = None
    database: str | None = None
    project_id: str | None = None
    environment: str | None = None
    environment_type: str | None = None
    ephemeral: bool = False


def check_name(name: str) -> str:
    """Return a profile's name. Raises cli/usage unless it is 1 to 64 of [A-Za-z0-9._-]."""
    if not _NAME.fullmatch(name):
        raise Failure(
            "cli/usage", "A profile's name is 1 to 64 letters, digits, dots, dashes or underscores.", hint=""
        )
    return name


class Profiles:
    """What config.toml says. Changes lock the file, read it again and keep comments and unknown keys.

    Raises cli/config-damaged for what cannot be read, and leaves that file as it is.
    """

    def __init__(self, paths: Paths, warn: Warn | None = None) -> None:
        self.paths = paths
        self.current: str | None = None
        self._warn = warn
        self._profiles: dict[str, Profile] = {}
        self._adopt(self._read())

    @classmethod
    def load(cls, paths: Paths | None = None, warn: Warn | None = None) -> Profiles:
        """Read config.toml; a missing one has no profiles."""
        return cls(default_paths() if paths is None else paths, warn)

    def __iter__(self) -> Iterator[Profile]:
        return iter(self._profiles.values())

    def __len__(self) -> int:
        return len(self._profiles)

    def __contains__(self, name: object) -> bool:
        return name in self._profiles

    def get(self, name: str) -> Profile:
        """Return the profile. Raises cli/profile-not-found with the names that look alike."""
        if name in self._profiles:
            return self._profiles[name]
        from difflib import get_close_matches

        near = get_close_matches(name, self._profiles, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else None
        shown = f'"{name}"' if _NAME.fullmatch(name) else "that name"
        raise Failure("cli/profile-not-found", f"There is no profile {shown}.", hint=hint)

    def resolve(self, option: str | None = None) -> Profile:
        """Choose the profile: option, then BKENDCTL_URL, then BKENDCTL_PROFILE, then the current one.

        Raises cli/no-profile, cli/profile-not-found, and cli/usage for a bad BKENDCTL_URL.
        """
        if option:
            return self.get(option)
        if url := os.environ.get("BKENDCTL_URL"):
            try:
                return Profile("", "remote", url=server_url(url), ephemeral=True)
            except Failure as failure:
                raise Failure("cli/usage", f"BKENDCTL_URL: {failure.message}", hint="") from None
        if name := os.environ.get("BKENDCTL_PROFILE"):
            return self.get(name)
        if self.current:
            return self.get(self.current)
        if self._profiles:
            raise Failure("cli/no-profile", "No profile is chosen.", hint="bkendctl profiles use NAME")
        raise Failure("cli/no-profile")

    def add(self, profile: Profile, *, make_current: bool = True) -> Profile:
        """Store a new profile and return it. Raises cli/profile-exists, cli/usage (name, address)."""
        profile = _checked(profile)

        def edit(document: TOMLDocument) -> _Table:
            if profile.name in self._profiles:
                raise Failure("cli/profile-exists", f'There is a profile "{profile.name}" already.')
            entry = {key: getattr(profile, key) for key in ("kind", *_TEXTS)}
            entry = {key: value for key, value in entry.items() if value is not None}
            if "profiles" in document:
                document["profiles"][profile.name] = entry
            else:
                document["profiles"] = {profile.name: entry}
            if make_current:
                document["current"] = profile.name
            return {**self._profiles, profile.name: profile}

        self._change(edit)
        return self.get(profile.name)

    def use(self, name: str) -> Profile:
        """Make the profile current and return it. Raises cli/profile-not-found."""

        def edit(document: TOMLDocument) -> _Table:
            document["current"] = self.get(name).name
            return self._profiles

        self._change(edit)
        return self.get(name)

    def remove(self, name: str) -> Profile:
        """Drop the profile and return it; if it was current, none is then. Raises cli/profile-not-found.

        Forget its credentials first: a later profile of the same name would send them to another server.
        """
        removed = self.get(name)

        def edit(document: TOMLDocument) -> _Table:
            self.get(name)
            del document["profiles"][name]
            if document.get("current") == name:
                del document["current"]
            return {key: profile for key, profile in self._profiles.items() if key != name}

        self._change(edit)
        return removed

    def _change(self, edit: Callable[[TOMLDocument], _Table]) -> None:
        """Lock, read again, edit (which returns the profiles there are to be), check, write."""
        import tomlkit
        from tomlkit.exceptions import TOMLKitError

        with exclusive(self.paths.config_lock, busy="cli/file"):
            text = self._read()
            self._adopt(text)
            try:
                document = tomlkit.parse(text or _HEADER)
                expected = edit(document)
                changed = tomlkit.dumps(document)
            except TOMLKitError as error:
                raise self._damaged(str(error)) from None
            self._adopt_exactly(changed, expected)
            write_private(self.paths.config_file, changed.encode(), self._warn)

    def _adopt_exactly(self, text: str, expected: _Table) -> None:
        """Take the text over if it says what it should: tomlkit loses keys of some odd documents."""
        try:
            self._adopt(text)
        except Failure:
            self._profiles = {}
        if self._profiles != expected:
            raise self._damaged("it cannot be changed without losing something; please edit it by hand")

    def _read(self) -> str:
        data = read_private(self.paths.config_file, self._warn)
        try:
            return "" if data is None else data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise self._damaged(f"it is not UTF-8 (at byte {error.start})") from None

    def _adopt(self, text: str) -> None:
        try:
            content = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise self._damaged(str(error)) from None
        except RecursionError:
            raise self._damaged("it is nested too deeply") from None
        current, entries = content.get("current"), content.get("profiles", {})
        if not isinstance(current, str | None) or not isinstance(entries, dict):
            raise self._damaged("current is a name and profiles is a table")
        self._profiles = {name: self._profile(name, entry) for name, entry in entries.items()}
        self.current = current or None

    def _profile(self, name: str, entry: Any) -> Profile:
        if not _NAME.fullmatch(name) or not isinstance(entry, dict):
            raise self._damaged(
                "a profile is a table with a name of letters, digits, dots, dashes or underscores"
            )
        texts = {key: entry.get(key) for key in _TEXTS}
        if not all(isinstance(value, str | None) for value in texts.values()):
            raise self._damaged(f"profiles.{name}: {', '.join(_TEXTS)} are texts")
        try:
            return _checked(Profile(name, entry.get("kind"), **texts))  # type: ignore[arg-type]
        except Failure as failure:
            raise self._damaged(f"profiles.{name}: {failure.message}") from None

    def _damaged(self, why: str) -> Failure:
        return Failure("cli/config-damaged", f"{self.paths.config_file}: {why}")


def _checked(profile: Profile) -> Profile:
    check_name(profile.name)
    if profile.kind == "remote" and profile.url and not profile.database:
        return profile._replace(url=server_url(profile.url))
    if profile.kind == "embedded" and profile.database and not profile.url:
        return profile._replace(database=stored_database_url(profile.database))
    raise Failure("cli/usage", 'A profile is "remote" with a url, or "embedded" with a database.', hint="")
