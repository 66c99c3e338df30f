"""The global options, understood before and after the verb, and the command classes that carry them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, get_args

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from bkendctl.cli.context import Context
from bkendctl.cli.render import FORMATS
from bkendctl.contract.errors import Failure

_Verb = TypeVar("_Verb", bound=Callable[..., Any])


class _Global(NamedTuple):
    names: tuple[str, ...]
    help: str
    metavar: str | None = None


GLOBALS = (
    _Global(("-p", "--profile"), "Profile to use.", "PROFILE"),
    _Global(("-o", "--output"), "How results are written.", "|".join(FORMATS)),
    _Global(("-q", "--quiet"), "Print the identifier or the secret alone."),
    _Global(("--jq",), "Filter the JSON of the result.", "EXPR"),
    _Global(("--as",), "Speak as the signed-in user or as the secret key.", "user|key"),
    _Global(("--no-input",), "Never ask; what is missing is an error."),
    _Global(("-y", "--yes"), "Do not ask before destructive commands."),
    _Global(("--debug",), "Log each request, show tracebacks."),
    _Global(("--http-timeout",), "How long to wait for a server, such as 30s.", "DURATION"),
)


def _remember(ctx: Any, param: Any, value: Any) -> Any:
    """Keep what was typed, wherever it stood; the last one counts."""
    given = ctx.get_parameter_source(param.name)
    if given is not None and given.name == "COMMANDLINE":
        ctx.meta[f"bkendctl.{param.name}"] = value
    return value


def _options() -> list[TyperOption]:
    return [
        TyperOption(
            param_decls=[*each.names, each.names[-1].removeprefix("--").replace("-", "_") + "_"],
            help=each.help,
            metavar=each.metavar,
            is_flag=each.metavar is None,
            type=None if each.metavar is None else str,
            callback=_remember,
            expose_value=False,
            is_eager=True,
        )
        for each in GLOBALS
    ]


def one_of(values: Any) -> str:
    """Give the metavar for what a Literal allows; help, manual and completion read the choices there."""
    return "|".join(get_args(values))


def _named(param: Any) -> Any:
    """Say what kind of value is typed where nobody said it: N, FILE or TEXT; an argument by its name."""
    if param.metavar is None and isinstance(param, TyperArgument):
        param.metavar = str(param.name).upper()
    elif param.metavar is None and not param.is_flag:
        kind = type(param.type).__name__
        param.metavar = "N" if kind.startswith("Int") else "FILE" if "Path" in kind else "TEXT"
    return param


def _write_parameters(command: Any, ctx: Any, formatter: Any, *, of_all: bool) -> None:
    """Write what a command takes of its own, or (of_all) the options that every command takes."""
    everywhere = {names[-1] for names in (*(each.names for each in GLOBALS), ctx.help_option_names)}
    rows: dict[str, list[tuple[str, str]]] = {}
    for param in command.get_params(ctx):
        row = param.get_help_record(ctx)
        if row is not None and bool(everywhere & set(param.opts)) is of_all:
            title = "Global options" if of_all else f"{param.param_type_name}s".capitalize()
            rows.setdefault(title, []).append(row)
    for title in sorted(rows):  # arguments before options
        with formatter.section(title):
            formatter.write_dl(rows[title])


class Command(TyperCommand):
    """A verb: its own options, and the global ones."""

    context_class = Context

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params = [_named(param) for param in self.params] + _options()

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write what is its own first."""
        _write_parameters(self, ctx, formatter, of_all=False)
        _write_parameters(self, ctx, formatter, of_all=True)


class Group(TyperGroup):
    """A noun: its verbs, and the global options before them."""

    context_class = Context

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += _options()

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the verbs before the options that all of them take."""
        _write_parameters(self, ctx, formatter, of_all=False)
        self.format_commands(ctx, formatter)
        _write_parameters(self, ctx, formatter, of_all=True)


class Noun(typer.Typer):
    """A noun's module declares one; its verbs are added with @noun.verb("name")."""

    def __init__(self, summary: str) -> None:
        super().__init__(
            cls=Group,
            help=summary,
            no_args_is_help=True,
            add_completion=False,
            rich_markup_mode=None,
            pretty_exceptions_enable=False,
            context_settings={"help_option_names": ["-h", "--help"]},
        )

        # Without a callback Typer would turn a noun of one verb into that verb.
        @self.callback()
        def _keep_group() -> None: ...

    def verb(self, name: str) -> Callable[[_Verb], _Verb]:
        """Register a function as the verb of that name."""
        return self.command(name, cls=Command, context_settings={"help_option_names": ["-h", "--help"]})


def output_format(meta: dict[str, Any]) -> str:
    """-o, else BKENDCTL_OUTPUT, else table. cli/usage for an unknown one."""
    chosen = meta.get("bkendctl.output_") or os.environ.get("BKENDCTL_OUTPUT") or "table"
    if chosen not in FORMATS:
        raise Failure("cli/usage", f"--output is {', '.join(FORMATS)}, not {chosen}.", hint="-o json")
    return str(chosen)
