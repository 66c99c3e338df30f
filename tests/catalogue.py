"""Every operation that the contract declares, for tests that hold for all of them."""

from __future__ import annotations

from typing import Any

from bkendctl.contract.catalogue import operations
from bkendctl.contract.operation import Operation

OPERATIONS = operations()


def name_of(operation: Operation[Any, Any]) -> str:
    """What pytest calls a case about an operation."""
    return operation.name
