"""A table's definition as bkend keeps it: permissions, expressions, columns, row filters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

OPERATIONS = ("create", "read", "update", "delete", "list")
GROUPS = ("admin", "user", "guest", "self")
ALWAYS_READABLE = frozenset({"id", "createdBy", "createdAt", "updatedAt"})
OWNER = "createdBy"
KEYS = ("name", "permissions", "expressionPermissions", "columnPermissions", "rowFilters", "columns")

DEFAULTS: Mapping[str, frozenset[str]] = {
    "admin": frozenset(OPERATIONS),
    "user": frozenset({"create", "read", "list"}),
    "guest": frozenset({"read", "list"}),
    "self": frozenset(),
}
"""What a table allows that sets nothing."""


class Table(NamedTuple):
    """A definition; what is left out is empty. permissions: None where the table sets none."""

    name: str
    permissions: Mapping[str, Mapping[str, bool]] | None = None
    expressions: Mapping[str, str] = {}
    columns: Mapping[str, Mapping[str, str]] = {}
    row_filters: tuple[Mapping[str, Any], ...] = ()

    def is_closed(self, operation: str) -> bool:
        """Whether it is a system table that nobody opened for that: the defaults are not for those."""
        is_set = self.permissions is not None or self.expression_of(operation) is not None
        return self.name.startswith("_") and not is_set

    def allows(self, group: str, operation: str) -> bool:
        """The boolean form: what a group may do; list left out is read."""
        if self.permissions is None:
            return operation in DEFAULTS[group]
        rules = self.permissions.get(group, {})
        if operation == "list" and "list" not in rules:
            operation = "read"
        # An admin's are not looked at: always allowed.
        return bool(rules.get(operation, False))

    def expression_of(self, operation: str) -> tuple[str, str] | None:
        """The expression of an operation with its path, None where the boolean form decides."""
        for name in (operation, "read") if operation == "list" else (operation,):
            if name in self.expressions:
                return self.expressions[name], f"expressionPermissions.{name}"
        return None


def table_of(name: str, definition: Mapping[str, Any]) -> Table:
    """Take a definition as it is; lint says what is wrong with one."""
    return Table(
        name=str(definition.get("name") or name),
        permissions=definition.get("permissions") or None,
        expressions=definition.get("expressionPermissions") or {},
        columns=definition.get("columnPermissions") or {},
        row_filters=tuple(definition.get("rowFilters") or ()),
    )
