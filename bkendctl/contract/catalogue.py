"""Every operation there is, and finding one by method and path."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any
from urllib.parse import unquote

from bkendctl import contract
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Operation

_HERE = "/"
_ANY = "{}"


@cache
def operations() -> tuple[Operation[Any, Any], ...]:
    """All operations of all nouns, by path and method."""
    nouns = [import_module(f"{contract.__name__}.{found.name}") for found in iter_modules(contract.__path__)]
    found = [value for noun in nouns for value in vars(noun).values() if isinstance(value, Operation)]
    return tuple(sorted(found, key=lambda operation: (operation.path, operation.method)))


def at(path: str) -> dict[str, tuple[Operation[Any, Any], dict[str, str]]]:
    """What a path takes: by method, the operation and the values of its path. Empty where nothing is.

    path is percent-encoded; each segment is decoded by itself, so that %2F is no slash. A segment that is not
    UTF-8 keeps its bytes as surrogates, which no field accepts.
    """
    found: dict[str, tuple[Operation[Any, Any], dict[str, str]]] = {}
    segments = path.split("/")[1:]
    for operation in _walk(_tree(), segments, 0):
        template = operation.path.split("/")[1:]
        values = {
            name[1:-1]: unquote(segment, errors="surrogateescape")
            for name, segment in zip(template, segments, strict=True)
            if name.startswith("{")
        }
        found.setdefault(operation.method, (operation, values))
    return found


def find(method: str, path: str) -> tuple[Operation[Any, Any], dict[str, str]]:
    """The operation a request line means, and the values of its path; fixed paths go before patterns.

    Failures: common/not-found, common/method-not-allowed.
    """
    found = at(path)
    if method in found:
        return found[method]
    if found:
        allowed = ", ".join(sorted(found))
        raise Failure("common/method-not-allowed", f"{path} takes {allowed}, not {method}.", hint="")
    raise Failure("common/not-found", f"There is no path {path}.", hint="bkendctl api ls")


@cache
def _tree() -> dict[str, Any]:
    """All paths as nested dictionaries by segment; _ANY stands for a placeholder, _HERE holds operations."""
    tree: dict[str, Any] = {}
    for operation in operations():
        node = tree
        for segment in operation.path.split("/")[1:]:
            node = node.setdefault(_ANY if segment.startswith("{") else segment, {})
        node.setdefault(_HERE, []).append(operation)
    return tree


def _walk(node: dict[str, Any], segments: list[str], depth: int) -> Iterator[Operation[Any, Any]]:
    if depth == len(segments):
        yield from node.get(_HERE, ())
        return
    segment = segments[depth]
    if segment in node and segment not in (_ANY, _HERE):
        yield from _walk(node[segment], segments, depth + 1)
    if segment and _ANY in node:
        yield from _walk(node[_ANY], segments, depth + 1)
