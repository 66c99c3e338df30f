"""`bkendctl completion`: scripts that know every command, values of this machine, careful installation."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest
from completing import ROOT, installed, terminal

from bkendctl.__main__ import main
from bkendctl.cli.shells import FILES, MARK, script
from bkendctl.cli.tree import command_tree
from bkendctl.local.paths import Paths, paths

TREE = command_tree()


def values(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """The lines that `completion values` prints; it never says anything else, and never fails."""
    assert main(["completion", "values", *arguments]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    return said.out.splitlines()


def test_values_are_those_of_the_profile_that_begin_with_the_prefix(
    known: Paths, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Named, of BKENDCTL_PROFILE, or current; whatever the case of the letters."""
    assert values(capsys, "users") == ["alice@example.com\tadmin", "bob@example.com\tuser"]
    assert values(capsys, "users", "AL") == ["alice@example.com\tadmin"]
    assert values(capsys, "users", "", "prod") == ["zoe@example.com\tuser"]
    assert values(capsys, "profiles", "p") == ["prod\tremote"]
    monkeypatch.setenv("BKENDCTL_PROFILE", "prod")
    assert values(capsys, "users") == ["zoe@example.com\tuser"]
    monkeypatch.setenv("BKENDCTL_URL", "https://other.example.com")
    assert values(capsys, "users") == []


