"""Visible text, relative time, durations and instants."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bkendctl.cli.text import (
    escape_for_json,
    format_duration,
    parse_duration,
    parse_instant,
    relative_time,
    visible,
)
from bkendctl.contract.errors import Failure

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
ANY_TEXT = st.text(st.characters())  # lone surrogates included


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("nul\x00bell\x07del\x7f", "nul\\x00bell\\x07del\\x7f"),
        ("\x9b31m", "\\x9b31m"),
        ("user\u202egpj.exe", "user\\u202egpj.exe"),
        ("\u2066a\u2069 \u200e\u200f \u061c", "\\u2066a\\u2069 \\u200e\\u200f \\u061c"),
        ("pay\u200bpal \ufeffx \u2060", "pay\\u200bpal \\ufeffx \\u2060"),
        ("ad\u200dmin", "ad\\u200dmin"),
        ("a\u2028b\u2029c", "a\\u2028b\\u2029c"),
        ("half \ud83d", "half \\ud83d"),
        ("tag \U000e0041", "tag \\U000e0041"),
    ],
)
def test_hidden_and_commanding_characters_are_written_out(text: str, shown: str) -> None:
    """Controls, bidirectional marks, zero-width and separator characters appear as escapes."""
    assert visible(text) == shown


ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"  # a flag made with tags


@pytest.mark.parametrize(
    "text",
    [
        "Zoë",
        "e\u0301",
        "김민준",
        "日本語",
        "😀",
        "❤️",
        "👍🏽",
        "👨‍👩‍👧‍👦",
        "🏳️‍🌈",
        ENGLAND,
        "שלום",
        "[red]x[/red]",
        "C:\\x1b",
    ],
)
def test_ordinary_text_of_any_script_is_untouched(text: str) -> None:
    """Letters of all scripts, combining marks, emoji, joined emoji and flags stay as they are."""
    assert visible(text) == text


@given(ANY_TEXT)
def test_visible_text_has_no_hidden_character_and_is_stable(text: str) -> None:
    """What is shown has no control or surrogate, can be encoded, and is shown as it is again."""
    shown = visible(text)
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cs", "Zl", "Zp"}
    assert not set(shown) & set(
        "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\u200e\u200f\u061c"
    )
    shown.encode()
    assert visible(shown) == shown


@given(st.text(st.characters(categories=["L", "N", "P", "S"])))
def test_text_of_letters_digits_and_symbols_is_untouched(text: str) -> None:
    """Nothing else is ever changed."""
    assert visible(text) == text


def test_characters_to_keep_are_let_through() -> None:
    """The body of a mail keeps its lines but not its escapes."""
    assert visible("a\nb\x1b", keep="\n\t") == "a\nb\\x1b"


@given(ANY_TEXT)
def test_json_with_escapes_means_the_same(text: str) -> None:
    """Escaping hidden characters in a JSON document changes no value in it."""
    import json

    document = escape_for_json(json.dumps({"text": text}, ensure_ascii=False))
    assert json.loads(document) == json.loads(json.dumps({"text": text}))
    assert visible(document) == document


@pytest.mark.parametrize(
    ("distance", "said"),
    [
        (timedelta(0), "now"),
        (timedelta(seconds=30), "in 30 s"),
        (timedelta(seconds=59.9), "in 59 s"),
        (timedelta(minutes=58, seconds=20), "in 58 min"),
        (timedelta(minutes=59, seconds=58), "in 1 h"),
        (timedelta(days=6, hours=23, minutes=59, seconds=58), "in 7 d"),
        (timedelta(minutes=-59, seconds=-59), "59 min ago"),
        (timedelta(hours=-3, minutes=-59), "3 h ago"),
        (timedelta(days=-6), "6 d ago"),
        (timedelta(days=7, minutes=5), "2026-11-30 14:05"),
        (timedelta(days=-365), "2025-11-23 14:00"),
    ],
)
def test_instants_are_said_as_distance_or_local_date(distance: timedelta, said: str) -> None:
    """Near instants are distances in whole units, from 7 days on the local date and time (here UTC+9).

    What an hour was given to a moment ago has an hour, not 59 minutes.
    """
    instant = (NOW + distance).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert relative_time(instant, NOW) == said


@pytest.mark.parametrize("text", ["soon", "", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_what_cannot_be_said_as_time_is_shown_as_it_is(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text that is no instant, or one beyond the calendar in local time, comes back unchanged."""
    import time

    if text.startswith("0001"):
        monkeypatch.setenv("TZ", "EST+5")
        time.tzset()
    assert relative_time(text, NOW) == text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("15m", 900),
        ("1h", 3600),
        ("7d", 604_800),
        ("1h30m", 5400),
        ("1d2h3m4s", 93_784),
        (" 0s ", 0),
    ],
)
def test_durations_are_read(text: str, seconds: int) -> None:
    """A number with its unit, or a descending sum of them."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "s", "1", "1.5h", "-1h", "1h1h", "1m1h", "1w", "1H", "1 h", "\u0661h", "9999999999d", "999999999d"],
)
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    """A typing mistake is a usage error that shows what would be right."""
    with pytest.raises(Failure) as refused:
        parse_duration(text)
    assert refused.value.code == "cli/usage"
    assert refused.value.exit_status == 2
    assert "duration" in refused.value.hint


@given(st.integers(0, 36_500 * 86_400))
def test_durations_are_written_as_they_are_read(seconds: int) -> None:
    """format_duration and parse_duration are each other's inverse."""
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "past", "instant"),
    [
        ("2026-12-01T10:00:00Z", False, "2026-12-01T10:00:00+00:00"),
        ("2026-12-01T10:00:00.123+09:00", False, "2026-12-01T01:00:00.123000+00:00"),
        ("2026-12-01 10:00", False, "2026-12-01T01:00:00+00:00"),
        ("2026-12-01", False, "2026-11-30T15:00:00+00:00"),
        ("1h", False, "2026-11-23T06:00:00+00:00"),
        ("90d", True, "2026-08-25T05:00:00+00:00"),
    ],
)
def test_instants_are_read(text: str, past: bool, instant: str) -> None:
    """ISO-8601, local without an offset (here UTC+9), or a duration from now forward or back."""
    assert parse_instant(text, NOW, past=past).isoformat() == instant


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-13-01", "0001-01-01T00:00:00+14:00", "1x"])
def test_what_is_no_instant_is_refused_with_an_example(text: str) -> None:
    """A typing mistake, or an instant before the calendar, is a usage error with an example."""
    with pytest.raises(Failure) as refused:
        parse_instant(text, NOW)
    assert refused.value.code == "cli/usage"
    assert "2026-12-01" in refused.value.hint


def test_a_duration_beyond_the_calendar_is_refused() -> None:
    """Counting on from the last year of the calendar is a usage error, not a crash."""
    with pytest.raises(Failure, match="cli/usage"):
        parse_instant("400d", datetime(9999, 6, 1, tzinfo=UTC))
