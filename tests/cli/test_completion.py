"""`bkendctl completion`: scripts that know every command, values of this machine, careful installation."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest

from bkendctl.__main__ import main
from bkendctl.cli.shells import FILES, MARK, offer, script
from bkendctl.cli.tree import Node, command_tree
from bkendctl.local import recent
from bkendctl.local.paths import Paths, paths
from bkendctl.local.profiles import Profile, Profiles

ROOT = Path(__file__).parents[2]
TREE = command_tree()
NODES = list(TREE.walk())
KEY = "3f2a9c1e-0000-4000-8000-000000000001"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
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


@pytest.fixture
def known(home: Path) -> Paths:
    """Two profiles, and lists that were shown on the current one."""
    here = paths()
    profiles = Profiles.load(here)
    profiles.add(Profile("prod", "remote", url="https://auth.example.com"))
    profiles.add(Profile("default", "remote", url="https://dev.example.com"))
    recent.remember(here, "default", "users", [("alice@example.com", "admin"), ("bob@example.com", "user")])
    recent.remember(here, "default", "keys", [(KEY, "ci")])
    recent.remember(here, "prod", "users", [("zoe@example.com", "user")])
    return here


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


def installed(capsys: pytest.CaptureFixture[str], shell: str) -> dict[str, object]:
    """Install, and give the document about it."""
    assert main(["completion", "install", shell, "-o", "json"]) == 0
    body: dict[str, object] = json.loads(capsys.readouterr().out)
    return body


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


# What the scripts offer.


def bash_offers(lines: list[str]) -> list[list[str]]:
    """What bash completes each line to, asked of the script the way readline asks."""
    asks = r"""
    ask() {
        local line=$1 torn
        COMP_LINE=$line COMP_POINT=${#line}
        # As readline does: blanks separate, the other characters are words of their own.
        torn=${line//:/ : }; torn=${torn//=/ = }; torn=${torn//@/ @ }
        read -ra COMP_WORDS <<<"$torn"
        [[ $line == *[[:space:]:=@] ]] && COMP_WORDS+=('')
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        COMPREPLY=()
        _bkendctl bkendctl "${line##*[ :=@]}" ''
        printf '%s\n' "${COMPREPLY[@]}"
        echo --
    }
    source "$1"
    while IFS= read -r line; do ask "$line"; done
    """
    run = subprocess.run(
        ["bash", "--norc", "-c", asks, "bash", str(ROOT / "completions/bkendctl.bash")],
        input="".join(f"{line}\n" for line in lines), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [part.split() for part in run.stdout.split("--\n")[:-1]]


def fish_offers(lines: list[str]) -> list[list[str]]:
    """What fish completes each line to."""
    code = 'source $argv[1]; while read -l line; complete -C "$line"; echo ----; end'
    run = subprocess.run(
        ["fish", "--no-config", "-c", code, str(ROOT / "completions/bkendctl.fish")],
        input="".join(f"{line}\n" for line in lines), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [[line.split("\t")[0] for line in part.splitlines()] for part in run.stdout.split("----\n")[:-1]]


CASES = {
    "bkendctl us": ["users"],
    "bkendctl users set-": ["set-role"],
    "bkendctl users list --role ": ["admin", "guest", "user"],
    "bkendctl users list --search x --rol": ["--role"],
    "bkendctl -o json users list --role a": ["admin"],
    "bkendctl users list -o j": ["json"],
    "bkendctl users set-role ": ["alice@example.com", "bob@example.com"],
    "bkendctl users set-role a": ["alice@example.com"],
    "bkendctl users set-role alice@example.com ad": ["admin"],
    "bkendctl users set-role alice@example.com admin ": [],
    "bkendctl -p prod users get ": ["zoe@example.com"],
    "bkendctl --profile=prod users get z": ["zoe@example.com"],
    "bkendctl users get -p prod ": ["zoe@example.com"],
    "bkendctl keys revoke ": [KEY],
    "bkendctl profiles use ": ["default", "prod"],
    "bkendctl users list --profile pr": ["prod"],
    "bkendctl help e": ["environment", "exit-codes"],
    "bkendctl users list --search ": [],
    "bkendctl no-such ": [],
}
TORN = {
    "bkendctl users list --role=a": ["--role=admin"],
    "bkendctl users get alice@ex": ["alice@example.com"],
    "bkendctl users get --profile=pr": ["--profile=prod"],
}
needs = {
    shell: pytest.mark.skipif(shutil.which(shell) is None, reason=f"{shell} is not installed")
    for shell in ("bash", "zsh", "fish")
}


@needs["bash"]
def test_bash_offers_what_fits(known: Paths) -> None:
    """Verbs, options, choices, values of the right profile; of a torn word, only what follows the tear."""
    found = dict(zip([*CASES, *TORN], map(sorted, bash_offers([*CASES, *TORN])), strict=True))
    rest = {line: [re.split("[=@]", word, maxsplit=1)[1] for word in words] for line, words in TORN.items()}
    assert found == CASES | rest


@needs["fish"]
def test_fish_offers_what_fits(known: Paths) -> None:
    """The same as bash, words whole."""
    wanted = CASES | TORN
    assert dict(zip(wanted, map(sorted, fish_offers(list(wanted))), strict=True)) == wanted


@pytest.mark.parametrize(
    "offers", [pytest.param(bash_offers, marks=needs["bash"]), pytest.param(fish_offers, marks=needs["fish"])]
)
def test_every_command_option_and_choice_is_offered(
    offers: Callable[[list[str]], list[list[str]]], known: Paths
) -> None:
    """What the tree has, the shell offers: verbs, long options, and each list of choices."""
    wanted: dict[str, set[str]] = {}
    for node in NODES:
        if node.children:
            wanted[f"{node.name} "] = {child.path[-1] for child in node.children}
        options = (*node.options, *TREE.options)
        names = {name for option in options for name in (*option.names, *option.negative)}
        wanted[f"{node.name} --"] = {name for name in names if name.startswith("--")}
        wanted |= {
            f"{node.name} {name} ": set(option.choices)
            for option in node.options
            if option.choices
            for name in option.names
        }
        if node.arguments and node.arguments[0].choices:
            wanted[f"{node.name} "] = set(node.arguments[0].choices)
    assert dict(zip(wanted, map(set, offers(list(wanted))), strict=True)) == wanted


@pytest.mark.parametrize("shell", ["zsh", "powershell"])
@pytest.mark.parametrize("node", NODES, ids=lambda node: node.name)
def test_every_command_option_and_choice_is_in_the_script(shell: str, node: Node) -> None:
    """Where the shell cannot be asked without a terminal, its script names all."""
    text = script(shell, TREE)
    for option in (*node.options, *node.arguments):
        assert all(name in text for name in (*option.names, *option.negative))
        assert not option.choices or offer(option) in text
    assert all(child.path[-1] in text for child in node.children)


@needs["bash"]
@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_shell_finds_no_fault_with_the_script(shell: str) -> None:
    """Parsed without running."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    run = subprocess.run(
        [shell, "-n", str(ROOT / "completions" / FILES[shell])], capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")


def terminal(home: Path, command: str, *arguments: str) -> pexpect.spawn[str]:
    """Start a shell in a terminal, wide enough that nothing wraps."""
    environment = {**os.environ, "TERM": "dumb", "HOME": str(home), "LANG": "C.UTF-8"}
    return pexpect.spawn(
        command, list(arguments), env=environment, encoding="utf-8", timeout=30, dimensions=(50, 200)
    )


@pytest.mark.parametrize(
    "shell", [pytest.param("bash", marks=needs["bash"]), pytest.param("zsh", marks=needs["zsh"])]
)
def test_tab_in_a_real_shell(
    shell: str, known: Paths, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Installed as told, a person at the prompt gets verbs, options, choices, and addresses whole."""
    file = str(installed(capsys, shell)["file"])
    if shell == "bash":
        (home / ".bashrc").write_text(f"bind 'set enable-bracketed-paste off'\n. {file}\nPS1='ready> '\n")
        prompt = terminal(home, "bash", "--noprofile", "--rcfile", str(home / ".bashrc"), "-i")
    else:
        (home / ".zshrc").write_text(
            "fpath=(~/.local/share/zsh/site-functions $fpath)\nautoload -Uz compinit && compinit -u -D\n"
            "unsetopt zle_bracketed_paste prompt_sp\nPS1='ready> '\n"
        )
        prompt = terminal(home, "zsh", "-i")
    try:
        for typed, completed in (
            ("bkendctl us\tset-r\tal\tad\t", "users set-role alice@example.com admin "),
            ("bkendctl -p pr\tusers get z\t", "-p prod users get zoe@example.com "),
            ("bkendctl users get bob@e\t", "users get bob@example.com "),
            ("bkendctl users list --role=g\t", "users list --role=guest "),
        ):
            prompt.expect_exact("ready> ")
            prompt.send(f"{typed}\x01: \x05; echo d''one\r")
            prompt.expect_exact("done")
            said = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[\x07\x08\r]", "", prompt.before or "")
            assert completed in said, said
    finally:
        prompt.close(force=True)
