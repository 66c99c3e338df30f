"""Instants: read from RFC 3339, written in one form, counted in milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bkendctl.core.clock import SystemClock, instant_of, wire

FIRST = -62_135_596_800_000  # 0001-01-01
LAST = 253_402_300_799_999  # the last millisecond of 9999


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1, "1970-01-01T00:00:00.001Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (1_800_000_000_000, "2027-01-15T08:00:00.000Z"),
        (FIRST, "0001-01-01T00:00:00.000Z"),
        (LAST, "9999-12-31T23:59:59.999Z"),
        (None, None),
    ],
)
def test_an_instant_is_written_with_milliseconds_and_z(instant: int | None, text: str | None) -> None:
    """Four digits of year, three of milliseconds, UTC; null for none."""
    assert wire(instant) == text


@given(st.integers(FIRST, LAST))
def test_what_is_written_is_read_again(instant: int) -> None:
    """Writing and reading undo each other at every millisecond."""
    assert instant_of(wire(instant)) == instant


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:00:00z", 0),
        ("1970-01-01 00:00:00Z", 0),
        ("1970-01-01T00:00Z", 0),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T14:30:00-09:30", 0),
        ("1970-01-01T00:00:00.5Z", 500),
        ("1970-01-01T00:00:00.0019999Z", 1),
        ("1970-01-01T00:00:00.123456789123Z", 123),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000),
    ],
)
def test_every_offset_and_fraction_is_read(text: str, instant: int) -> None:
    """Any offset; fractions are cut to milliseconds, never rounded up into the future."""
    assert instant_of(text) == instant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "0",
        "1800000000000",
        "1970-01-01",
        "00:00:00Z",
        "1970-01-01T00:00:00",
        "1970-01-01T24:00:00Z",
        "1970-13-01T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "1970-01-01T00:00:60Z",
        "19700101T000000Z",
        "1970-W01-4T00:00Z",
        "1970-001T00:00:00Z",
        "1970-01-01x00:00:00Z",
        "1970-01-01T00:00:00,5Z",
        "1970-01-01T00:00:00.Z",
        "1970-01-01T00:00:00+0000",
        "1970-01-01T00:00:00+00:00:01",
        "1970-01-01T00:00:00Z\n",
        " 1970-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "\u0661970-01-01T00:00:00Z",
    ],
)
def test_what_is_no_rfc_3339_instant_is_refused(text: str) -> None:
    """Other forms of ISO 8601, times without an offset and impossible ones."""
    with pytest.raises(ValueError, match=r"."):
        instant_of(text)


def test_the_machines_clock_counts_milliseconds_in_utc() -> None:
    """It agrees with the standard library's."""
    before = datetime.now(UTC).timestamp() * 1000
    assert before - 1 <= SystemClock().now() <= datetime.now(UTC).timestamp() * 1000 + 1
