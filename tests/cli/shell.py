"""A person at the command line: types commands into a home of its own and reads what comes back."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import pexpect
import pyte
import pytest
from pyotp import TOTP

from bkendctl.__main__ import main
from bkendctl.core.database import sqlite_module

ROOT = Path(__file__).parents[2]
PASSWORD = "Corr3ct-horse!"
ALICE = "alice@example.com"


class Said(NamedTuple):
    """What a command left: exit status, stdout and stderr."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        """The one error document on stderr (with -o json)."""
        error: dict[str, Any] = json.loads(self.err)["error"]
        return error

    @property
    def code(self) -> str:
        """The code in the brackets of an error told as text."""
        found = re.search(r"^error: .* \[([a-z-]+/[a-z-]+)\]$", self.err, re.MULTILINE)
        return found[1] if found else ""


class Shell:
    """Runs commands in this process (call) or as real ones (process, terminal), all in one home."""

    def __init__(
        self, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.home = home
        self._patch = monkeypatch
        self._capture = capsys
        for name in [name for name in os.environ if name.startswith("BKENDCTL_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("BKENDCTL_HOME", str(home))
        monkeypatch.setenv("BKENDCTL_STORE", "file")

    def set(self, **variables: str) -> None:
        """Set variables of the environment from here on, named without their BKENDCTL_."""
        for name, value in variables.items():
            self._patch.setenv(f"BKENDCTL_{name}", value)

    def unset(self, *names: str) -> None:
        """Take variables away again."""
        for name in names:
            self._patch.delenv(f"BKENDCTL_{name}")

    def __call__(self, *arguments: str, stdin: str | bytes = b"") -> Said:
        """Run a command in this process, its stdin a pipe."""
        data = stdin.encode() if isinstance(stdin, str) else stdin
        self._capture.readouterr()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))
            status = main(arguments)
        return Said(status, *self._capture.readouterr())

    def ok(self, *arguments: str, stdin: str | bytes = b"") -> Said:
        """Run a command that has to succeed."""
        said = self(*arguments, stdin=stdin)
        assert said.status == 0, said
        return said

    def json(self, *arguments: str, stdin: str | bytes = b"") -> Any:
        """Run a command with -o json and give its document."""
        return self.ok(*arguments, "-o", "json", stdin=stdin).json

    def refused(self, status: int, code: str, *arguments: str, stdin: str | bytes = b"") -> dict[str, Any]:
        """Run a command that has to fail with a status and a code, in one line, and nothing on stdout.

        Gives the error as -o json tells it; both forms are run, so the command must be repeatable.
        """
        told = self(*arguments, stdin=stdin)
        assert (told.status, told.code, told.out) == (status, code, ""), told
        assert "Traceback" not in told.err
        as_json = self(*arguments, "-o", "json", stdin=stdin)
        assert (as_json.status, as_json.error["code"], as_json.out) == (status, code, ""), as_json
        return as_json.error

    def process(
        self,
        *arguments: str,
        stdin: str = "",
        wrapper: tuple[str, ...] = (),
        script: str | None = None,
        **more: Any,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as a process of its own; script: Python that runs it, instead of the program."""
        program = PROGRAM if script is None else [sys.executable, "-c", script]
        return subprocess.run(
            [*wrapper, *program, *arguments], input=stdin, capture_output=True, text=True, check=False,
            env=self.environment, timeout=60, **more,
        )  # fmt: skip

    def start(self, *arguments: str, **more: Any) -> subprocess.Popen[str]:
        """Start a command as a process and leave it running."""
        return subprocess.Popen(
            [*PROGRAM, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, env=self.environment, **more,
        )  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a process that runs a command."""
        return clean({name: value for name, value in os.environ.items() if name.startswith("BKENDCTL_")})

    def terminal(self, *arguments: str) -> Terminal:
        """Run a command in a pseudo-terminal of 80x24."""
        return Terminal(arguments, self.environment)

    def sign_up(self, email: str = ALICE, *arguments: str) -> Any:
        """Make an account with PASSWORD and sign in."""
        return self.json("signup", email, "--name", email.partition("@")[0], "--password-stdin", *arguments,
                         stdin=PASSWORD)  # fmt: skip

    def login(self, email: str = ALICE, *arguments: str) -> Said:
        """Sign in with PASSWORD; the outcome is the caller's to judge."""
        return self("login", email, "--password-stdin", *arguments, stdin=PASSWORD)

    @property
    def credentials(self) -> dict[str, Any]:
        """What is stored for the profile default."""
        stored: dict[str, Any] = json.loads((self.home / "credentials.json").read_text())["profiles"][
            "default"
        ]
        return stored

    @property
    def database(self) -> Path:
        """The file of the default profile's core."""
        return self.home / "bkendctl.db"

    def sql(self, statement: str, *values: Any) -> list[Any]:
        """Look into the database, or change it, behind the program's back."""
        connection = sqlite_module().connect(self.database, timeout=10)
        try:
            with connection:
                return connection.execute(statement, values).fetchall()
        finally:
            connection.close()

    def totp(self, secret: str) -> str:
        """The code of a step that was not used before: a minute passes first, on the environment's clock."""
        self.pass_time(60)
        offset = self.sql("SELECT clock_offset_ms FROM environments")[0][0]
        return TOTP(secret).at(int(time.time() + offset / 1000))

    def enrol(self) -> dict[str, Any]:
        """Switch MFA on for who is signed in."""
        setup = self.json("mfa", "enroll", "--password-stdin", stdin=PASSWORD)
        self.ok("mfa", "confirm", self.totp(setup["secret"]))
        return dict(setup)

    def pass_time(self, seconds: int) -> None:
        """Move the environment's clock on."""
        self.sql("UPDATE environments SET clock_offset_ms = clock_offset_ms + ?", seconds * 1000)


class Terminal:
    """A command in a pseudo-terminal of 80x24, its screen emulated."""

    def __init__(self, arguments: tuple[str, ...], environment: dict[str, str]) -> None:
        self.screen = pyte.Screen(80, 24)
        self.seen = ""
        self._stream = pyte.Stream(self.screen)
        self.child: pexpect.spawn[str] = pexpect.spawn(
            PROGRAM[0], [*PROGRAM[1:], *arguments], env=environment, encoding="utf-8", timeout=20,
            dimensions=(24, 80),
        )  # fmt: skip
        self.child.logfile_read = self

    def write(self, text: str) -> None:
        """Take what the command printed (pexpect's log)."""
        self.seen += text
        self._stream.feed(text)

    def flush(self) -> None:
        """Part of being a log."""

    def see(self, text: str) -> None:
        """Wait until the command has printed a text."""
        self.child.expect_exact(text)

    def type(self, text: str) -> None:
        """Press keys."""
        self.child.send(text)

    def answer(self, prompt: str, text: str) -> None:
        """Wait for a question and answer it."""
        self.see(prompt)
        self.type(text + "\n")

    def end(self) -> int:
        """Wait for the end and give the exit status."""
        self.child.expect(pexpect.EOF)
        self.child.close()
        return int(self.child.exitstatus if self.child.exitstatus is not None else -1)


PROGRAM = [sys.executable, "-m", "bkendctl"]


def clean(variables: dict[str, str]) -> dict[str, str]:
    """An environment for a process with these variables of ours and no others."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("BKENDCTL_")}
    return {**others, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "TERM": "xterm-256color", **variables}
