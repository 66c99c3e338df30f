"""What is said on stderr: why a command failed and what to type next, notes, warnings and good news."""

from __future__ import annotations

import sys
from typing import NamedTuple, TextIO

from bkendctl.cli.terminal import Pen, Span, can_show
from bkendctl.cli.text import visible
from bkendctl.contract.errors import Failure


def report(failure: Failure, output_format: str, stream: TextIO | None = None) -> None:
    """Write a failure to stderr: the message with its code, reasons by field, what to type next.

    With json one document: the API's error body with error.hint, and error.retryAfter in seconds.
    """
    stream = sys.stderr if stream is None else stream
    if output_format == "json":
        stream.write(_as_json(failure))
        return
    pen = Pen(stream)
    pen.line(
        [Span("error: ", "bold red"), Span(f"{visible(failure.message)} "), Span(f"[{failure.code}]", "dim")]
    )
    for field, reasons in (failure.details or {}).items():
        reason = "; ".join(visible(each) for each in reasons)
        pen.line([Span(f"  {visible(field)}", "bold"), Span(f": {reason}")])
    advice = _advice(failure)
    if advice:
        arrow = "→" if can_show(stream, "→") else "->"
        pen.line([Span(f"{arrow} ", "dim"), Span(visible(advice))])


def _advice(failure: Failure) -> str:
    wait = f"try again in {failure.retry_after} s" if failure.retry_after is not None else ""
    return "; ".join(part for part in (failure.hint, wait) if part)


def _as_json(failure: Failure) -> str:
    from bkendctl.cli.formats import json_text

    body = failure.body()
    if failure.hint:
        body["error"]["hint"] = failure.hint
    if failure.retry_after is not None:
        body["error"]["retryAfter"] = failure.retry_after
    return json_text(body) + "\n"


class Chatter(NamedTuple):
    """What may be said beside the result: notes and good news not with -q or -o json, warnings always."""

    output_format: str = "table"
    quiet: bool = False

    @property
    def silent(self) -> bool:
        """Tell whether notes and good news are held back."""
        return self.quiet or self.output_format == "json"

    def note(self, text: str) -> None:
        """Say something that is good to know."""
        if not self.silent:
            _say([Span(visible(text), "dim")])

    def done(self, text: str) -> None:
        """Say that something was done."""
        if not self.silent:
            _say([Span("done: ", "green"), Span(visible(text))])

    def warn(self, text: str) -> None:
        """Say what the user has to know, whatever the output."""
        _say([Span("warning: ", "bold magenta"), Span(visible(text))])

    def debug(self, text: str) -> None:
        """Log a request for --debug."""
        _say([Span(f"debug: {visible(text)}", "dim")])


def _say(spans: list[Span]) -> None:
    Pen(sys.stderr).line(spans)
