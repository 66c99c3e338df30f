"""Every operation there is, and finding one by method and path."""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from bkendctl import contract
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Operation


@cache
def operations() -> tuple[Operation[Any, Any], ...]:
    """All operations of all nouns, by path and method."""
    nouns = [import_module(f"{contract.__name__}.{found.name}") for found in iter_modules(contract.__path__)]
    found = [value for noun in nouns for value in vars(noun).values() if isinstance(value, Operation)]
    return tuple(sorted(found, key=lambda operation: (operation.path, operation.method)))


def find(method: str, path: str) -> tuple[Operation[Any, Any], dict[str, str]]:
    """The operation a request line means, and the values of its path; fixed paths go before patterns.

    Failures: common/not-found, common/method-not-allowed.
    """
    other_methods = set()
    for operation in sorted(operations(), key=lambda operation: "{" in operation.path):
        values = _match(operation.path, path)
        if values is None:
            continue
        if operation.method == method:
            return operation, values
        other_methods.add(operation.method)
    if other_methods:
        allowed = ", ".join(sorted(other_methods))
        raise Failure("common/method-not-allowed", f"{path} takes {allowed}, not {method}.", hint="")
    raise Failure("common/not-found", f"There is no path {path}.", hint="bkendctl api ls")


def _match(template: str, path: str) -> dict[str, str] | None:
    from urllib.parse import unquote

    pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(template))
    hit = re.fullmatch(pattern, path)
    return {name: unquote(value) for name, value in hit.groupdict().items()} if hit else None
