"""The manual pages, written from the command tree: bkendctl(1), and one page per noun. Roff for man(7).

Nothing of the day or the machine gets in, so that the same tree always makes the same pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from textwrap import fill

from bkendctl import __version__
from bkendctl.cli.topics import EXIT_STATUSES, FILES, TOPICS, VARIABLES
from bkendctl.cli.tree import Node, Parameter, command_tree

EDITION = "2026-11-23"
"""Date in the footer, which mandoc demands; set by hand at a release."""

LINE = 78
"""Longest line of the source, in characters; mandoc complains from 81 on."""

_SPECIAL = {
    "\\": r"\e",
    "'": r"\(aq",
    '"': r"\(dq",
    "`": r"\(ga",
    "^": r"\(ha",
    "~": r"\(ti",
}
_EXAMPLES = (
    ("Set up, and create an account:", ("bkendctl init", "bkendctl signup alice@example.com --name Alice")),
    (
        "Make her an admin with the key that init stored:",
        ("bkendctl users set-role alice@example.com admin",),
    ),
    (
        "Call your own service with her token:",
        ('curl -H "Authorization: Bearer $(bkendctl token print)" URL',),
    ),
    ("Issue a key in a script:", ("bkendctl keys create --type secret --name ci --expires 90d -q",)),
    ("Filter a list:", ("bkendctl users list -o json --jq '.items[].email'",)),
)


def pages() -> dict[str, str]:
    """Make all pages, by file name."""
    tree = command_tree()
    made = {"bkendctl.1": _main_page(tree)}
    return made | {f"bkendctl-{noun.path[0]}.1": _noun_page(noun) for noun in tree.children}


def escaped(text: str) -> str:
    """Write text so that roff prints exactly these characters, wherever in a line it stands."""
    written = "".join(
        _SPECIAL.get(each, each if each.isascii() else f"\\[u{ord(each):04X}]") for each in text
    )
    return re.sub(r"^\.", r"\\&.", written)


def literal(text: str) -> str:
    """Write what is typed: a hyphen stays the ASCII one, to be copied and searched for."""
    return escaped(text).replace("-", r"\-")


def _prose(text: str) -> str:
    """Write sentences in short lines; what stands in backquotes, and options, are literal."""
    parts = re.split(r"(`[^`]+`|(?<![\w-])--?[a-zA-Z][\w-]*)", text)
    written = "".join(
        rf"\fB{literal(part.strip('`'))}\fR" if place % 2 else escaped(part)
        for place, part in enumerate(parts)
    )
    lines = fill(written, LINE, break_long_words=False, break_on_hyphens=False)
    return re.sub(r"^\.", r"\\&.", lines, flags=re.MULTILINE)


def _head(title: str, summary: str) -> Iterator[str]:
    yield r".\" Written by `make docs` from the command tree. Do not edit."
    yield f'.TH {literal(title.upper())} 1 "{EDITION}" "bkendctl {__version__}" "bkendctl manual"'
    yield from (".nh", ".ad l", ".SH NAME")
    if summary[1:2].islower():  # not in API keys
        summary = summary[:1].lower() + summary[1:]
    yield rf"{literal(title)} \- {_prose(summary.removesuffix('.'))}"


def _main_page(tree: Node) -> str:
    lines = [
        *_head("bkendctl", "authentication from a terminal"),
        ".SH SYNOPSIS",
        r".B bkendctl",
        r"[\fIOPTION\fR ...] \fICOMMAND\fR [\fIVERB\fR] [\fIARGUMENT\fR ...]",
        ".br",
        r".B bkendctl \-\-version",
        ".SH DESCRIPTION",
        *_paragraphs(tree.text),
        ".PP",
        "Results go to stdout, everything else to stderr.",
        "What is missing is asked for on a terminal; in a script it is an error.",
        "Global options may stand before and after the verb.",
        ".SH COMMANDS",
        *_commands(tree),
        ".SH GLOBAL OPTIONS",
        *_parameters(tree.options),
        ".SH EXIT STATUS",
        *_definitions((str(status), meaning) for status, (_, meaning) in EXIT_STATUSES.items()),
        ".SH ENVIRONMENT",
        *_definitions(VARIABLES),
        ".SH FILES",
        "All are 0600, in",
        ".B $BKENDCTL_HOME",
        r"or else in the platform\(aqs folders for configuration and data; on Linux",
        r".I \(ti/.config/bkendctl",
        "and",
        r".IR \(ti/.local/share/bkendctl .",
        *_definitions(FILES),
        ".SH EXAMPLES",
        *_main_examples(),
        ".SH SEE ALSO",
        *(rf".BR {literal('-'.join(('bkendctl', *noun.path)))} (1)," for noun in tree.children),
        r".BR man (1)",
        ".PP",
        rf"\fBbkendctl help\fR \fITOPIC\fR, about: {', '.join(map(literal, TOPICS))}.",
    ]
    return _page(lines)


def _noun_page(noun: Node) -> str:
    verbs = [node for node in noun.walk() if not node.children]
    lines = [*_head("-".join(("bkendctl", *noun.path)), noun.summary), ".SH SYNOPSIS"]
    for place, verb in enumerate(verbs):
        lines += [*([".br"] if place else []), _synopsis(verb)]
    if noun.children:
        lines += [".SH DESCRIPTION", *_paragraphs(noun.text), ".SH COMMANDS"]
        for verb in verbs:
            lines += [rf".SS {literal(' '.join(verb.path))}", *_verb(verb)]
    else:
        lines += [".SH DESCRIPTION", *_verb(noun)]
    lines += [
        ".SH GLOBAL OPTIONS AND EXIT STATUS",
        "As in",
        r".BR bkendctl (1),",
        "before and after the verb.",
        ".SH SEE ALSO",
        r".BR bkendctl (1)",
    ]
    return _page(lines)


def _page(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"


def _commands(tree: Node) -> Iterator[str]:
    for section in dict.fromkeys(noun.section for noun in tree.children):
        yield f".SS {escaped(section)}"
        for noun in tree.children:
            if noun.section == section:
                yield from (
                    ".TP",
                    rf".BR {literal('-'.join(('bkendctl', *noun.path)))} (1)",
                    _prose(noun.summary),
                )
                verbs = ", ".join(rf"\fB{literal(verb.path[-1])}\fR" for verb in noun.children)
                if verbs:
                    yield from (".br", verbs)


def _synopsis(verb: Node) -> str:
    parts = [rf"\fB{literal(verb.name)}\fR"]
    optional = any(not option.required for option in verb.options)
    parts += [rf"{_names(option)}" for option in verb.options if option.required]
    parts += [r"[\fIOPTION\fR ...]"] if optional else []
    for argument in verb.arguments:
        name = _value(argument)
        parts.append(name if argument.required else f"[{name}]")
    return " ".join(parts)


def _verb(verb: Node) -> Iterator[str]:
    if len(verb.path) > 1:
        yield from (_synopsis(verb), ".PP")
    yield from _paragraphs(verb.text)
    yield from _parameters((*verb.arguments, *verb.options))
    if verb.examples:
        yield from (".PP", "Example:", *_example(verb.examples))


def _paragraphs(text: Iterable[str]) -> Iterator[str]:
    for place, paragraph in enumerate(text):
        if place:
            yield ".PP"
        yield _prose(paragraph)


def _parameters(parameters: Iterable[Parameter]) -> Iterator[str]:
    for each in parameters:
        notes = ["May be repeated."] if each.repeated else []
        if each.default:
            notes.append(f"Default: {each.default}.")
        yield from (".TP", _names(each) if each.names else _value(each))
        yield " ".join([_prose(each.help), *map(_prose, notes)])


def _names(option: Parameter) -> str:
    names = ", ".join(rf"\fB{literal(name)}\fR" for name in (*option.names, *option.negative))
    return f"{names} {_value(option)}" if option.metavar else names


def _value(parameter: Parameter) -> str:
    if parameter.choices:
        return r"|\:".join(rf"\fB{literal(choice)}\fR" for choice in parameter.choices)
    return rf"\fI{literal(parameter.metavar or '')}\fR"


def _definitions(rows: Mapping[str, str] | Iterable[tuple[str, str]]) -> Iterator[str]:
    for term, meaning in rows.items() if isinstance(rows, Mapping) else rows:
        sentence = meaning[:1].upper() + meaning[1:] + "."
        yield from (".TP", rf"\fB{literal(term)}\fR", _prose(sentence))


def _example(commands: Iterable[str]) -> Iterator[str]:
    yield from (".PP", ".RS 4", ".nf", *map(literal, commands), ".fi", ".RE")


def _main_examples() -> Iterator[str]:
    for place, (title, commands) in enumerate(_EXAMPLES):
        yield from ([".PP"] if place else [])
        yield from (escaped(title), *_example(commands))
