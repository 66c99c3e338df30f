"""The package's own source, parsed once, for the laws that are checked on it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import bkendctl

PACKAGE = Path(bkendctl.__file__).parent
TESTS = Path(__file__).parents[1]


class Module(NamedTuple):
    """One file. name: dotted, as imported; room: the package under bkendctl it lies in, empty at the top."""

    file: Path
    name: str
    room: str
    tree: ast.Module

    def __str__(self) -> str:
        return self.name


class Import(NamedTuple):
    """One import. name: the module, or module and name where a module is imported from its package;
    inside: within a function, so that it costs nothing at start."""

    name: str
    inside: bool
    line: int


def modules(root: Path = PACKAGE) -> list[Module]:
    """Every module below a folder."""
    found = []
    for file in sorted(root.rglob("*.py")):
        parts = file.relative_to(root.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        room = parts[1] if len(parts) > 2 else ""
        found.append(Module(file, name, room, ast.parse(file.read_text())))
    return found


def imports_of(node: ast.AST, *, inside: bool = False) -> Iterator[Import]:
    """Every import below a node that is carried out; those for type checkers alone are not."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, inside, child.lineno) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            base = "." * child.level + (child.module or "")
            yield from (Import(f"{base}.{alias.name}", inside, child.lineno) for alias in child.names)
        elif isinstance(child, ast.If) and _is_type_checking(child.test):
            yield from imports_of(ast.Module(body=child.orelse, type_ignores=[]), inside=inside)
        else:
            in_function = inside or isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            yield from imports_of(child, inside=in_function)


def _is_type_checking(test: ast.expr) -> bool:
    return ast.unparse(test).rpartition(".")[2] == "TYPE_CHECKING"


MODULES = modules()
