"""What the scripts offer at TAB, asked of real shells."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from completing import KEY, ROOT, installed, terminal

from bkendctl.cli.shells import FILES, offer, script
from bkendctl.cli.tree import Node, command_tree
from bkendctl.local.paths import Paths

TREE = command_tree()
NODES = list(TREE.walk())


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
    "bkendctl api GET /v1/api-keys/c": ["/v1/api-keys/current"],
    "bkendctl api GET /v1/signing-keys/": ["/v1/signing-keys/"],
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
    ("offers", "every"),
    [
        pytest.param(bash_offers, 1, marks=needs["bash"]),
        pytest.param(fish_offers, 9, marks=needs["fish"]),
        pytest.param(fish_offers, 1, marks=[needs["fish"], pytest.mark.slow]),
    ],
)
def test_every_command_option_and_choice_is_offered(
    offers: Callable[[list[str]], list[list[str]]], every: int, known: Paths
) -> None:
    """What the tree has, the shell offers: verbs, long options, each list of choices. fish takes its time."""
    wanted: dict[str, set[str]] = {}
    for node in NODES[::every]:
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
