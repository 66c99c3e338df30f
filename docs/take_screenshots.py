"""Write docs/screenshots: real commands at a frozen instant, drawn by Rich. `make docs` runs it.

Time and randomness stand still, so that a picture changes only when what a command prints does. The pictures
name no font of the network: whoever looks at them loads nothing else.
"""

from __future__ import annotations

import io
import os
import random
import re
import secrets
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import datetime, tzinfo
from html import escape
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

FOLDER = "docs/screenshots"
COLUMNS = 80
BEGIN = 1_800_000_000
PASSWORD = "Corr3ct-horse!"  # noqa: S105 - of a core that lives for a moment

PICTURES: dict[str, tuple[str, ...]] = {
    "sign-up": ("signup alice@example.com --name Alice", "wait 2m", "whoami"),
    "mfa-enroll": ("mfa enroll --keep-secret",),
    "sign-in": ("mfa confirm {code}", "login alice@example.com", "login alice@example.com --mfa-code {next}"),
    "sessions": (
        "wait 3h",
        "unseen login alice@example.com --mfa-code {code}",
        "wait 26h",
        "unseen login alice@example.com --mfa-code {code}",
        "sessions list",
    ),
    "users": (
        "unseen users create bob@example.com --name Bob --role guest",
        "unseen users create dana@example.com --name 'Dana Kim'",
        "unseen users set-role alice@example.com admin",
        "wait 5h",
        "users ban bob@example.com --until 3d --reason spam --yes",
        "users list",
    ),
    "clock": ("clock advance 1h", "token show", "clock reset --yes"),
    "doctor": ("unseen clock advance 1h", "doctor"),
    "errors": ("sesions list", "users get bob@example.org", "keys create --type secret --scope users"),
}
"""The commands of each picture, one after the other in one core; {code} and {next} stand for TOTP codes.

wait: time passes before the next one. unseen: done, and not shown. No instant is 7 days off: those are shown as
local dates.
"""

# What doctor says of the machine it runs on.
_OF_THIS_MACHINE = (
    (re.compile(r"[0-9]+ MiB free"), "51200 MiB free"),
    (re.compile(r"SQLite [0-9.]+"), "SQLite 3.51.1"),
)
_HOME = "/home/alice/.bkendctl"

