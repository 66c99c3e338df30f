"""What a table does with long texts, and a card with what is not there."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from streams import Screen

from bkendctl.cli.render import Output
from bkendctl.cli.tables import KEEP, Column, View


def shown(body: Any, view: View) -> str:
    """What a pipe gets."""
    file = io.StringIO()
    Output().show(body, view, file=file)
    return file.getvalue()


def on_screen(body: Any, view: View) -> str:
    """What a person sees, without the colours."""
    file = Screen()
    Output().show(body, view, file=file)
    return re.sub(r"\x1b\[[0-9;]*m", "", file.getvalue())


LONG = "/home/alice/.local/share/bkendctl/credentials.json is open to everybody who has an account here"
CHECKS = View([Column("Check", "check", KEEP), Column("Found", "message", 2, "text")])


def test_a_text_at_the_end_is_wrapped_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stays in its column and breaks between words, never within a path that is to be copied."""
    monkeypatch.setenv("COLUMNS", "45")
    header, *lines = on_screen([{"check": "files", "message": LONG}], CHECKS).splitlines()
    assert " ".join(line[7:] for line in lines) == LONG
    assert {line[:7] for line in lines[1:]} == {" " * 7}
    assert max(map(len, lines[1:])) <= 45
    assert header == "Check  Found"


def test_a_text_at_the_end_runs_on_in_a_pipe() -> None:
    """A line is an item there, whole."""
    assert shown([{"check": "files", "message": LONG}], CHECKS).splitlines()[1:] == [f"files  {LONG}"]


def test_a_text_without_room_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty cells are the least that is worth reading."""
    monkeypatch.setenv("COLUMNS", "36")
    assert on_screen([{"check": "files", "message": LONG}], CHECKS).count("\n") == 2


def test_a_card_has_no_line_for_what_is_not_there() -> None:
    """A key that the body lacks is no dash; null is one, also within an object that is there."""
    view = View([Column("Name", "name"), Column("Status", "status"), Column("By", "ban.by")])
    assert shown({"name": "Zoë"}, view) == "Name  Zoë\n"
    assert shown({"name": "Zoë", "status": None, "ban": {}}, view) == "Name    Zoë\nStatus  -\nBy      -\n"


def test_what_is_optional_has_no_line_while_it_is_empty() -> None:
    """Why somebody was banned is told of those who were."""
    view = View([Column("Name", "name"), Column("Banned for", "banReason", optional=True)])
    assert shown({"name": "Zoë", "banReason": None}, view) == "Name  Zoë\n"
    assert shown({"name": "Zoë", "banReason": "spam"}, view) == "Name        Zoë\nBanned for  spam\n"
