"""The manual pages: complete, and roff that readers of it take without complaint."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from bkendctl.cli.manual import escaped, literal, pages
from bkendctl.cli.topics import EXIT_STATUSES, FILES, VARIABLES
from bkendctl.cli.tree import Node, command_tree

PAGES = pages()
TREE = command_tree()


def plain(page: str) -> str:
    """A page without fonts and escapes, as a person reads it."""
    text = re.sub(r"\\f[BIR]|\\:", "", PAGES[page])
    return text.replace(r"\-", "-").replace(r"\(aq", "'").replace(r"\(dq", '"').replace(r"\(ti", "~")


@pytest.mark.parametrize("node", [node for node in TREE.walk() if node.path], ids=lambda node: node.name)
def test_every_command_and_option_is_in_the_page_of_its_noun(node: Node) -> None:
    """Whole command, each name of each option, each argument, every example."""
    page = plain(f"bkendctl-{node.path[0]}.1")
    for word in (node.name, *node.examples):
        assert word.replace("…", r"\[u2026]") in page
    for option in node.options:
        for name in (*option.names, *option.negative):
            assert re.search(rf"^.*{re.escape(name)}(,| |$)", page, re.MULTILINE)
    for argument in node.arguments:
        assert f"\n.TP\n{'|'.join(argument.choices) or argument.metavar}\n" in page


def test_the_main_page_lists_nouns_options_statuses_variables_and_files() -> None:
    """bkendctl(1) is the way to everything else."""
    page = plain("bkendctl.1")
    for noun in TREE.children:
        assert f".BR bkendctl-{noun.path[0]} (1)" in page
    for option in TREE.options:
        assert all(name in page for name in option.names)
    for term in (*map(str, EXIT_STATUSES), *VARIABLES, *FILES):
        assert f"\n.TP\n{term}\n" in page
    sections = re.findall(r"^\.SH (.+)$", page, re.MULTILINE)
    wanted = (
        "NAME SYNOPSIS DESCRIPTION COMMANDS GLOBAL_OPTIONS EXIT_STATUS ENVIRONMENT FILES EXAMPLES SEE_ALSO"
    )
    assert [section.replace(" ", "_") for section in sections] == wanted.split()


@pytest.mark.parametrize(
    ("text", "roff"),
    [
        (".TH x", r"\&.TH x"),
        ("'br", r"\(aqbr"),
        (r"a\nb", r"a\enb"),
        ("a-b", "a-b"),
        ('"~^`', r"\(dq\(ti\(ha\(ga"),
        ("…", r"\[u2026]"),
    ],
)
def test_text_cannot_command_the_formatter(text: str, roff: str) -> None:
    """Requests at the start of a line, backslashes, quotes and letters beyond ASCII print as themselves."""
    assert escaped(text) == roff


def test_a_hyphen_of_what_is_typed_stays_one() -> None:
    """An option is copied from the page as it is typed."""
    assert literal("--no-input") == r"\-\-no\-input"


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed")
@pytest.mark.parametrize("page", PAGES)
def test_mandoc_finds_nothing_to_complain_of(page: str) -> None:
    """No error, no warning, no matter of style."""
    said = subprocess.run(
        ["mandoc", "-Tlint"], input=PAGES[page], capture_output=True, text=True, check=False
    )
    assert said.stdout + said.stderr == ""


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_groff_formats_every_page_without_a_warning() -> None:
    """With all warnings on, and at 80 columns."""
    everything = "".join(PAGES.values())
    said = subprocess.run(
        ["groff", "-man", "-ww", "-Tutf8"], input=everything, capture_output=True, text=True, check=True
    )
    assert said.stderr == ""
