"""--help of every command: a summary, a worked example, every option explained, 80 columns."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
import typer
from shell import Shell
from typer.core import TyperGroup

from bkendctl.cli.app import COMMANDS, root


def tree() -> dict[str, Any]:
    """Every command by the words that are typed."""
    found: dict[str, Any] = {}
    top = root()
    context = typer.Context(top)
    for noun in COMMANDS:
        found |= below(noun, top.get_command(context, noun))
    return found


def below(words: str, command: Any) -> dict[str, Any]:
    """A command, and those below it."""
    found = {words: command}
    if isinstance(command, TyperGroup):
        for verb, each in command.commands.items():
            found |= below(f"{words} {verb}", each)
    return found


TREE = tree()
VERBS = {words: command for words, command in TREE.items() if not isinstance(command, TyperGroup)}


@pytest.mark.parametrize("words", ["", *TREE])
def test_help_works(words: str, shell: Shell) -> None:
    """On stdout, exit 0, within 80 columns, nothing cut, without a home being made."""
    said = shell.ok(*words.split(), "--help")
    assert said.out.startswith(f"Usage: bkendctl {words}".rstrip())
    assert max(map(len, said.out.splitlines())) <= 80
    assert "..." not in said.out.replace("[ARGS]...", "")
    assert shell.ok(*words.split(), "-h").out == said.out
    assert not shell.home.exists()


@pytest.mark.parametrize(
    ("words", "sections"),
    [
        ("users", ["Commands:", "Global options:"]),
        ("users get", ["Arguments:", "Global options:"]),
        ("users ban", ["Arguments:", "Options:", "Global options:"]),
    ],
)
def test_what_is_its_own_comes_first(words: str, sections: list[str], shell: Shell) -> None:
    """Verbs, arguments and options of the command stand before what every command takes."""
    told = shell.ok(*words.split(), "--help").out
    assert re.findall(r"^[A-Z][a-z ]+:$", told, re.MULTILINE) == sections
    assert told.index("Global options:") < told.index("--profile")


@pytest.mark.parametrize("words", VERBS)
def test_a_verb_has_a_summary_and_an_example(words: str) -> None:
    """One line that says what it does, and a line that can be typed: it begins with the command itself."""
    summary, *rest = VERBS[words].help.strip().splitlines()
    assert summary.endswith(".")
    assert len(summary) <= 100
    example = next(line for line in rest if line.strip().startswith("Example: "))
    assert f"bkendctl {words}" in example


@pytest.mark.parametrize("words", VERBS)
def test_the_example_can_be_parsed(words: str) -> None:
    """Its options and arguments are ones that the command has."""
    example = re.search(rf"bkendctl {words}([^|<$)]*)", VERBS[words].help)
    assert example is not None
    arguments = shlex.split(example[1].replace('"', ""))
    arguments += ["-"] * (words == "login" and "--mfa-code" in arguments)
    VERBS[words].make_context(words, arguments, resilient_parsing=False)


@pytest.mark.parametrize("words", VERBS)
def test_every_option_is_explained(words: str) -> None:
    """No option and no argument without a word about it."""
    for parameter in VERBS[words].params:
        assert getattr(parameter, "help", None), parameter.name


@pytest.mark.parametrize("words", VERBS)
def test_no_option_takes_a_lasting_secret(words: str) -> None:
    """Passwords, keys, access and refresh tokens and TOTP secrets never come from an argument."""
    mailed_or_single_use = {"--token", "--mfa-code", "--code", "--code-verifier"}
    no_secrets = {"--tls-key", "--token-url", "--access-token-seconds", "--refresh-token-seconds"}
    for parameter in VERBS[words].params:
        takes_a_value = not getattr(parameter, "is_flag", False)
        names = {name for name in parameter.opts if re.search("password|secret|token|key|code", name)}
        if parameter.param_type_name == "argument":
            names -= {"key", "code"}  # the id of a key; a single-use code
        assert not takes_a_value or names <= mailed_or_single_use | no_secrets, (words, names)


def test_exit_statuses_are_in_the_help(shell: Shell) -> None:
    """The numbers that scripts rely on are told."""
    told = " ".join(shell.ok("--help").out.split())
    for number in ("0 done", "1 failed", "2 usage", "3 not signed in", "4 forbidden", "5 not found",
                   "6 conflict", "7 rate limited or locked", "8 network", "9 second factor required",
                   "10 invalid data", "130 interrupted"):  # fmt: skip
        assert number in told


def test_the_commands_of_the_main_job_are_there() -> None:
    """Names are fixed: other tools rely on them."""
    wanted = """
        init demo signup login logout whoami
        token:print,show,refresh password:change email:signup-confirm
        mfa:enroll,confirm,status,disable,backup-codes,code sessions:list,revoke,revoke-all account:delete
        users:list,get,create,update,delete,restore,ban,unban,set-role,sessions,revoke-sessions,reset-mfa
        invitations:create,list,get,accept,reject,revoke,resend keys:create,list,get,revoke,verify
        mail:list,show profiles:list,show,use,add,remove db:status,migrate,check
    """
    for each in wanted.split():
        noun, _, verbs = each.partition(":")
        assert noun in TREE
        assert {f"{noun} {verb}" for verb in verbs.split(",") if verb} <= set(VERBS)
