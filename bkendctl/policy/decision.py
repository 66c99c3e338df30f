"""Whether a caller may do an operation on a table, and which rule says so, in bkend's order of checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from bkendctl.policy.expression import Caller, parse
from bkendctl.policy.table import ALWAYS_READABLE, OWNER, Table

NO_ROWS: Mapping[str, Any] = {"or": []}
"""A filter that no row passes."""
SCOPE, SYSTEM, DENIED = "data/scope-insufficient", "data/system-table-access", "data/permission-denied"


class Decision(NamedTuple):
    """allowed: with the rule that decided, code: why not, as the API would answer it.

    filter: what a list is narrowed to, None for all rows. hidden: columns left out of the answer.
    """

    allowed: bool
    rule: str
    code: str | None = None
    filter: Mapping[str, Any] | None = None
    hidden: tuple[str, ...] = ()


def decide(
    table: Table,
    operation: str,
    caller: Caller,
    *,
    row: Mapping[str, Any] | None = None,
    scopes: Iterable[str] = (),
    written: Iterable[str] = (),
) -> Decision:
    """Decide, in the order key scope, admin, system table, group, self.

    row: the row at hand, whose createdBy says whose it is. scopes: of the key, none for an unscoped one.
    written: columns that a create or an update sets. Raises Misspelt for an expression that cannot be read.
    """
    scopes = tuple(scopes)
    if scopes and not _in_scope(table.name, operation, scopes):
        return Decision(False, f"key scope: {table.name}:{operation} is not among {', '.join(scopes)}", SCOPE)
    if caller.is_admin:
        return Decision(True, "admin: always allowed")
    if table.is_closed(operation):
        return Decision(False, f"system table without permissions: {table.name}", SYSTEM)
    owns = _owns(operation, caller, row or {})
    rule = _rule(table, operation, caller, owns=owns)
    only_own = rule is None and operation == "list" and caller.id is not None
    if only_own:
        rule = _rule(table, operation, caller, owns=True)
    if rule is None:
        return Decision(False, _denied_by(table, operation, caller), DENIED)
    forbidden = [column for column in written if not _may(table, column, "write", caller, owns=owns)]
    if forbidden and operation in ("create", "update"):
        return Decision(False, f"columnPermissions.{forbidden[0]}.write", DENIED)
    own = {OWNER: caller.id} if only_own else None
    narrowed = _both(own, _row_filter(table, operation, caller))
    return Decision(True, rule, filter=narrowed, hidden=_hidden(table, caller, owns=owns or only_own))


def _in_scope(table: str, operation: str, scopes: tuple[str, ...]) -> bool:
    parts = (scope.partition(":") for scope in scopes)
    return any(name in ("*", table) and verb in ("*", operation) for name, _, verb in parts)


def _owns(operation: str, caller: Caller, row: Mapping[str, Any]) -> bool:
    """Whose the row is. What is made is its maker's; of a list nothing is known beforehand."""
    if caller.id is None or operation == "list":
        return False
    return operation == "create" or row.get(OWNER) == caller.id


def _rule(table: Table, operation: str, caller: Caller, *, owns: bool) -> str | None:
    """The rule that lets a caller in."""
    found = table.expression_of(operation)
    if found is not None:
        text, path = found
        reason = parse(text).reason(caller, owns=owns)
        return None if reason is None else f"{path}: {reason}"
    for group in (caller.group, "self") if owns else (caller.group,):
        if table.allows(group, operation):
            return _place(table, group, operation)
    return None


def _place(table: Table, group: str, operation: str) -> str:
    if table.permissions is None:
        return f"default: {group}.{operation}"
    inherits = operation == "list" and "list" not in table.permissions.get(group, {})
    return f"permissions.{group}.{'read' if inherits else operation}"


def _denied_by(table: Table, operation: str, caller: Caller) -> str:
    found = table.expression_of(operation)
    if found is not None:
        return f"{found[1]}: {found[0]}"
    places = [_place(table, caller.group, operation)]
    if table.allows("self", operation):
        places.append(f"{_place(table, 'self', operation)} (the row is another's)")
    return " and ".join(places)


def _may(table: Table, column: str, verb: str, caller: Caller, *, owns: bool) -> bool:
    if caller.is_admin or (verb == "read" and column in ALWAYS_READABLE):
        return True
    text = table.columns.get(column, {}).get(verb)
    return text is None or parse(text).holds(caller, owns=owns)


def _hidden(table: Table, caller: Caller, *, owns: bool) -> tuple[str, ...]:
    return tuple(column for column in table.columns if not _may(table, column, "read", caller, owns=owns))


def _row_filter(table: Table, operation: str, caller: Caller) -> Mapping[str, Any] | None:
    """What row filters narrow a list to: every entry that fits the caller, joined by or.

    An entry for oneself is narrowed to own rows. For a guest $userId is nobody, so that such an entry has no
    rows, and where there is no other the list is empty.
    """
    if operation != "list":
        return None
    fitting = [found for entry in table.row_filters if (found := _entry(entry, caller)) is not None]
    if not fitting or {} in fitting:
        return None
    with_rows = [found for found in fitting if found != NO_ROWS]
    return with_rows[0] if len(with_rows) == 1 else {"or": with_rows}


def _entry(entry: Mapping[str, Any], caller: Caller) -> Mapping[str, Any] | None:
    """What one entry lets through; None where it is not for this caller."""
    expression = parse(str(entry.get("expression", "")))
    narrowed: Mapping[str, Any] = entry.get("filter") or {}
    if caller.id is None and _names_caller(narrowed):
        return NO_ROWS if expression.holds(caller, owns=False) else None
    narrowed = _with_id(narrowed, caller)
    if expression.holds(caller, owns=False):
        return narrowed
    if caller.id is not None and expression.holds(caller, owns=True):
        return _both({OWNER: caller.id}, narrowed or None)
    return None


def _names_caller(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_names_caller(inner) for inner in value.values())
    if isinstance(value, list):
        return any(_names_caller(inner) for inner in value)
    return bool(value == "$userId")


def _with_id(value: Any, caller: Caller) -> Any:
    """Put the caller's id where $userId stands."""
    if isinstance(value, Mapping):
        return {name: _with_id(inner, caller) for name, inner in value.items()}
    if isinstance(value, list):
        return [_with_id(inner, caller) for inner in value]
    return caller.id if value == "$userId" else value


def _both(first: Mapping[str, Any] | None, second: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if first is None or second is None:
        return first or second
    return {"and": [first, second]}
