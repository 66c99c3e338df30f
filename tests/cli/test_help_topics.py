"""What `bkendctl help` says, and that it is so."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bkendctl.__main__ import main
from bkendctl.cli.topics import EXIT_STATUSES, FILES, TOPICS, VARIABLES, WIDTH
from bkendctl.contract.errors import ERRORS, Failure
from bkendctl.local.paths import paths

ROOT = Path(__file__).parents[2]
OF_OTHERS = {
    "GITHUB_OUTPUT",
    "VISUAL",
    "EDITOR",
    "COLORTERM",
    "TERM_PROGRAM",
    "TERM",
    "SHELL",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "BASH_COMPLETION_USER_DIR",
    "ZDOTDIR",
    "PROMETHEUS_MULTIPROC_DIR",
}
"""Variables of terminals, shells and libraries, which mean for us what they mean for all."""

SOURCES = sorted((ROOT / "bkendctl").rglob("*.py"))


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BKENDCTL_HOME", str(tmp_path / "home"))


def test_help_alone_lists_the_topics(capsys: pytest.CaptureFixture[str]) -> None:
    """Each topic has a line; -q prints the names alone."""
    assert main(["help"]) == 0
    listed = capsys.readouterr().out.splitlines()[1:]
    assert [line.split()[0] for line in listed] == list(TOPICS)
    assert main(["help", "-q"]) == 0
    assert capsys.readouterr().out.split() == list(TOPICS)


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_is_plain_text_that_fits_80_columns(topic: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The text goes to stdout, undecorated, and no line is wider than a small terminal."""
    assert main(["help", topic]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert "\x1b" not in said.out
    assert max(map(len, said.out.splitlines())) <= WIDTH + 2
    assert main(["help", topic, "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"topic": topic, "text": said.out.removesuffix("\n")}


@pytest.mark.parametrize(
    ("typed", "message", "hint"),
    [
        ("enviroment", "Did you mean environment?", "bkendctl help environment"),
        ("Exit-Code", "Did you mean exit-codes?", "bkendctl help exit-codes"),
        ("users", "There is no topic 'users'.", "bkendctl users --help"),
        ("qqq", "There is no topic 'qqq'.", "bkendctl help"),
        ("a\x1b[2J", "'a\\x1b[2J'", "bkendctl help"),
    ],
)
def test_an_unknown_topic_is_a_usage_error_with_what_looks_like_it(
    typed: str, message: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 2, a near topic or the command of that name, control characters written out."""
    assert main(["help", typed, "-o", "json"]) == 2
    error = json.loads(capsys.readouterr().err)["error"]
    assert error["code"] == "cli/usage"
    assert message in error["message"]
    assert error["hint"] == hint


def test_every_exit_status_of_the_error_table_is_explained() -> None:
    """No error ends with a status that help does not know, and each code stands under its status."""
    lines = re.split(r"\n  (?=\d)", TOPICS["exit-codes"].text())[1:]
    shown = {int(line.split()[0]): set(re.findall(r"[a-z-]+/[a-z-]+", line)) for line in lines}
    assert list(shown) == list(EXIT_STATUSES)
    for code in ERRORS:
        assert code in shown[Failure(code).exit_status]


def test_the_readme_and_the_help_know_the_same_exit_statuses() -> None:
    """The table of the README has the statuses of the code, no more and no fewer."""
    rows = re.findall(r"^\| (\d+) \| ", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert [int(status) for status in rows] == list(EXIT_STATUSES)


def test_the_variables_of_the_help_are_those_the_code_reads() -> None:
    """A variable that is read is explained, and one that is explained is read."""
    read: set[str] = set()
    for source in SOURCES:
        if source.name == "topics.py":
            continue
        found = re.findall(r'environ(?:\.get\(|\[)\s*"([A-Z_]+)"', source.read_text())
        read |= set(found)
    assert read - OF_OTHERS == set(VARIABLES)


def test_no_source_names_a_variable_that_help_does_not_know() -> None:
    """Hints, help texts and code speak of the same BKENDCTL_ variables."""
    named = {name for source in SOURCES for name in re.findall(r"\bBKENDCTL_[A-Z_]+\b", source.read_text())}
    assert named <= set(VARIABLES)


def test_the_files_of_the_help_are_where_the_code_keeps_them() -> None:
    """Each name is one of Paths."""
    here = paths()
    found = [getattr(here, name) for name in dir(here) if name.endswith("_file")]
    named = {(path("PROFILE") if callable(path) else path).name for path in found}
    assert named == set(FILES)


def test_help_loads_neither_database_nor_network() -> None:
    """A topic is shown without any of the slow modules."""
    code = (
        "import sys, bkendctl.__main__ as b; b.main(['help', 'auth']); print(*sys.modules, file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"sqlalchemy", "sqlmodel", "httpx", "pydantic", "rich", "keyring", "alembic"}
    assert heavy.isdisjoint(run.stderr.split())
