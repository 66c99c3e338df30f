"""What a failing command and a talking one say on stderr."""

from __future__ import annotations

import io
import json
import re

import pytest
from streams import Narrow, Screen

from bkendctl.cli.errors import Chatter, report
from bkendctl.contract.errors import ERRORS, Failure

INVALID = Failure(
    "common/invalid-parameters",
    details={"email": ["must be an e-mail address"], "name": ["is missing", "is \x1b[2J odd"]},
    hint="bkendctl signup --help",
)


def said(failure: Failure, output_format: str = "table") -> str:
    stream = io.StringIO()
    report(failure, output_format, stream)
    return stream.getvalue()


def test_an_error_says_what_happened_where_and_what_to_type() -> None:
    """Message with code, a line per field, then the advice."""
    assert said(INVALID) == (
        "error: Something in the request is missing or malformed. [common/invalid-parameters]\n"
        "  email: must be an e-mail address\n"
        "  name: is missing; is \\x1b[2J odd\n"
        "→ bkendctl signup --help\n"
    )


@pytest.mark.parametrize(
    ("failure", "advice"),
    [
        (Failure("auth/too-many-requests", retry_after=30), "→ try again in 30 s\n"),
        (Failure("auth/too-many-requests", retry_after=0), "→ try again in 0 s\n"),
        (Failure("cli/network", retry_after=5), "→ bkendctl profiles show; try again in 5 s\n"),
        (Failure("auth/invalid-credentials"), ""),
    ],
)
def test_advice_is_the_hint_and_the_wait(failure: Failure, advice: str) -> None:
    """Hint and waiting time share the last line; without both there is none."""
    assert said(failure).partition("\n")[2] == advice


@pytest.mark.parametrize("code", sorted(ERRORS))
def test_every_code_is_reported_in_both_forms(code: str) -> None:
    """Each failure of the table names its code as text and as one JSON document."""
    assert f"[{code}]" in said(Failure(code))
    assert json.loads(said(Failure(code), "json"))["error"]["code"] == code


def test_with_json_stderr_is_one_document() -> None:
    """The API's error body, with hint and retryAfter added."""
    failure = Failure("auth/too-many-requests", details={"a": ["b"]}, retry_after=30, hint="wait")
    body = json.loads(said(failure, "json"))
    assert body == {
        "success": False,
        "error": {
            "code": "auth/too-many-requests", "message": "Too many requests.", "details": {"a": ["b"]},
            "hint": "wait", "retryAfter": 30,
        },
    }  # fmt: skip
    assert "hint" not in json.loads(said(Failure("auth/invalid-credentials"), "json"))["error"]


def test_an_error_is_coloured_on_a_terminal_only(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal gets colour and the same words; NO_COLOR takes it away."""
    report(INVALID, "table", screen)
    assert "\x1b[1;31m" in screen.getvalue()
    assert re.sub(r"\x1b\[[0-9;]*m", "", screen.getvalue()) == said(INVALID)
    monkeypatch.setenv("NO_COLOR", "1")
    plain = Screen()
    report(INVALID, "table", plain)
    assert plain.getvalue() == said(INVALID)


def test_the_arrow_becomes_ascii_where_it_must() -> None:
    """A stream without the arrow gets -> instead."""
    stream = Narrow("latin-1")
    report(INVALID, "table", stream)
    assert stream.text().endswith("\n-> bkendctl signup --help\n")


@pytest.mark.parametrize(
    ("chatter", "err"),
    [
        (Chatter(), "n\ndone: d\nwarning: w\n"),
        (Chatter("yaml"), "n\ndone: d\nwarning: w\n"),
        (Chatter("json"), "warning: w\n"),
        (Chatter(quiet=True), "warning: w\n"),
    ],
)
def test_chatter_goes_to_stderr_and_knows_when_to_be_silent(
    chatter: Chatter, err: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Notes and good news stop with -q and -o json, warnings never; stdout gets none of it."""
    chatter.note("n")
    chatter.done("d")
    chatter.warn("w")
    assert capsys.readouterr() == ("", err)


def test_chatter_shows_text_of_users_visibly(capsys: pytest.CaptureFixture[str]) -> None:
    """A name inside a note cannot command the terminal."""
    Chatter().note("\x1b[2J\u202e")
    assert capsys.readouterr().err == "\\x1b[2J\\u202e\n"
