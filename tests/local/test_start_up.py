"""What a command that only reads local files may load."""

from __future__ import annotations

import json
from collections.abc import Callable
from subprocess import Popen

import pytest

from bkendctl.local.credentials import CredentialStore
from bkendctl.local.paths import Paths
from bkendctl.local.profiles import Profile, Profiles

READ = """
import json, sys
from bkendctl.local.credentials import CredentialStore
from bkendctl.local.paths import paths
from bkendctl.local.profiles import Profiles
profile = Profiles.load().resolve()
token = CredentialStore.open(paths(), print).load(profile.name).access_token
print(json.dumps([token, sorted(sys.modules)]))
"""

HEAVY = {
    "asyncio", "dataclasses", "filelock", "httpx", "inspect", "keyring", "msgspec", "platformdirs",
    "pydantic", "rich", "sqlalchemy", "sqlmodel", "subprocess", "tomlkit", "typer",
}  # fmt: skip


@pytest.mark.parametrize("remembered", [True, False])
def test_reading_loads_nothing_heavy(
    home: Paths, monkeypatch: pytest.MonkeyPatch, start: Callable[..., Popen[str]], remembered: bool
) -> None:
    """A profile and its credentials are read from files without any of the slow modules."""
    if not remembered:
        monkeypatch.setenv("BKENDCTL_STORE", "file")
    Profiles.load().add(Profile("a", "remote", url="https://a.b"))
    CredentialStore.open(home, lambda message: None).update("a", access_token="t")
    assert home.store_file.exists() is remembered
    monkeypatch.delenv("BKENDCTL_STORE", raising=False)
    output, errors = start(READ).communicate()
    assert errors == ""
    token, modules = json.loads(output)
    assert token == "t"
    assert HEAVY.isdisjoint(modules)
