"""Completion scripts, written from the command tree; one module per shell.

All is static but the values of this machine (profiles, users …): for those a script asks
`bkendctl completion values`, which answers from files alone.
"""

from __future__ import annotations

from importlib import import_module

from bkendctl.cli.tree import Node, Parameter

FILES = {
    "bash": "bkendctl.bash",
    "zsh": "_bkendctl",
    "fish": "bkendctl.fish",
    "powershell": "bkendctl.ps1",
}
"""What the script of each shell is called in completions/."""

MARK = "Completion of bkendctl's command line; written by bkendctl, changes are overwritten."
"""In the head of each script: a file with it is ours to replace."""


def script(shell: str, tree: Node) -> str:
    """Write the script of a shell in FILES."""
    module = import_module(f"{__name__}.{shell}")
    return str(module.script(tree))


def offer(parameter: Parameter) -> str:
    """Say what may stand there: words, @files, @ and a kind that `completion values` knows, or @ alone."""
    if parameter.choices:
        return " ".join(parameter.choices)
    if parameter.metavar == "PATH":
        return " ".join(_paths())
    return "@files" if parameter.is_file else f"@{parameter.remembered}"


def _paths() -> list[str]:
    """Paths of the API, each up to its first placeholder: the rest is an id to be typed."""
    from bkendctl.contract.catalogue import operations

    return sorted({operation.path.partition("{")[0] for operation in operations()})


def values(tree: Node) -> dict[str, str]:
    """What follows each option that takes a value: "users list --role"; a global one has no path."""
    return {
        " ".join((*node.path, name)): offer(option)
        for node in tree.walk()
        for option in node.options
        if option.metavar
        for name in option.names
    }


def filled(template: str, **parts: str) -> str:
    """Put parts in place of @@NAME@@; braces and dollars belong to the shells."""
    for name, text in {"mark": MARK, **parts}.items():
        template = template.replace(f"@@{name.upper()}@@", text)
    return template
