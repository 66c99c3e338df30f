"""What lists showed last, kept for completion."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bkendctl.local import recent
from bkendctl.local.paths import Paths
from tests.local.conftest import mode


def test_what_was_remembered_last_is_recalled(home: Paths) -> None:
    """A later list replaces the earlier of its kind, and no other; each profile has its own."""
    recent.remember(home, "a", "users", [("old@example.com", "user")])
    recent.remember(home, "a", "keys", [("3f2a9c1e", "ci")])
    recent.remember(home, "a", "users", [("new@example.com", "admin")])
    assert recent.recall(home, "a", "users") == [("new@example.com", "admin")]
    assert recent.recall(home, "a", "keys") == [("3f2a9c1e", "ci")]
    assert recent.recall(home, "b", "users") == []
    assert recent.recall(home, "a", "mails") == []


def test_the_file_is_private_and_bounded(home: Paths) -> None:
    """0600, no more values than a page has, no label longer than a line."""
    recent.remember(home, "a", "users", [(f"u{number}@example.com", "x" * 500) for number in range(500)])
    assert mode(home.recent_file("a")) == 0o600
    kept = recent.recall(home, "a", "users")
    assert len(kept) == recent.VALUES_KEPT
    assert len(kept[0][1]) == 40


@pytest.mark.parametrize(
    "value",
    ["$(id)@example.com", "`id`@x.y", "-y@example.com", "a b@x.y", "a;b@x.y", "a'@x.y", "", "\x1b[2J"],
)
def test_a_word_that_could_command_a_shell_is_never_kept(home: Paths, value: str) -> None:
    """Whoever signs up chooses the address, and an administrator presses TAB."""
    recent.remember(home, "a", "users", [(value, "user"), ("good@example.com", "user")])
    assert recent.recall(home, "a", "users") == [("good@example.com", "user")]


def test_a_changed_file_gives_no_dangerous_word_either(home: Paths) -> None:
    """What is read is checked again, and labels lose what terminals and shells act on."""
    recent.remember(home, "a", "users", [("good@example.com", "user")])
    file = home.recent_file("a")
    content = json.loads(file.read_text())
    content["users"]["values"] = [["$(id)", "x"], ["good@example.com", "김철수 \x1b[2J$(id)\t:%"]]
    file.write_text(json.dumps(content))
    assert recent.recall(home, "a", "users") == [("good@example.com", "김철수 ??2J?(id)???")]


def test_old_values_are_not_recalled_and_their_file_goes(
    home: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a week nothing of it is left on the machine."""
    recent.remember(home, "a", "users", [("old@example.com", "user")])
    file = home.recent_file("a")
    content = json.loads(file.read_text())
    content["users"]["at"] -= recent.SECONDS_KEPT + 1
    file.write_text(json.dumps(content))
    assert recent.recall(home, "a", "users") == []
    assert not file.exists()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"users": 1}', b'{"users": {"at": "x"}}', b"\xff", b"[" * 99999]
)
def test_a_damaged_file_is_nothing_and_is_written_anew(home: Paths, content: bytes) -> None:
    """Completion is no reason for an error."""
    recent.remember(home, "a", "users", [("a@example.com", "user")])
    home.recent_file("a").write_bytes(content)
    assert recent.recall(home, "a", "users") == []
    recent.remember(home, "a", "users", [("b@example.com", "user")])
    assert recent.recall(home, "a", "users") == [("b@example.com", "user")]


def test_what_cannot_be_written_is_not_missed(home: Paths, tmp_path: Path) -> None:
    """A list was shown; that it cannot be remembered is no failure. A link is not followed."""
    home.data_dir.mkdir(mode=0o700)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("precious")
    home.recent_file("a").symlink_to(elsewhere)
    recent.remember(home, "a", "users", [("a@example.com", "user")])
    assert recent.recall(home, "a", "users") == []
    assert elsewhere.read_text() == "precious"


def test_forgetting_removes_the_file(home: Paths) -> None:
    """Nothing of the profile is left; forgetting again is no error."""
    recent.remember(home, "a", "users", [("a@example.com", "user")])
    recent.forget(home, "a")
    recent.forget(home, "a")
    assert not home.recent_file("a").exists()
