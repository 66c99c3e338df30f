"""Homes of their own, second processes, and files as attackers leave them."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bkendctl.contract.errors import Failure
from bkendctl.local.credentials import CredentialStore
from bkendctl.local.paths import Paths, paths

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    """Give the test a folder that does not exist yet, and no variable of the developer's."""
    for name in list(os.environ):
        if name.startswith("BKENDCTL_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("BKENDCTL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    monkeypatch.setenv("RING", str(tmp_path / "ring.json"))
    return paths()


@pytest.fixture
def start() -> Callable[..., subprocess.Popen[str]]:
    """Start a second process that runs Python code with arguments, as the test's environment is now."""

    def run(code: str, *arguments: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", code, *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True)

    return run


def mode(path: Path) -> int:
    """Return the permission bits of the file itself, links not followed."""
    return stat.S_IMODE(path.lstat().st_mode)


def refused(code: str, call: Callable[[], object]) -> Failure:
    """Return the failure, which has the code."""
    with pytest.raises(Failure) as caught:
        call()
    assert caught.value.code == code
    return caught.value


def silent(message: str) -> None:
    """Fail the test: nothing was to be warned of."""
    raise AssertionError(message)


@pytest.fixture
def files(home: Paths, monkeypatch: pytest.MonkeyPatch) -> CredentialStore:
    """Open a file store."""
    monkeypatch.setenv("BKENDCTL_STORE", "file")
    return CredentialStore.open(home, silent)


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], Path]:
    """Choose a backend of keyrings.py through keyring's own variable; gives the file it keeps entries in."""

    def use(name: str) -> Path:
        monkeypatch.syspath_prepend(str(ROOT))
        monkeypatch.setenv(
            "PYTHON_KEYRING_BACKEND", f"tests.local.keyrings.{name}" if "." not in name else name
        )
        return tmp_path / "ring.json"

    return use


@pytest.fixture
def told() -> list[str]:
    """Collect what warn hears."""
    return []


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, home: Paths, monkeypatch: pytest.MonkeyPatch) -> CredentialStore:
    """Open a file store and a memory store in turn."""
    monkeypatch.setenv("BKENDCTL_STORE", request.param)
    return CredentialStore.open(home, silent)
