"""What help, README and topics tell people to type is understood by the command tree."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from bkendctl.cli.app import root
from bkendctl.cli.topics import TOPICS
from bkendctl.cli.tree import Node, command_tree
from bkendctl.contract.errors import ERRORS

ROOT = Path(__file__).parents[2]
TREE = command_tree()
LEAVES = [node for node in TREE.walk() if not node.children]


def commands(line: str) -> Iterator[list[str]]:
    """The arguments of each bkendctl in a shell line, also those in $(…) and pipes."""
    for inner in re.findall(r"\$\((bkendctl [^()]*)\)", line):
        yield from commands(inner)
    reader = shlex.shlex(re.sub(r"\$\([^()]*\)", "VALUE", line), posix=True, punctuation_chars="|<>;&")
    reader.whitespace_split = True
    words = list(reader)
    while "bkendctl" in words:
        words = words[words.index("bkendctl") + 1 :]
        end = next((place for place, word in enumerate(words) if set(word) <= set("|<>;&")), len(words))
        yield words[:end]


def parse(arguments: list[str]) -> bool:
    """Parse without running, down to a verb; raises a usage error for what does not exist."""
    top = root()
    context = top.make_context("bkendctl", list(arguments))
    name, command, rest = top.resolve_command(context, [*context._protected_args, *context.args])
    while True:
        context = command.make_context(name, list(rest), parent=context)
        if not hasattr(command, "commands"):
            return True
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])


def test_the_reader_of_examples_sees_what_is_wrong() -> None:
    """A command, an option or an argument that does not exist is not let through."""
    for wrong in ("users lst", "users list --rol admin", "sessions revoke", "nothing", "whoami now"):
        with pytest.raises(Exception, match=r"No such|Missing|unexpected|There is no command"):
            parse(wrong.split())
    assert list(commands('printf %s "$KEY" | bkendctl keys verify')) == [["keys", "verify"]]
    assert list(commands('curl "$(bkendctl token print)" | x')) == [["token", "print"]]


@pytest.mark.parametrize("node", LEAVES, ids=lambda node: node.name)
def test_every_command_has_a_summary_and_an_example_that_parses(node: Node) -> None:
    """The example is of the command itself, or shows it within another."""
    assert node.summary.endswith(".")
    assert node.examples
    for example in node.examples:
        assert any(tuple(typed[: len(node.path)]) == node.path for typed in commands(example))
        for typed in commands(example):
            assert parse(typed)


@pytest.mark.parametrize("topic", TOPICS)
def test_what_a_topic_tells_to_type_parses(topic: str) -> None:
    """Lines that begin with bkendctl, EMAIL and the like standing for a value."""
    for line in TOPICS[topic].text().splitlines():
        if line.strip().startswith("bkendctl "):
            for typed in commands(line):
                assert parse(typed)


def test_what_the_readme_tells_to_type_parses() -> None:
    """Every line of its blocks of code that runs bkendctl."""
    blocks = re.findall(r"^```\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    typed = [
        each for line in lines if "bkendctl " in line and ": bkendctl" not in line for each in commands(line)
    ]
    assert len(typed) > 20
    for each in typed:
        parse(each)


def test_hints_of_errors_name_commands_that_exist() -> None:
    """What an error tells to type next is a command."""
    for entry in ERRORS.values():
        found = re.search(r"bkendctl .*", entry.hint)
        for typed in commands(found[0]) if found else ():
            if "--help" not in typed:
                assert parse(typed)
