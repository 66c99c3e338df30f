"""Every operation that the contract declares, for tests that hold for all of them."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from bkendctl import contract
from bkendctl.contract.operation import Operation


def declared(module: ModuleType) -> list[Operation[Any, Any]]:
    """The operations that a module declares, in its order."""
    return [value for value in vars(module).values() if isinstance(value, Operation)]


NOUNS = [import_module(f"{contract.__name__}.{found.name}") for found in iter_modules(contract.__path__)]
OPERATIONS = [operation for noun in NOUNS for operation in declared(noun)]


def name_of(operation: Operation[Any, Any]) -> str:
    """What pytest calls a case about an operation."""
    return operation.name
