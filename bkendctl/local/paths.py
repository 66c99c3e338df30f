"""Where the files of this machine live. Names and places only; nothing is read or written here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from bkendctl.contract.errors import Failure


class Paths(NamedTuple):
    """The two folders everything lives in (both absolute, neither created yet) and the files in them."""

    config_dir: Path
    data_dir: Path

    @property
    def config_file(self) -> Path:
        """Profiles; people edit it, it holds no secret."""
        return self.config_dir / "config.toml"

    @property
    def config_lock(self) -> Path:
        """Lock for whoever changes `config_file`."""
        return self.config_dir / "config.lock"

    @property
    def credentials_file(self) -> Path:
        """Keys and tokens of all profiles, when no keyring holds them."""
        return self.data_dir / "credentials.json"

    @property
    def credentials_lock(self) -> Path:
        """Lock for whoever changes `credentials_file` or `store_file`; held for milliseconds."""
        return self.data_dir / "credentials.lock"

    @property
    def store_file(self) -> Path:
        """Which credential store was chosen; it holds no secret."""
        return self.data_dir / "store.json"

    @property
    def database_file(self) -> Path:
        """SQLite database of the embedded core."""
        return self.data_dir / "bkendctl.db"

    def database_of(self, profile: str) -> Path:
        """Return the SQLite database that `init` makes for a profile; each has one of its own."""
        return self.database_file if profile == "default" else self.data_dir / f"bkendctl-{profile}.db"

    @property
    def master_key_file(self) -> Path:
        """Key that encrypts secrets at rest, unless BKENDCTL_MASTER_KEY is set."""
        return self.data_dir / "master.key"

    @property
    def next_master_key_file(self) -> Path:
        """The key that is about to replace `master_key_file`; there only while that happens."""
        return self.data_dir / "master.key.next"

    @property
    def master_key_lock(self) -> Path:
        """Lock for whoever replaces `master_key_file`."""
        return self.data_dir / "master.key.lock"

    def recent_file(self, profile: str) -> Path:
        """Return the file of what the profile's last lists showed, kept for completion."""
        return self.data_dir / f"recent.{profile}.json"

    def agreed_file(self, profile: str) -> Path:
        """Return the file of the keys that were seen to be of the profile's environment."""
        return self.data_dir / f"agreed.{profile}.json"

    def profile_lock(self, profile: str) -> Path:
        """Return the lock for whoever renews this profile's tokens; it may be held while a server answers,
        so each profile has its own."""
        return self.data_dir / f"credentials.{profile}.lock"


def paths() -> Paths:
    """Find the folders: BKENDCTL_HOME for all, otherwise the platform's for configuration and for data.

    Raises cli/file for a relative BKENDCTL_HOME when the current folder is gone, or for an unknown ~user.
    """
    home = os.environ.get("BKENDCTL_HOME")
    if home:
        try:
            folder = Path(os.path.abspath(Path(home).expanduser()))  # noqa: PTH100 (drops "..", keeps symlinks)
        except (OSError, RuntimeError) as error:
            raise Failure("cli/file", f"BKENDCTL_HOME cannot be used: {error}.") from None
        return Paths(folder, folder)
    import platformdirs

    return Paths(
        platformdirs.user_config_path("bkendctl", appauthor=False),
        platformdirs.user_data_path("bkendctl", appauthor=False),
    )
