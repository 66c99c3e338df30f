"""bkendctl policy: a definition in a file, checked and looked over without any core."""

from __future__ import annotations

from pathlib import Path

import pytest
from shell import ROOT, Shell

POSTS = """
permissions:
  user: {create: true, read: true}
  self: {update: true}
columnPermissions:
  score: {write: admin}
"""


@pytest.fixture
def posts(tmp_path: Path) -> str:
    """A file with one table."""
    file = tmp_path / "posts.yaml"
    file.write_text(POSTS)
    return str(file)


def test_who_may_is_told_with_the_rule(shell: Shell, posts: str) -> None:
    """Exit 0, and nothing of this machine is needed or made."""
    said = shell.json(
        "policy", "check", posts, "--operation", "update", "--as", "user:42", "--row", "createdBy=42"
    )
    assert (said["allowed"], said["rule"], said["code"]) == (True, "permissions.self.update", None)
    assert not shell.home.exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--as", "user:42", "--row", "createdBy=7"], "data/permission-denied"),
        (["--as", "guest"], "data/permission-denied"),
        (["--as", "user:42", "--row", "createdBy=42", "--column", "score"], "data/permission-denied"),
        (["--as", "admin", "--scope", "posts:read"], "data/scope-insufficient"),
    ],
)
def test_who_may_not_is_told_why(shell: Shell, posts: str, arguments: list[str], code: str) -> None:
    """Exit 4 with the code the API would answer; -q prints it alone."""
    said = shell("policy", "check", posts, "--operation", "update", *arguments, "-q")
    assert (said.status, said.out.strip()) == (4, code)


def test_a_list_says_which_rows(shell: Shell, tmp_path: Path) -> None:
    """JSON does as well as YAML; several tables are told apart by --table."""
    file = tmp_path / "all.json"
    file.write_text('{"tables": {"notes": {"permissions": {"self": {"list": true}}}, "_log": {}}}')
    check = ["policy", "check", str(file), "--operation", "list", "--as", "user:42"]
    assert shell.json(*check, "--table", "notes")["filter"] == {"createdBy": "42"}
    assert "notes, _log" in shell(*check).err
    assert shell(*check, "--table", "other").status == 2
    assert shell(*check, "--table", "_log", "-q").out.strip() == "data/system-table-access"


def test_lint_names_each_finding(shell: Shell, posts: str, tmp_path: Path) -> None:
    """A sound file is 0, warnings are 0 and 10 with --strict, errors 10."""
    assert shell.json("policy", "lint", posts) == []
    doubtful = tmp_path / "doubtful.yaml"
    doubtful.write_text("permissions: {guest: {delete: true}}")
    assert shell("policy", "lint", str(doubtful)).status == 0
    assert shell("policy", "lint", str(doubtful), "--strict").status == 10
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("expressionPermissions: {read: user &}")
    said = shell("policy", "lint", str(wrong))
    assert said.status == 10
    assert "wrong.expressionPermissions.read" in said.out


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a: [", "no YAML in line 1"),
        (b"\xff\xfe", "no UTF-8"),
        (b"expressionPermissions: {update: nobody}", "nobody"),
        (b"- 1", "mapping"),
    ],
)
def test_a_file_that_cannot_be_used_is_told(shell: Shell, tmp_path: Path, content: bytes, says: str) -> None:
    """Exit 10, one line, nothing decided."""
    file = tmp_path / "bad.yaml"
    file.write_bytes(content)
    said = shell("policy", "check", str(file), "--operation", "update", "--as", "admin")
    assert said.status == 10
    assert says in said.err
    assert said.out == ""


def test_what_was_mistyped_is_told(shell: Shell, posts: str) -> None:
    """Each option with what it takes; a file that is not there."""
    for arguments, says in (
        (["--operation", "updaet", "--as", "admin"], "create|read"),
        (["--operation", "update", "--as", "user"], "user:ID"),
        (["--operation", "update", "--as", "admin", "--row", "createdBy"], "COLUMN=VALUE"),
    ):
        said = shell("policy", "check", posts, *arguments)
        assert said.status == 2
        assert says in said.err
    assert shell("policy", "lint", "nowhere.yaml").code == "cli/file"


def test_the_documented_example_says_what_it_shows(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docs/policies.md, run as printed: the file, then each line with its exit status."""
    text = (ROOT / "docs" / "policies.md").read_text()
    monkeypatch.chdir(tmp_path)
    Path("posts.yaml").write_text(text.partition("```yaml\n")[2].partition("```")[0])
    lines = [line for line in text.splitlines() if line.startswith("bkendctl policy ")]
    statuses = [shell(*line.partition("#")[0].split()[1:]).status for line in lines]
    assert statuses == [4 if "exit status 4" in line else 0 for line in lines]
    assert len(lines) == 4
