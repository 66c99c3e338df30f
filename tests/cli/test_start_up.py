"""The start-up law: what a command loads is what it needs."""

from __future__ import annotations

import pytest
from shell import Shell

LOCAL = {"httpx", "pydantic", "sqlalchemy", "sqlmodel", "alembic", "rich", "jwt", "cryptography", "keyring"}
EMBEDDED = {"sqlmodel", "pydantic", "alembic", "httpx", "keyring", "rich", "qrcode", "yaml", "jq", "zxcvbn"}
REPORT = (
    "import sys; sys.argv = ['bkendctl', *sys.argv[1:]]; from bkendctl.__main__ import main; "
    "status = main(); print(*sys.modules, file=sys.stderr); sys.exit(status)"
)


def loaded(shell: Shell, *arguments: str) -> set[str]:
    """Run a command, piped, in a fresh interpreter and tell which packages it loaded."""
    run = shell.process(*arguments, script=REPORT)
    assert run.returncode == 0, run.stderr
    return {name.partition(".")[0] for name in run.stderr.splitlines()[-1].split()}


def test_the_version_needs_nothing(shell: Shell) -> None:
    """Not even the parser."""
    assert not loaded(shell, "--version") & {"typer", "click", "msgspec", "typing", "re", *LOCAL}


@pytest.mark.parametrize(
    "arguments",
    [["token", "print"], ["token", "show"], ["profiles", "list"], ["profiles", "show"], ["users", "--help"],
     ["--help"]],
    ids=" ".join,
)  # fmt: skip
def test_a_local_command_loads_no_backend(arguments: list[str], alice: Shell) -> None:
    """Neither an HTTP client, nor a database, nor cryptography, nor Rich for a pipe."""
    assert not loaded(alice, *arguments) & LOCAL


@pytest.mark.parametrize(
    "arguments",
    [["whoami"], ["sessions", "list"], ["users", "list"], ["keys", "list", "-q"], ["mfa", "status"]],
    ids=" ".join,
)  # fmt: skip
def test_an_embedded_command_loads_the_core_alone(arguments: list[str], alice: Shell) -> None:
    """SQLModel, Alembic and their friends are for set-up; the HTTP client for servers."""
    assert not loaded(alice, *arguments) & EMBEDDED


def test_one_noun_loads_no_other(alice: Shell) -> None:
    """The table of commands loads the module that was typed, not its neighbours."""
    run = alice.process("profiles", "list", script=REPORT)
    ours = {name for name in run.stderr.split() if name.startswith("bkendctl.cli.")}
    assert "bkendctl.cli.profiles" in ours
    assert not {"bkendctl.cli.users", "bkendctl.cli.mfa", "bkendctl.cli.setup"} & ours
