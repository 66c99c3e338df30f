"""bkendctl demo: the tour a newcomer takes first."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
from shell import Shell

STEPS = 13


def test_the_demo_walks_all_the_way(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 0 with a QR, the codes, the key and the mails on the way; nothing is left behind."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    run = shell.process("demo")
    assert run.returncode == 0, run.stderr
    assert f"{STEPS} of {STEPS} steps" in run.stdout
    for shown in ("$ bkendctl init", "▀", "sk_", "signup_confirmation", "invitation", "admin"):
        assert shown in run.stdout
    assert "Traceback" not in run.stderr
    assert list((tmp_path / "tmp").iterdir()) == []
    assert not shell.home.exists()


def test_the_demo_leaves_the_own_core_alone(alice: Shell) -> None:
    """Profile, credentials and variables that lead elsewhere have no part in it."""
    before = {file: file.read_bytes() for file in alice.home.iterdir() if file.is_file()}
    alice.set(OUTPUT="json", PROFILE="default", MFA_CODE="123456")
    run = alice.process("demo")
    assert run.returncode == 0, run.stderr
    assert {file: file.read_bytes() for file in alice.home.iterdir() if file.is_file()} == before


def test_the_demo_can_be_kept(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--keep says where the core is, and it can be used from there."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    run = shell.process("demo", "--keep")
    assert "BKENDCTL_HOME=" in run.stderr
    shell.set(HOME=run.stderr.rpartition("BKENDCTL_HOME=")[2].split()[0])
    assert shell.json("whoami")["role"] == "admin"


def test_a_failing_step_fails_the_demo(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a step cannot be done (no file may grow) the demo names it, exits 1 and clears up."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()

    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    run = shell.process("demo", preexec_fn=no_room)
    assert run.returncode == 1
    assert "[cli/demo]" in run.stderr
    assert "'Make the core and its first keys'" in run.stderr
    assert "Traceback" not in run.stderr
    assert list((tmp_path / "tmp").iterdir()) == []
