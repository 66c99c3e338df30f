"""What is wrong or doubtful in a table's definition, and what would be right."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Literal, NamedTuple

from bkendctl.policy.expression import Expression, Misspelt, parse
from bkendctl.policy.table import ALWAYS_READABLE, GROUPS, KEYS, OPERATIONS


class Finding(NamedTuple):
    """path: dotted, within the table. mend: what would be right."""

    path: str
    severity: Literal["error", "warning"]
    message: str
    mend: str = ""


def lint(name: str, definition: Any) -> list[Finding]:
    """Every finding of a table, in the order of its keys."""
    if not isinstance(definition, Mapping):
        return [Finding("", "error", "a table is a mapping", "permissions: {user: {read: true}}")]
    return [
        *_unknown("", definition, KEYS),
        *_booleans(definition),
        *_expressions(definition),
        *_columns(definition.get("columnPermissions")),
        *_row_filters(definition.get("rowFilters")),
        *_whole(name, definition),
    ]


def _unknown(path: str, given: Mapping[Any, Any], known: tuple[str, ...]) -> Iterator[Finding]:
    for key in given:
        if key not in known:
            near = get_close_matches(str(key), known, n=1)
            mend = f"{near[0]}" if near else f"one of {', '.join(known)}"
            yield Finding(_join(path, key), "error", f"'{key}' is not known here", mend)


def _booleans(definition: Mapping[str, Any]) -> Iterator[Finding]:
    permissions = definition.get("permissions")
    if permissions is None:
        return
    if not isinstance(permissions, Mapping):
        yield Finding("permissions", "error", "is no mapping", "{user: {read: true}}")
        return
    yield from _unknown("permissions", permissions, GROUPS)
    for group, rules in permissions.items():
        path = f"permissions.{group}"
        if not isinstance(rules, Mapping):
            yield Finding(path, "error", "is no mapping", "{read: true}")
            continue
        yield from _unknown(path, rules, OPERATIONS)
        for operation, allowed in rules.items():
            if not isinstance(allowed, bool):
                yield Finding(f"{path}.{operation}", "error", "is neither true nor false", "true or false")
        if group == "guest":
            for operation in ("create", "update", "delete"):
                if rules.get(operation) is True:
                    message = f"anybody may {operation} rows without signing in"
                    yield Finding(f"{path}.{operation}", "warning", message, "false")
        if rules.get("list") is True and rules.get("read") is False:
            yield Finding(f"{path}.list", "warning", "lists what may not be read one by one", "list: false")
    yield from _contradictions(definition, permissions)


def _contradictions(definition: Mapping[str, Any], permissions: Mapping[str, Any]) -> Iterator[Finding]:
    """Rules that never decide anything."""
    own, everybody = (_mapping(permissions.get(group)) for group in ("self", "user"))
    for operation in OPERATIONS:
        if own.get(operation) is True and everybody.get(operation) is True:
            message = "never decides: every signed-in user may do this with all rows"
            yield Finding(f"permissions.self.{operation}", "warning", message, f"user.{operation}: false")
    if "admin" in permissions and False in _mapping(permissions["admin"]).values():
        yield Finding(
            "permissions.admin", "warning", "never decides: an admin is always allowed", "leave it out"
        )
    for operation in _mapping(definition.get("expressionPermissions")):
        for group in GROUPS:
            if operation in _mapping(permissions.get(group)):
                message = f"never decides: expressionPermissions.{operation} wins"
                yield Finding(f"permissions.{group}.{operation}", "warning", message, "leave one of them out")


def _expressions(definition: Mapping[str, Any]) -> Iterator[Finding]:
    expressions = definition.get("expressionPermissions")
    if expressions is None:
        return
    if not isinstance(expressions, Mapping):
        yield Finding("expressionPermissions", "error", "is no mapping", "{read: guest}")
        return
    yield from _unknown("expressionPermissions", expressions, OPERATIONS)
    for operation, text in expressions.items():
        path = f"expressionPermissions.{operation}"
        found = yield from _parsed(path, text)
        if found is None:
            continue
        is_open = any(set(conditions) <= {"guest", "public"} for conditions in found.alternatives)
        if is_open and operation in ("create", "update", "delete"):
            yield Finding(path, "warning", f"anybody may {operation} rows without signing in", "user")
        elif is_open and len(found.alternatives) > 1:
            yield Finding(path, "warning", "the other alternatives never decide: guest is everyone", "guest")


def _parsed(path: str, text: Any) -> Generator[Finding, None, Expression | None]:
    """The expression, None where it cannot be read and that is found."""
    if not isinstance(text, str):
        yield Finding(path, "error", "is no text", "such as: user & self")
        return None
    try:
        return parse(text)
    except Misspelt as fault:
        yield Finding(path, "error", str(fault), "such as: user & self | role:editor")
        return None


def _columns(columns: Any) -> Iterator[Finding]:
    if columns is None:
        return
    if not isinstance(columns, Mapping):
        yield Finding("columnPermissions", "error", "is no mapping", "{salary: {read: admin}}")
        return
    for column, rules in columns.items():
        path = f"columnPermissions.{column}"
        if not isinstance(rules, Mapping):
            yield Finding(path, "error", "is no mapping", "{read: admin, write: admin}")
            continue
        yield from _unknown(path, rules, ("read", "write"))
        for verb, text in rules.items():
            yield from _parsed(f"{path}.{verb}", text)
        if "read" in rules and column in ALWAYS_READABLE:
            yield Finding(f"{path}.read", "warning", "never decides: it is always readable", "leave it out")


def _row_filters(filters: Any) -> Iterator[Finding]:
    if filters is None:
        return
    if not isinstance(filters, list):
        yield Finding("rowFilters", "error", "is no list", "[{expression: user, filter: {teamId: 7}}]")
        return
    for place, entry in enumerate(filters):
        path = f"rowFilters.{place}"
        if not isinstance(entry, Mapping):
            yield Finding(path, "error", "is no mapping", "{expression: user, filter: {}}")
            continue
        yield from _unknown(path, entry, ("expression", "filter"))
        yield from _parsed(f"{path}.expression", entry.get("expression"))
        if not entry.get("filter"):
            yield Finding(
                f"{path}.filter", "warning", "matches all rows, whatever the others say", "a filter"
            )
        for value in _values(entry.get("filter")):
            if isinstance(value, str) and value.startswith("$") and value != "$userId":
                yield Finding(f"{path}.filter", "error", f"'{value}' stands for nothing", "$userId")


def _whole(name: str, definition: Mapping[str, Any]) -> Iterator[Finding]:
    is_set = definition.get("permissions") or definition.get("expressionPermissions")
    if not is_set and name.startswith("_"):
        yield Finding("", "warning", "a system table without permissions: admins alone", "set permissions")
    elif not is_set:
        message = "sets nothing, so every user may create and everybody may read"
        yield Finding("", "warning", message, "set permissions")


def _mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}


def _values(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _values(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _values(inner)
    else:
        yield value


def _join(path: str, key: Any) -> str:
    return f"{path}.{key}" if path else str(key)
