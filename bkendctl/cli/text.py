"""Text, durations and instants between people and the program.

What a person reads (visible text, relative time) and what a person types (90s, 7d, ISO-8601). Prints nothing.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import cache

from bkendctl.contract.errors import Failure

DAY, HOUR, MINUTE = 86_400, 3_600, 60
LONGEST_DURATION = 36_500 * DAY  # a century; beyond it datetime arithmetic starts to overflow
FAR = 7 * DAY  # from here on a date says more than a distance

# Joined emoji (family) and flags of regions are made with characters that are hidden anywhere else.
_PICTOGRAPH = r"[\u2190-\u21ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff][\ufe0f\U0001f3fb-\U0001f3ff]?"
_REGION_FLAG = r"\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]+\U000e007f"
_EMOJI = rf"{_PICTOGRAPH}(?:\u200d{_PICTOGRAPH})+|{_REGION_FLAG}"
# Controls (C0, DEL, C1), bidirectional marks (Trojan Source, CVE-2021-42574), zero-width and soft hyphen,
# line and paragraph separators, interlinear annotation, tag characters, lone surrogates.
_HIDDEN = (
    r"\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\U000e0000-\U000e007f\ud800-\udfff"
)
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}

_DURATION = re.compile(r"(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?", re.ASCII)
_UNITS = (DAY, HOUR, MINUTE, 1)


@cache
def _emoji_or_hidden() -> re.Pattern[str]:
    """Compiled when first needed: plain text, the common case, never does."""
    return re.compile(f"(?P<emoji>{_EMOJI})|[{_HIDDEN}]")


def visible(text: str, *, keep: str = "") -> str:
    r"""Show text of a user with every hidden or commanding character written out (\x1b, \u202e).

    keep: characters let through all the same, such as "\n\t" for the body of a mail. Emoji, CJK and
    combining marks stay as they are, also emoji joined with U+200D.
    """
    if text.isprintable():  # no hidden character is printable in Python's sense: the fast way
        return text

    def written_out(match: re.Match[str]) -> str:
        if match["emoji"] or match[0] in keep:
            return match[0]
        return _NAMED.get(match[0]) or _escape(match[0])

    return _emoji_or_hidden().sub(written_out, text)


def escape_for_json(text: str) -> str:
    r"""Write the hidden characters above ASCII as \uXXXX, in JSON text or double-quoted YAML.

    The document means the same as before, yet cannot command a terminal. ASCII controls are left: in
    such documents they are layout, those within strings are escaped already.
    """
    if text.isascii() and "\x7f" not in text:
        return text

    def written_out(match: re.Match[str]) -> str:
        character = match[0]
        if match["emoji"] or character < "\x7f":
            return character
        units = character.encode("utf-16-be", "surrogatepass").hex()
        return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))

    return _emoji_or_hidden().sub(written_out, text)


def _escape(character: str) -> str:
    number = ord(character)
    if number <= 0xFF:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"


def relative_time(iso_utc: str, now: datetime) -> str:
    """Say an instant as a distance from now ("in 58 min", "3 h ago"), from 7 days on as local date and time.

    now: with a time zone. Distances are cut to whole units, those to come after rounding to a minute: what
    was said to last 7 days is not 6 when it is shown. What is no instant comes back visible.
    """
    try:
        instant = datetime.fromisoformat(iso_utc)
        if instant.tzinfo is None:
            instant = instant.replace(tzinfo=UTC)
        seconds = (instant - now).total_seconds()
        if abs(seconds) >= FAR:
            return f"{instant.astimezone():%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError):
        return visible(iso_utc)
    if abs(seconds) < 1:
        return "now"
    if seconds > 0:
        return f"in {_largest_unit(int(seconds) if seconds < MINUTE else round(seconds / MINUTE) * MINUTE)}"
    return f"{_largest_unit(int(-seconds))} ago"


def _largest_unit(seconds: int) -> str:
    for size, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if seconds >= size:
            return f"{seconds // size} {name}"
    return f"{seconds} s"


def parse_duration(text: str) -> int:
    """Read 90s, 15m, 1h, 7d or a descending sum such as 1h30m; seconds. Raises cli/usage."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        raise Failure(
            "cli/usage",
            f"'{visible(text)}' is not a duration.",
            hint="write a duration like 90s, 15m, 1h, 7d or 1h30m",
        )
    seconds = sum(int(count or 0) * size for count, size in zip(match.groups(), _UNITS, strict=True))
    if seconds > LONGEST_DURATION:
        raise Failure(
            "cli/usage", f"'{text}' is longer than a century.", hint="write a duration up to 36500d"
        )
    return seconds


def format_duration(seconds: int) -> str:
    """Write seconds the way parse_duration reads them: 5400 is 1h30m."""
    parts = []
    for size, letter in zip(_UNITS, "dhms", strict=True):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{letter}")
    return "".join(parts) or "0s"


def parse_instant(text: str, now: datetime, *, past: bool = False) -> datetime:
    """Read an ISO-8601 instant, or a duration counted from now (forward, or back when past); UTC.

    Without an offset the instant is local time, as tables show it; a date alone is its local midnight.
    Raises cli/usage.
    """
    stripped = text.strip()
    if _DURATION.fullmatch(stripped) and stripped:
        distance = timedelta(seconds=parse_duration(stripped))
        moment = _shifted(now, -distance if past else distance)
    else:
        moment = _from_iso(stripped)
    if moment is None:
        raise Failure(
            "cli/usage",
            f"'{visible(text)}' is neither an instant nor a duration.",
            hint="write an instant like 2026-12-01T10:00:00Z or 2026-12-01, or a duration like 1h or 7d",
        )
    return moment


def _shifted(now: datetime, distance: timedelta) -> datetime | None:
    try:
        return now.astimezone(UTC) + distance
    except OverflowError:
        return None


def _from_iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
