"""A bar for long work, on stderr and on a terminal only; Rich is loaded when there is one to draw."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bkendctl.cli.terminal import is_terminal


@contextmanager
def spinner(label: str, *, silent: bool = False) -> Iterator[None]:
    """Show that something is waited for; it is gone after the block. silent: draw nothing."""
    if silent or not is_terminal(sys.stderr):
        yield
        return
    from rich.console import Console

    with Console(file=sys.stderr, color_system="standard", no_color=None).status(
        label, spinner_style="green"
    ):
        yield


@contextmanager
def progress_bar(
    label: str, *, silent: bool = False, counts: bool = False
) -> Iterator[Callable[[int, int], None]]:
    """Give a function to be told bytes done and bytes in all; the bar is gone after the block.

    silent: draw nothing, as with -q. counts: things are counted, not bytes.
    """
    if silent or not is_terminal(sys.stderr):
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.theme import Theme

    # Rich's own styles write rates in red, like errors, and the time left in cyan, unreadable on white.
    theme = Theme({"progress.data.speed": "none", "progress.remaining": "none", "progress.download": "none"})
    console = Console(file=sys.stderr, color_system="standard", no_color=None, theme=theme)
    bar = BarColumn(complete_style="green", finished_style="green", pulse_style="green")
    how_far: tuple[ProgressColumn, ...] = (DownloadColumn(), TransferSpeedColumn())
    if counts:
        how_far = (MofNCompleteColumn(), TextColumn("{task.fields[rate]}"))
    columns = (TextColumn("{task.description}"), bar, *how_far, TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(label, total=None, rate="")

        def tell(done: int, total: int) -> None:
            speed = progress.tasks[0].speed
            rate = f"{speed:,.0f}/s" if speed else ""
            progress.update(task, completed=done, total=total or None, rate=rate)

        yield tell
