"""bkendctl help: what holds for all commands, by topic. The texts are in topics.py."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun
from bkendctl.cli.tables import Column, View
from bkendctl.cli.topics import TOPICS
from bkendctl.contract.errors import Failure

noun = Noun("Explain a topic.")

LIST = View(columns=(Column("Topic", "topic"), Column("About", "summary")), quiet="topic", noun="topics")
ONE = View(columns=(Column("Topic", "topic"), Column("Text", "text")), quiet="text")


@noun.verb("help")
def explain(
    ctx: Context,
    topic: Annotated[
        str | None, typer.Argument(help="Topic; all are listed without.", metavar="|".join(TOPICS))
    ] = None,
) -> None:
    """Explain a topic: environment, exit-codes, output, auth or profiles. Without one, list them.

    Example: bkendctl help exit-codes
    """
    if topic is None:
        ctx.output.show([{"topic": name, "summary": each.summary} for name, each in TOPICS.items()], LIST)
        ctx.say.note("bkendctl help TOPIC; about a command: bkendctl COMMAND --help")
        return
    if topic not in TOPICS:
        raise _unknown(topic)
    text = TOPICS[topic].text()
    if ctx.output.format == "table" and not ctx.output.jq:
        sys.stdout.write(f"{text}\n")
    else:
        ctx.output.show({"topic": topic, "text": text}, ONE)


def _unknown(topic: str) -> Failure:
    """Say what looks like the topic, or that it is a command."""
    from difflib import get_close_matches

    from bkendctl.cli.app import COMMANDS
    from bkendctl.cli.text import visible

    near = get_close_matches(topic.lower(), TOPICS, n=2)
    if topic in COMMANDS:
        near, hint = [], f"bkendctl {topic} --help"
    else:
        hint = f"bkendctl help {near[0]}" if near else "bkendctl help"
    meant = f" Did you mean {' or '.join(near)}?" if near else ""
    return Failure("cli/usage", f"There is no topic '{visible(topic)}'.{meant}", hint=hint)
