"""Texts that a person writes or looks at: files, stdin, an editor, a browser."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bkendctl.cli.browsing import open_window
from bkendctl.contract.errors import Failure

if TYPE_CHECKING:
    from bkendctl.cli.context import Context

LONGEST = 1_048_576
"""Bytes of a text that is read; more is none that a template could be."""


def text_of(ctx: Context, file: str) -> str:
    """Read a text of a file, or of stdin for -. cli/file."""
    if file == "-":
        if sys.stdin.isatty():
            ctx.say.note("reading stdin until Ctrl-D")
        content = sys.stdin.buffer.read(LONGEST + 1)
    else:
        try:
            with Path(file).open("rb") as source:
                content = source.read(LONGEST + 1)
        except OSError as error:
            raise Failure("cli/file", f"{file}: {error.strerror}") from error
    if len(content) > LONGEST:
        raise Failure("cli/file", f"{file} has more than {LONGEST} bytes.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Failure("cli/file", f"{file} is not UTF-8 (byte {error.start}).") from error


def written(file: str, text: str) -> None:
    """Write a text to a file. cli/file."""
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failure("cli/file", f"{file}: {error.strerror}") from error


@contextmanager
def edited(ctx: Context, text: str, suffix: str) -> Iterator[str | None]:
    """Let a person edit a text in $VISUAL or $EDITOR; None where it was left as it is.

    What was typed stays in a file, which is named, unless all that is done with it succeeds. cli/usage
    without a person, cli/file when the editor fails.
    """
    if not ctx.ask.can_ask:
        ctx.refuse("There is nobody to edit the text.", hint="--file FILE, or --file - for stdin")
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    descriptor, name = tempfile.mkstemp(prefix="bkendctl-", suffix=suffix)  # mode 0600
    file = Path(name)
    with os.fdopen(descriptor, "w", encoding="utf-8") as start:
        start.write(text)
    try:
        _run(editor, file)
        after = file.read_text(encoding="utf-8")
        yield None if after == text else after
    except BaseException:
        if file.read_text(encoding="utf-8", errors="replace") != text:
            ctx.say.note(f"your text is in {file}")
        else:
            file.unlink()
        raise
    file.unlink()


def _run(editor: str, file: Path) -> None:
    try:
        ended = subprocess.run([*shlex.split(editor), str(file)], check=False)  # noqa: S603 - the user's own
    except (OSError, ValueError) as error:
        raise Failure(
            "cli/file", f"The editor {editor} cannot be started.", hint="export EDITOR=nano"
        ) from error
    if ended.returncode:
        raise Failure("cli/file", f"The editor {editor} ended with status {ended.returncode}.", hint="")


def opened_in_browser(ctx: Context, html: str) -> None:
    """Show HTML in the browser of this machine, or say where it is."""
    descriptor, name = tempfile.mkstemp(prefix="bkendctl-", suffix=".html")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(html)
    if not open_window(Path(name).as_uri()):
        ctx.say.warn("there is no browser here")
    ctx.say.note(f"the HTML is in {name}")
