"""The command tree as plain data, for what is written from it: man pages, completions, checks of examples.

Loads every noun, so no command of every day uses it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple, get_args

from bkendctl.cli.app import COMMANDS, root
from bkendctl.cli.options import GLOBALS
from bkendctl.contract.fields import MailCategory

REMEMBERED = {
    "PROFILE": "profiles",
    "USER": "users",
    "SESSION": "sessions",
    "KEY": "keys",
    "INVITATION": "invitations",
    "MAIL": "mails",
    "ORGANIZATION": "organizations",
    "PROJECT": "projects",
}
"""Metavars whose values this machine may know, and what `completion values` calls them."""

CHOICES = {"CATEGORY": get_args(MailCategory)}
"""Metavars that stand for choices too many for a line of --help."""

_EXAMPLE = re.compile(r"^\s*Example: (.+)$", re.MULTILINE)


class Parameter(NamedTuple):
    """An option or an argument.

    names: as typed, short ones first, empty for an argument. negative: names that switch a flag off.
    metavar: None for a flag.
    default: "" where there is none worth telling.
    """

    names: tuple[str, ...]
    negative: tuple[str, ...]
    metavar: str | None
    help: str
    required: bool
    repeated: bool
    default: str

    @property
    def choices(self) -> tuple[str, ...]:
        """All values there are; empty where others are possible."""
        metavar = self.metavar or ""
        return tuple(metavar.split("|")) if "|" in metavar else CHOICES.get(metavar, ())

    @property
    def remembered(self) -> str:
        """What `completion values` calls the values; "" where it knows none."""
        return REMEMBERED.get(self.metavar or "", "")

    @property
    def is_file(self) -> bool:
        """Whether the value is a file's name."""
        return self.metavar == "FILE"


class Node(NamedTuple):
    """bkendctl itself (path is empty), a noun, or a verb.

    text: paragraphs, the summary first, without examples. options: its own; the global ones are bkendctl's.
    """

    path: tuple[str, ...]
    summary: str
    section: str
    text: tuple[str, ...]
    examples: tuple[str, ...]
    options: tuple[Parameter, ...]
    arguments: tuple[Parameter, ...]
    children: tuple[Node, ...]

    @property
    def name(self) -> str:
        """The whole command, such as bkendctl users list."""
        return " ".join(("bkendctl", *self.path))

    def walk(self) -> Iterator[Node]:
        """Itself, and everything below it, in the order of the help."""
        yield self
        for child in self.children:
            yield from child.walk()


def command_tree() -> Node:
    """Read the whole tree, hidden commands left out."""
    top = root()
    with top.make_context("bkendctl", ["help"], resilient_parsing=True) as ctx:
        children = tuple(
            _node((name,), command, entry.section, entry.summary)
            for name, entry in COMMANDS.items()
            if not (command := top.get_command(ctx, name)).hidden
        )
        parameters = tuple(_parameter(each) for each in top.get_params(ctx))
    help_ = str(top.help)
    return Node((), help_, "", (help_,), (), parameters, (), children)


def _node(path: tuple[str, ...], command: Any, section: str = "", summary: str = "") -> Node:
    paragraphs = [" ".join(each.split()) for each in _EXAMPLE.sub("", command.help or "").split("\n\n")]
    text = tuple(each for each in paragraphs if each)
    own = [each for each in command.params if not _is_global(each)]
    parameters = [
        (each.param_type_name, _parameter(each)) for each in own if not getattr(each, "hidden", False)
    ]
    return Node(
        path=path,
        summary=summary or text[0],
        section=section,
        text=text,
        examples=tuple(_EXAMPLE.findall(command.help or "")),
        options=tuple(each for kind, each in parameters if kind == "option"),
        arguments=tuple(each for kind, each in parameters if kind == "argument"),
        children=tuple(
            _node((*path, name), child)
            for name, child in getattr(command, "commands", {}).items()
            if not child.hidden
        ),
    )


def _is_global(parameter: Any) -> bool:
    return tuple(parameter.opts) in {each.names for each in GLOBALS}


def _parameter(parameter: Any) -> Parameter:
    is_argument = parameter.param_type_name == "argument"
    is_flag = not is_argument and parameter.is_flag
    default = parameter.default
    if is_flag:
        default = (
            (parameter.opts if default else parameter.secondary_opts)[0] if parameter.secondary_opts else ""
        )
        default = "" if parameter.default is None else default
    return Parameter(
        # Typer keeps the names of --help in a set: their order changes from run to run.
        names=() if is_argument else tuple(sorted(parameter.opts, key=lambda name: (len(name), name))),
        negative=() if is_argument else tuple(parameter.secondary_opts),
        metavar=None if is_flag else parameter.metavar,
        help=parameter.help or "",
        required=parameter.required,
        repeated=getattr(parameter, "multiple", False) or parameter.nargs == -1,
        default="" if default is None or callable(default) else str(default),
    )
