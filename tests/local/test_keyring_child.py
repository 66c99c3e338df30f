"""The child process that asks the keyring: what it is given, what it may do, and that it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import pytest

from bkendctl.local.credentials import CredentialStore
from bkendctl.local.paths import Paths
from tests.local.conftest import ROOT
from tests.local.test_credentials import FULL


def test_secrets_stay_out_of_arguments_and_the_childs_environment(
    home: Paths, ring: Callable[[str], Path], told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child's command line is the same for every secret, and it does not inherit our variables."""
    seen: list[str] = []

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event == "subprocess.Popen" and listening:
            seen.append(repr(arguments))

    listening = True
    sys.addaudithook(hook)
    monkeypatch.setenv("BKENDCTL_PASSWORD", "pw_canary")
    ring("Working")
    with CredentialStore.open(home, told.append).locked("a") as held:
        held.save(FULL)
    listening = False
    assert len(seen) == 3
    assert "canary" not in "".join(seen)


COMMAND = """
import sys
from bkendctl.local.credentials import CredentialStore
from bkendctl.local.paths import paths
store = CredentialStore.open(paths(), lambda message: print("warning", flush=True))
print(store.name, store.load("a").email, "keyring" in sys.modules, flush=True)
"""


def test_many_first_commands_make_one_choice(
    home: Paths, ring: Callable[[str], Path], start: Callable[..., Popen[str]]
) -> None:
    """Of six commands that start at once on a new machine one probes and warns; all take the same store."""
    ring("Locked")
    outputs = [process.communicate() for process in [start(COMMAND) for _ in range(6)]]
    assert [errors for _, errors in outputs] == [""] * 6
    text = "".join(output for output, _ in outputs)
    assert (text.count("warning"), text.count(f"file ({home.credentials_file}) None False")) == (1, 6)


def test_a_hanging_keyring_does_not_keep_the_process(
    home: Paths, ring: Callable[[str], Path], start: Callable[..., Popen[str]]
) -> None:
    """A whole command over a keyring that holds the GIL for ever ends, and leaves no child behind."""
    ring("Hanging")
    process = start(COMMAND)
    output, errors = process.communicate(timeout=20)
    assert (errors, process.returncode) == ("", 0)
    assert output.splitlines()[0] == "warning"
    listing = subprocess.run(["ps", "-eo", "ppid"], capture_output=True, text=True, check=True).stdout.split()
    assert str(process.pid) not in listing


def test_a_module_of_the_current_folder_is_not_run(
    home: Paths, ring: Callable[[str], Path], tmp_path: Path, start: Callable[..., Popen[str]]
) -> None:
    """A keyring.py in the folder a command is typed in is not imported by the child."""
    trap = tmp_path / "trap"
    trap.mkdir()
    for name in ("keyring.py", "json.py", "faulthandler.py"):
        (trap / name).write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')\nraise SystemExit")
    ring("Working")
    script = tmp_path / "command.py"
    script.write_text(COMMAND)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(script)], cwd=trap, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "keyring (Working) None False\n"
    assert not (tmp_path / "sprung").exists()
