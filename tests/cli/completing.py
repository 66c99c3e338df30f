"""A machine on which somebody presses TAB: bkendctl in the PATH, profiles, lists that were shown."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pexpect
import pytest

from bkendctl.__main__ import main
from bkendctl.local import recent
from bkendctl.local.paths import Paths, paths
from bkendctl.local.profiles import Profile, Profiles

ROOT = Path(__file__).parents[2]
KEY = "3f2a9c1e-0000-4000-8000-000000000001"


def make_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, with bkendctl in the PATH and no variable of the developer's."""
    for name in [*(name for name in os.environ if name.startswith(("BKENDCTL_", "XDG_"))), "ZDOTDIR"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SHELL", "/bin/bash")
    monkeypatch.setenv("BKENDCTL_HOME", str(tmp_path / "local"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    program = tmp_path / "bin" / "bkendctl"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m bkendctl "$@"\n')
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def fill() -> Paths:
    """Two profiles, and lists that were shown on the current one."""
    here = paths()
    profiles = Profiles.load(here)
    profiles.add(Profile("prod", "remote", url="https://auth.example.com"))
    profiles.add(Profile("default", "remote", url="https://dev.example.com"))
    recent.remember(here, "default", "users", [("alice@example.com", "admin"), ("bob@example.com", "user")])
    recent.remember(here, "default", "keys", [(KEY, "ci")])
    recent.remember(here, "prod", "users", [("zoe@example.com", "user")])
    return here


def installed(capsys: pytest.CaptureFixture[str], shell: str) -> dict[str, object]:
    """Install, and give the document about it."""
    assert main(["completion", "install", shell, "-o", "json"]) == 0
    body: dict[str, object] = json.loads(capsys.readouterr().out)
    return body


def terminal(home: Path, command: str, *arguments: str) -> pexpect.spawn[str]:
    """Start a shell in a terminal, wide enough that nothing wraps."""
    environment = {**os.environ, "TERM": "dumb", "HOME": str(home), "LANG": "C.UTF-8"}
    return pexpect.spawn(
        command, list(arguments), env=environment, encoding="utf-8", timeout=30, dimensions=(50, 200)
    )