@pytest.mark.parametrize("arguments", [(), ("nothing",), ("users", "", "no-such"), ("users", "", "../../x")])
def test_where_nothing_is_known_nothing_is_said(
    known: Paths, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    """No kind, an unknown one, an unknown or impossible profile."""
    assert values(capsys, *arguments) == []


def test_a_damaged_configuration_is_no_noise_at_a_prompt(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command itself will tell; TAB is silent, without a home too."""
    assert values(capsys, "profiles") == []
    paths().config_dir.mkdir(mode=0o700)
    paths().config_file.write_text("[[[")
    assert values(capsys, "profiles") == []


def test_values_load_neither_parser_nor_backend(known: Paths) -> None:
    """The budget is 150 ms, of which Typer alone would take a half."""
    code = (
        "import sys, bkendctl.__main__ as b; b.main(['completion', 'values', 'users']);"
        "print(*sys.modules, file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "alice@example.com" in run.stdout
    heavy = {
        "typer",
        "msgspec",
        "sqlalchemy",
        "httpx",
        "keyring",
        "tomlkit",
        "filelock",
        "rich",
        "subprocess",
    }
    assert heavy.isdisjoint(run.stderr.split())


def test_lists_that_a_person_sees_are_remembered_until_sign_out(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a terminal; a list of a script is not, and another user's sessions are not one's own."""
    monkeypatch.setenv("BKENDCTL_STORE", "file")
    monkeypatch.setenv("BKENDCTL_PASSWORD", "Corr3ct-horse!")
    for arguments in (["init"], ["signup", "alice@example.com", "--name", "Alice"], ["users", "list"]):
        assert main([*arguments, "--no-input"]) == 0
    capsys.readouterr()
    file = paths().recent_file("default")
    assert not file.exists()
    for arguments in (["users", "sessions", "alice@example.com"], ["keys", "list"], ["users", "list", "-q"]):
        seen = terminal(home, "bkendctl", *arguments)
        seen.expect(pexpect.EOF)
        seen.close()
        assert seen.exitstatus == 0
    assert set(json.loads(file.read_text())) == {"keys", "users"}
    assert values(capsys, "users") == ["alice@example.com\tuser"]
    assert sorted(line.split("\t")[1] for line in values(capsys, "keys")) == [
        "init publishable",
        "init secret",
    ]
    assert main(["logout"]) == 0
    assert not file.exists()


def test_a_removed_profile_leaves_no_values(known: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lists are forgotten with its credentials; those of others stay."""
    monkeypatch.setenv("BKENDCTL_STORE", "file")
    assert main(["profiles", "remove", "prod", "--yes"]) == 0
    assert not known.recent_file("prod").exists()
    assert known.recent_file("default").exists()


@pytest.mark.parametrize("shell", FILES)
def test_a_script_is_shown(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As it stands in completions/, whole."""
    assert main(["completion", "show", shell]) == 0
    assert capsys.readouterr().out == script(shell, TREE) == (ROOT / "completions" / FILES[shell]).read_text()


def test_the_shell_is_that_of_the_user(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """$SHELL decides; an unknown one is a usage error that names the known ones."""
    monkeypatch.setenv("SHELL", "/usr/bin/fish")
    assert main(["completion", "show"]) == 0
    assert capsys.readouterr().out == script("fish", TREE)
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    assert main(["completion", "install"]) == 2
    assert "bash, zsh, fish or powershell, not tcsh" in capsys.readouterr().err


INSTALLED = {
    "bash": ".local/share/bash-completion/completions/bkendctl",
    "zsh": ".local/share/zsh/site-functions/_bkendctl",
    "fish": ".config/fish/completions/bkendctl.fish",
    "powershell": ".local/share/bkendctl/completion.ps1",
}


@pytest.mark.parametrize("shell", FILES)
def test_installing_twice_changes_nothing_the_second_time(
    shell: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file is where the shell looks; an older one of ours is brought up to date, nothing is left over."""
    file = home / INSTALLED[shell]
    assert installed(capsys, shell) == {"shell": shell, "file": str(file), "changed": True}
    before = {each: each.read_bytes() for each in home.rglob("*") if each.is_file()}
    assert installed(capsys, shell)["changed"] is False
    assert {each: each.read_bytes() for each in home.rglob("*") if each.is_file()} == before
    file.write_text(f"# {MARK}\nold")
    assert installed(capsys, shell)["changed"] is True
    assert file.read_text() == script(shell, TREE)


@pytest.mark.parametrize("shell", FILES)
def test_a_file_of_somebody_else_is_left_as_it_is(
    shell: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not written by bkendctl: exit status 1, and what to do."""
    file = home / INSTALLED[shell]
    file.parent.mkdir(parents=True)
    file.write_text("mine")
    assert main(["completion", "install", shell]) == 1
    assert "[cli/file]" in capsys.readouterr().err
    assert file.read_text() == "mine"


def test_a_link_stays_a_link(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who keeps such files in a folder of his own finds the script there."""
    kept = home / "dotfiles" / "bkendctl.fish"
    kept.parent.mkdir()
    link = home / INSTALLED["fish"]
    link.parent.mkdir(parents=True)
    link.symlink_to(kept)
    installed(capsys, "fish")
    assert link.is_symlink()
    assert kept.read_text() == script("fish", TREE)


@pytest.mark.parametrize("before", [b"", b"Set-Alias k kubectl", b"# caf\xe9\r\n"])
def test_the_profile_of_powershell_gets_one_line(
    before: bytes, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Appended once, every byte before it untouched."""
    profile = home / ".config/powershell/Microsoft.PowerShell_profile.ps1"
    profile.parent.mkdir(parents=True)
    profile.write_bytes(before)
    installed(capsys, "powershell")
    installed(capsys, "powershell")
    added = profile.read_bytes().removeprefix(before).strip().decode()
    assert profile.read_bytes().startswith(before)
    assert added == f". '{home / INSTALLED['powershell']}'"


def test_a_profile_in_utf_16_is_left_alone(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line in UTF-8 would make it unreadable; the line is told instead."""
    profile = home / ".config/powershell/Microsoft.PowerShell_profile.ps1"
    profile.parent.mkdir(parents=True)
    profile.write_bytes("x".encode("utf-16"))
    assert main(["completion", "install", "powershell"]) == 1
    assert "completion.ps1" in capsys.readouterr().err
    assert profile.read_bytes() == "x".encode("utf-16")


@pytest.mark.parametrize(
    ("start_up", "told"),
    [
        ("", ["fpath=(", "autoload -Uz compinit && compinit"]),
        ("autoload -Uz compinit; compinit\n", ["fpath=("]),
        ("# fpath=(~/.local/share/zsh/site-functions $fpath)\ncompinit\n", ["fpath=("]),
        ("fpath=(~/.local/share/zsh/site-functions $fpath)\ncompinit\n", []),
        ('fpath=("$HOME/.local/share/zsh/site-functions" $fpath)\ncompinit\n', []),
    ],
)
def test_what_zsh_still_needs_is_told_and_zshrc_is_not_touched(
    start_up: str, told: list[str], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lines for .zshrc, only as long as they are missing."""
    (home / ".zshrc").write_text(start_up)
    assert main(["completion", "install", "zsh"]) == 0
    said = capsys.readouterr().err
    assert [part for part in ("fpath=(", "autoload -Uz compinit && compinit") if part in said] == told
    assert (home / ".zshrc").read_text() == start_up
