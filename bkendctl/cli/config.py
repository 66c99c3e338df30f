"""bkendctl config: settings as one YAML file, exported, compared with what is live, applied."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any, TextIO

import msgspec
import typer

from bkendctl.cli import config_file, config_text
from bkendctl.cli.context import Context
from bkendctl.cli.formats import json_text
from bkendctl.cli.options import Noun
from bkendctl.cli.tables import Column, View
from bkendctl.cli.terminal import Pen, Span
from bkendctl.cli.text import visible
from bkendctl.client.voice import Voice
from bkendctl.contract import config
from bkendctl.contract.errors import Failure

noun = Noun("Settings as code: export, compare, apply one YAML file.")

CHANGES = View(
    columns=(
        Column("Path", "path"),
        Column("Before", "before"),
        Column("After", "after"),
        Column("Weakening", "weakening"),
    ),
    quiet="path",
    noun="changes",
)
ConfigPath = Annotated[Path, typer.Argument(help="The YAML file.", metavar="FILE")]


@noun.verb("export")
def export(
    ctx: Context,
    file: Annotated[
        Path | None, typer.Option(help="Write into it; of one that exists the comments stay.", metavar="FILE")
    ] = None,
) -> None:
    """Write the settings as YAML, without secrets and fixtures.

    A file that exists keeps its comments, and what it leaves out stays out: its values become the live ones.

    Example: bkendctl config export --file bkend.yaml
    """
    document = msgspec.to_builtins(ctx.call(config.GET, voice=Voice.ADMIN))
    if ctx.output.format not in ("table", "yaml") or ctx.output.jq is not None:
        ctx.show(document)
        return
    if file is None:
        sys.stdout.write(config_text.written(document))
        return
    exists = file.exists()
    present = config_file.read(file) if exists else None
    text = config_text.updated(present, document) if present else config_text.written(document)
    if present is None or text != present.text:
        config_text.put(file, text)
    ctx.say.done(f"{'updated' if exists else 'wrote'} {file}")


@noun.verb("schema")
def schema(ctx: Context) -> None:  # noqa: ARG001 - as every command
    """Write the JSON Schema of the file, for editors.

    Example: bkendctl config schema
    """
    sys.stdout.write(json_text(config_text.schema()) + "\n")


@noun.verb("diff")
def diff(
    ctx: Context,
    file: ConfigPath,
    check: Annotated[bool, typer.Option("--check", help="Exit status 1 when anything differs.")] = False,
) -> None:
    """Show what applying a file would change.

    Example: bkendctl config diff bkend.yaml --check
    """
    plan = _planned(ctx, config_file.read(file))
    _show(ctx, plan)
    if not plan.changes:
        ctx.say.done("nothing differs")
    elif check:
        raise typer.Exit(1)


@noun.verb("apply")
def apply(
    ctx: Context,
    file: ConfigPath,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan alone.")] = False,
    allow_weaken: Annotated[
        bool, typer.Option("--allow-weaken", help="Allow changes that lower protection.")
    ] = False,
) -> None:
    """Change what differs from a file, after a plan, all or nothing.

    Example: bkendctl config apply bkend.yaml
    """
    read = config_file.read(file)
    plan = _planned(ctx, read)
    if dry_run or not plan.changes:
        _show(ctx, plan)
        if not plan.changes:
            ctx.say.done("nothing differs")
        return
    weakening = [change for change in plan.changes if change.weakening]
    if weakening and not allow_weaken:
        details = {f"config.{change.path}": ["lowers protection"] for change in weakening}
        hint = f"bkendctl config apply {file} --allow-weaken"
        raise read.relocated(Failure("config/weakening-refused", details=details, hint=hint))
    if ctx.ask.can_ask and not ctx.ask.yes:
        _draw(plan, sys.stderr)  # what is asked about
    ctx.confirm(f"Apply {len(plan.changes)} {'change' if len(plan.changes) == 1 else 'changes'}?")
    request = config.Apply(config=_document(read), allow_weaken=allow_weaken)
    done = _call(ctx, config.APPLY, request, read)
    _show(ctx, done)
    ctx.say.done(f"{len(done.changes)} applied")


def _planned(ctx: Context, read: config_file.ConfigFile) -> config.ConfigPlan:
    for place in read.written_secrets():
        ctx.say.warn(f"{place}: a secret stands in the file; env:NAME keeps it out")
    plan: config.ConfigPlan = _call(ctx, config.PLAN, config.Plan(config=_document(read)), read)
    return plan


def _document(read: config_file.ConfigFile) -> Any:
    """The document as it travels: the core judges it, wherever that is."""
    return read.resolved(os.environ)


def _call(ctx: Context, operation: Any, request: Any, read: config_file.ConfigFile) -> Any:
    try:
        return ctx.call(operation, request, voice=Voice.ADMIN)
    except Failure as failure:
        raise read.relocated(failure) from None


def _show(ctx: Context, plan: config.ConfigPlan) -> None:
    """Lines for people, the API's body for scripts."""
    if ctx.output.format == "csv" or ctx.output.quiet:
        ctx.output.show(msgspec.to_builtins(plan.changes), CHANGES)
        return
    if ctx.output.format != "table" or ctx.output.jq is not None:
        ctx.show(plan)
        return
    _draw(plan, sys.stdout)


def _draw(plan: config.ConfigPlan, stream: TextIO) -> None:
    pen = Pen(stream)
    for change in plan.changes:
        before, after = _value(change.before), _value(change.after)
        spans = [Span("~ ", "cyan"), Span(change.path, "bold"), Span(": ")]
        spans += [Span(before, "red"), Span(" -> "), Span(after, "green")]
        pen.line([*spans, Span("  lowers protection", "bold magenta")] if change.weakening else spans)


def _value(value: Any) -> str:
    return visible(json_text(value, indent=None))