_THEME = TerminalTheme(
    (13, 17, 23),
    (230, 237, 243),
    [(72, 79, 88), (255, 123, 114), (63, 185, 80), (210, 153, 34), (88, 166, 255), (188, 140, 255),
     (57, 197, 207), (177, 186, 196)],
    [(110, 118, 129), (255, 161, 152), (86, 211, 100), (227, 179, 65), (121, 192, 255), (210, 168, 255),
     (86, 212, 221), (255, 255, 255)],
)  # fmt: skip
_SVG = """<svg class="{unique_id}" viewBox="0 0 {width} {height}" role="img" xmlns="http://www.w3.org/2000/svg">
<title>TITLE</title>
<style>
.{unique_id}-matrix, .{unique_id}-title {{
  font: {char_height}px/{line_height}px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }}
.{unique_id}-matrix text {{ white-space: pre; }}
.{unique_id}-title {{ font-size: 18px; }}
.{unique_id} path, .{unique_id} rect {{ shape-rendering: crispEdges; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
_CELL_WIDTH, _CELL_HEIGHT, _BASELINE = 12.2, 24.4, 18.5
"""Of Rich's drawing, in its units; the baseline is that far below the top of a line's ground."""
_BLOCKS = re.compile(r'<text class="([^"]+)" x="([0-9.]+)" y="([0-9.]+)"[^>]*>((?:[█▀▄]|&#160;)+)</text>')


class _Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class _Still(datetime):
    """A clock that stands still between commands."""

    instant = BEGIN

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> _Still:
        return cls.fromtimestamp(_Still.instant, tz)


def pictures() -> dict[str, str]:
    """Make every picture, by its place below the top folder."""
    made = {}
    # A path that is as long on every machine: tables are laid out before it is replaced.
    with _frozen(), tempfile.TemporaryDirectory(prefix="bkendctl-", dir="/tmp") as home:
        _run("init", {"BKENDCTL_HOME": home})
        for name, lines in PICTURES.items():
            shown = "\n".join(filter(None, map(_screen, lines))).replace(home, _HOME)
            for pattern, instead in _OF_THIS_MACHINE:
                shown = pattern.sub(instead, shown)
            made[f"{FOLDER}/{name}.svg"] = _drawn(name, shown)
    return made


def _screen(line: str) -> str:
    """What the terminal shows of one command: the prompt, what was typed, and what came; or nothing."""
    from bkendctl.cli.text import parse_duration

    todo, _, typed = line.partition(" ")
    if todo == "wait":
        _Still.instant += parse_duration(typed)
        return ""
    unseen = todo == "unseen"
    typed = typed if unseen else line
    for place, arguments in (("{code}", "mfa code"), ("{next}", "mfa code --next")):
        if place in typed:
            typed = typed.replace(place, _run(arguments).strip())
    if unseen:
        _run(typed)
        return ""
    return f"\x1b[32m$\x1b[0m \x1b[1mbkendctl {typed}\x1b[0m\n{_run(typed, terminal=True)}"


def _run(line: str, variables: dict[str, str] | None = None, *, terminal: bool = False) -> str:
    """Run a command line in this process; gives what it printed, both streams as they came."""
    from bkendctl.__main__ import main

    os.environ.update(variables or {})
    seen = _Terminal() if terminal else io.StringIO()
    with redirect_stdout(seen), redirect_stderr(seen if terminal else io.StringIO()):
        status = main([*shlex.split(line), "--no-input"])
    if status != 0 and not terminal:
        raise RuntimeError(f"bkendctl {line} ended with {status}")
    return seen.getvalue()


def _drawn(name: str, shown: str) -> str:
    console = Console(
        record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print(Text.from_ansi(shown.rstrip("\n")), soft_wrap=True)
    seen = [line for line in PICTURES[name] if not line.startswith(("wait ", "unseen "))]
    title = escape("; ".join(f"bkendctl {line}" for line in seen))
    drawn = console.export_svg(title=name, theme=_THEME, code_format=_SVG, unique_id=name)
    drawn = _BLOCKS.sub(_as_path, drawn.replace("TITLE", title, 1))
    return "\n".join(line.rstrip() for line in drawn.splitlines()) + "\n"


def _as_path(found: re.Match[str]) -> str:
    """Draw block characters as shapes: those of a font leave gaps, and a QR code with gaps does not scan."""
    style, x, y, blocks = found.groups()
    top, half = float(y) - _BASELINE, _CELL_HEIGHT / 2
    shapes = []
    for place, block in enumerate(blocks.replace("&#160;", " ")):
        if block != " ":
            above, height = (half if block == "▄" else 0), (_CELL_HEIGHT if block == "█" else half)
            left = float(x) + place * _CELL_WIDTH
            shapes.append(f"M{left:.1f} {top + above:.1f}h{_CELL_WIDTH}v{height:.1f}h-{_CELL_WIDTH}z")
    return f'<path class="{style}" d="{"".join(shapes)}"/>' if shapes else ""


@contextmanager
def _frozen() -> Iterator[None]:
    """Stop clock and randomness of this process, and take its settings away, for as long as it runs."""
    from bkendctl.cli import tables

    _Still.instant = BEGIN
    seeded = random.Random(1)  # noqa: S311 - for pictures
    stopped: list[tuple[Any, str, Any]] = [
        (time, "time", lambda: float(_Still.instant)),
        (time, "time_ns", lambda: _Still.instant * 1_000_000_000),
        (secrets, "token_bytes", lambda count=32: seeded.randbytes(count)),
        (tables, "datetime", _Still),
    ]
    former = [(where, name, getattr(where, name)) for where, name, _ in stopped]
    environment = dict(os.environ)
    for name in [*os.environ]:
        if name.startswith("BKENDCTL_") or name in {"NO_COLOR", "TERM", "COLUMNS"}:
            del os.environ[name]
    os.environ.update(
        BKENDCTL_STORE="file", BKENDCTL_PASSWORD=PASSWORD, TERM="xterm-256color", COLUMNS=str(COLUMNS)
    )
    for where, name, still in stopped:
        setattr(where, name, still)
    try:
        yield
    finally:
        for where, name, value in former:
            setattr(where, name, value)
        os.environ.clear()
        os.environ.update(environment)


def main(top: Path) -> int:
    """Write the pictures, and remove those that are gone."""
    made = pictures()
    (top / FOLDER).mkdir(parents=True, exist_ok=True)
    for old in (top / FOLDER).glob("*"):
        if f"{FOLDER}/{old.name}" not in made:
            old.unlink()
    for name, text in made.items():
        (top / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path.cwd()))
