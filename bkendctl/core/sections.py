"""Sections of an environment's settings: a change is merged into what is stored, judged as a whole, kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, Struct
from sqlalchemy import bindparam, select

from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import NOTHING_NAMED
from bkendctl.core import schema
from bkendctl.core.call import Call
from bkendctl.core.clock import wire

_table = schema.settings
_BY_NAME = select(_table.c.stored, _table.c.updated_at).where(
    _table.c.environment_id == bindparam("environment"), _table.c.section == bindparam("section")
)

Values = dict[str, Any]
"""A section or a part of it, by its names on the wire."""


class Section(NamedTuple):
    """name: as it is stored. kind: what the audit calls it. shown: the section as it counts now.

    faults: what its values contradict, by dotted path.
    """

    name: str
    kind: str
    shown: Callable[[Call], Struct]
    faults: Callable[[Any], dict[str, list[str]]]


class Changed(NamedTuple):
    """The values that were named, as they were and as they are."""

    before: Values
    after: Values


def change(call: Call, section: Section, changes: Values) -> Changed:
    """Merge a change into a section and keep it. common/invalid-parameters for values that contradict."""
    call.renew()  # what was read ahead of the transaction may have changed
    before = msgspec.to_builtins(section.shown(call))
    row = row_of(call, section.name)
    keep(call, section.name, merged(row.stored if row is not None else {}, changes))
    call.renew()
    shown = section.shown(call)
    faults = section.faults(shown)
    if faults:
        raise Failure("common/invalid-parameters", details=faults)
    return Changed(_named(before, changes), _named(msgspec.to_builtins(shown), changes))


def change_and_tell(call: Call, section: Section, request: Struct) -> None:
    """Do what a request asks of a section, and let the audit have the values before and after."""
    changes = msgspec.to_builtins(request)
    if not changes:
        raise Failure("common/invalid-parameters", details={"": [NOTHING_NAMED]})
    changed = change(call, section, changes)
    call.about(section.kind, section.name, before=changed.before, after=changed.after)


def row_of(call: Call, name: str) -> Any:
    """What is stored of a section, and when it was changed; None where nothing was."""
    return call.tx.first(_BY_NAME, environment=call.environment_id, section=name)


def keep(call: Call, name: str, values: Values) -> None:
    """Store a section in place of what it was."""
    identity = {"environment_id": call.environment_id, "section": name}
    rest = {"stored": values, "updated_at": call.now}
    if not call.tx.update(_table, rest, **identity):
        call.tx.insert(_table, identity | rest)


def merged(stored: Mapping[str, Any], changes: Mapping[str, Any]) -> Values:
    """What is stored with a change in it: objects are merged, all else is replaced."""
    result = dict(stored)
    for name, value in changes.items():
        below = result.get(name)
        if isinstance(value, Mapping):
            value = merged(below if isinstance(below, Mapping) else {}, value)
        result[name] = value
    return result


def updated_at(call: Call, name: str) -> str:
    """When a section was changed last; the beginning of the environment where it never was."""
    row = row_of(call, name)
    return str(wire(call.env.created_at if row is None else row.updated_at))


def _named(values: Values, changes: Values) -> Values:
    return {
        name: _named(values[name], value) if isinstance(value, dict) else values[name]
        for name, value in changes.items()
        if value is not UNSET
    }
