"""Prompts in a real terminal, and what happens where there is none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from bkendctl.cli.prompt import LONGEST_SECRET, code_or_stdin

DRIVER = str(Path(__file__).with_name("prompting.py"))
ROOT = str(Path(__file__).parents[2])
ENVIRONMENT = {**os.environ, "PYTHONPATH": ROOT, "PYTHONUTF8": "1", "TERM": "dumb"}


class Dialogue:
    """The driver in a pseudo-terminal; its stdout goes to a file, so what is on screen is stderr."""

    def __init__(self, question: str, *options: str, out: Path) -> None:
        self.out = out
        # A shell that outlives the driver tells afterwards whether the terminal still echoes.
        script = 'trap : INT; "$@" >"$OUT"; status=$?; stty -a | grep -o -- "-*echo "; echo "exit $status"'
        self.child: pexpect.spawn[str] = pexpect.spawn(
            "/bin/sh",
            ["-c", script, "sh", sys.executable, DRIVER, question, *options],
            env={**ENVIRONMENT, "OUT": str(out)},
            encoding="utf-8",
            timeout=20,
        )
        self.screen = ""

    def see(self, text: str) -> None:
        self.child.expect_exact(text)
        self.screen += self.child.before + text

    def type(self, text: str) -> None:
        self.child.send(text)

    def end(self) -> int:
        """Wait for the end and give the exit status; the terminal must echo as before."""
        self.child.expect(r"(-*echo) \r\nexit (\d+)")
        self.screen += self.child.before
        assert self.child.match.group(1) == "echo"
        return int(self.child.match.group(2))

    @property
    def answer(self) -> object:
        return json.loads(self.out.read_text())["answer"]


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[type[Dialogue]]:
    started: list[Dialogue] = []

    class Talk(Dialogue):
        def __init__(self, question: str, *options: str) -> None:
            super().__init__(question, *options, out=tmp_path / "out")
            started.append(self)

    yield Talk
    for dialogue in started:
        dialogue.child.close(force=True)


def test_an_answer_is_read_and_the_prompt_is_on_stderr(talk: type[Dialogue]) -> None:
    """The prompt shows although stdout is a file, which holds the result alone."""
    dialogue = talk("email")
    dialogue.see("E-mail: ")
    dialogue.type("  zoë@example.com \n")
    assert dialogue.end() == 0
    assert dialogue.answer == "zoë@example.com"
    assert "zoë@example.com" in dialogue.screen


def test_a_default_is_offered_visibly(talk: type[Dialogue]) -> None:
    """Enter alone takes the default, whose control characters are shown written out."""
    dialogue = talk("name")
    dialogue.see("Name [Ali\\x1bce]: ")
    dialogue.type("\n")
    assert dialogue.end() == 0
    assert dialogue.answer == "Ali\x1bce"


def test_a_secret_is_not_echoed_and_kept_as_typed(talk: type[Dialogue]) -> None:
    """The secret never appears on the screen; spaces around it belong to it."""
    dialogue = talk("password")
    dialogue.see("Password: ")
    dialogue.type("  Korrekt-Pferd  \n")
    assert dialogue.end() == 0
    assert dialogue.answer == "  Korrekt-Pferd  "
    assert "Pferd" not in dialogue.screen


def test_a_new_secret_is_asked_for_twice(talk: type[Dialogue]) -> None:
    """Two different entries are refused and asked for again; neither is echoed."""
    dialogue = talk("new")
    for first, second in (("Pferd-1", "Pferd-2"), ("Pferd-3", "Pferd-3")):
        dialogue.see("Password: ")
        dialogue.type(f"{first}\n")
        dialogue.see("Password again: ")
        dialogue.type(f"{second}\n")
    assert dialogue.end() == 0
    assert dialogue.answer == "Pferd-3"
    assert "The two entries differ." in dialogue.screen
    assert "Pferd" not in dialogue.screen


def test_a_wrong_answer_is_asked_for_again(talk: type[Dialogue]) -> None:
    """An empty answer and one that does not validate get another try with the reason."""
    dialogue = talk("code")
    for answer, reply in (("", "Code must not be empty."), ("abc", "Six digits, please.")):
        dialogue.see("Code: ")
        dialogue.type(f"{answer}\n")
        dialogue.see(reply)
    dialogue.see("Code: ")
    dialogue.type("123456\n")
    assert dialogue.end() == 0
    assert dialogue.answer == "123456"


def test_three_wrong_answers_are_enough(talk: type[Dialogue]) -> None:
    """After three tries the command fails with the last reason."""
    dialogue = talk("code")
    for _ in range(3):
        dialogue.see("Code: ")
        dialogue.type("abc\n")
    assert dialogue.end() == 3
    assert dialogue.screen.count("Code: ") == 3


@pytest.mark.parametrize("question", ["email", "password", "new", "delete", "dash"])
@pytest.mark.parametrize("key", ["\x03", "\x04"], ids=["ctrl-c", "end of input"])
def test_ctrl_c_or_end_of_input_interrupts(question: str, key: str, talk: type[Dialogue]) -> None:
    """Exit 130, a clean error on a line of its own, and a terminal that echoes again."""
    dialogue = talk(question)
    dialogue.child.expect(r"(: |\[y/N\] )$")
    dialogue.type(key)
    assert dialogue.end() == 130
    assert "\nerror: Interrupted. [cli/interrupted]\r\n" in dialogue.screen
    assert "Traceback" not in dialogue.screen


@pytest.mark.parametrize(
    ("typed", "answer"), [("y", True), ("YES", True), ("n", False), ("", False), ("yep", False)]
)
def test_a_destructive_question_wants_a_yes(typed: str, answer: bool, talk: type[Dialogue]) -> None:
    """Only y and yes agree; Enter alone declines."""
    dialogue = talk("delete")
    dialogue.see("Delete everything? [y/N] ")
    dialogue.type(f"{typed}\n")
    assert dialogue.end() == 0
    assert dialogue.answer is answer


def test_yes_is_not_asked_for_again(talk: type[Dialogue]) -> None:
    """With --yes nothing is asked."""
    dialogue = talk("delete", "--yes")
    assert dialogue.end() == 0
    assert dialogue.answer is True
    assert "Delete" not in dialogue.screen


@pytest.mark.parametrize(
    ("question", "option"),
    [("email", "EMAIL"), ("password", "--password-stdin"), ("name", "--name"), ("delete", "--yes")],
)
def test_with_no_input_what_is_missing_is_named(question: str, option: str, talk: type[Dialogue]) -> None:
    """On a terminal with --no-input a missing value is a usage error naming its option."""
    dialogue = talk(question, "--no-input")
    assert dialogue.end() == 2
    assert f"is missing: {option} [cli/usage]" in dialogue.screen


def test_a_secret_from_stdin_is_refused_on_a_terminal(talk: type[Dialogue]) -> None:
    """--password-stdin would echo what is typed, so it wants a pipe."""
    assert talk("stdin").end() == 2


def test_a_code_is_read_from_the_terminal_with_dash(talk: type[Dialogue]) -> None:
    """A single-use code may be typed where - was given."""
    dialogue = talk("dash")
    dialogue.see("CODE: ")
    dialogue.type("123456\n")
    assert dialogue.end() == 0
    assert dialogue.answer == "123456"


def piped(question: str, data: bytes | None, *options: str) -> subprocess.CompletedProcess[bytes]:
    """Run the driver with its stdin from a pipe, or closed."""
    command = [sys.executable, DRIVER, question, *options]
    if data is None:
        command = ["/bin/sh", "-c", '"$@" <&-', "sh", *command]
    return subprocess.run(command, input=data, capture_output=True, env=ENVIRONMENT, timeout=20, check=False)


@pytest.mark.parametrize("data", [b"answer\n", b"", None], ids=["pipe", "empty", "closed"])
@pytest.mark.parametrize(
    ("question", "option"),
    [("email", "EMAIL"), ("password", "--password-stdin"), ("new", "--password-stdin"), ("delete", "--yes")],
)
def test_without_a_terminal_what_is_missing_is_named(question: str, option: str, data: bytes | None) -> None:
    """A pipe is not asked; the command ends at once with exit 2 and the option to add."""
    run = piped(question, data)
    assert run.returncode == 2
    assert run.stdout == b""
    assert f"is missing: {option} [cli/usage]\n→ add {option}\n" in run.stderr.decode()


@pytest.mark.parametrize(
    ("data", "secret"),
    [
        (b"pw", "pw"),
        (b"pw\n", "pw"),
        (b"pw\r\n", "pw"),
        (b"pw\n\n", "pw\n"),
        (b" p w \n", " p w "),
        (b"pw\r", "pw\r"),
        (b"a\nb\n", "a\nb"),
        ("pässwörd\n".encode(), "pässwörd"),
    ],
)
def test_a_piped_secret_loses_one_newline(data: bytes, secret: str) -> None:
    """All of stdin is the secret, less exactly one newline at its end."""
    run = piped("stdin", data)
    assert json.loads(run.stdout)["answer"] == secret


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"\r\n", None, b"\xff\xfe", b"x" * (LONGEST_SECRET + 1)],
    ids=["empty", "newline", "crlf", "closed", "no-utf-8", "huge"],
)  # fmt: skip
def test_a_piped_secret_that_is_none_is_refused(data: bytes | None) -> None:
    """Nothing, what is no text, and a whole file are usage errors; the data is not repeated."""
    run = piped("stdin", data)
    assert run.returncode == 2
    assert b"--password-stdin" in run.stderr
    assert len(run.stderr) < 300


@pytest.mark.parametrize(
    ("data", "status"),
    [(b"123456\nrest\n", 0), (b" 123456 ", 0), (b"", 2), (b"\n", 2), (None, 2), (b"\xff", 2)],
)
def test_a_code_is_one_line_of_stdin(data: bytes | None, status: int) -> None:
    """- reads one line and strips it; nothing there is a usage error."""
    run = piped("dash", data)
    assert run.returncode == status
    if status == 0:
        assert json.loads(run.stdout)["answer"] == "123456"


def test_a_code_that_was_typed_is_given_back() -> None:
    """Anything but - is the code itself, and stdin is left alone."""
    assert code_or_stdin("123456") == "123456"
