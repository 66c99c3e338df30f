"""Turns a raw request into its Struct, listing every fault by field. The one place where input is judged.

Each field is converted by itself, by judging.py, which finds all that is wrong within it.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, ValidationError
from msgspec.structs import FieldInfo

from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import NOTHING_NAMED, Operation, Raw, placement
from bkendctl.contract.shapes import alternatives
from bkendctl.core import judging
from bkendctl.core.judging import REQUIRED

Faults = dict[str, list[str]]

# x-validation, own-codes: answered when the field is present and the only one at fault, where the
# operation declares the code.
OWN_CODES = {
    "email": "auth/invalid-email",
    "password": "auth/invalid-password-format",
    "newPassword": "auth/invalid-password-format",
    "name": "user/invalid-name",
    "nickname": "user/invalid-nickname",
    "role": "user/invalid-role",
    "provider": "auth/unsupported-provider",
}
_INTEGER = re.compile(r"-?[0-9]{1,19}")


def decode(operation: Operation[Any, Any], raw: Raw) -> Any:
    """Give the request of an operation. Failures: common/invalid-parameters or a field's own code."""
    if raw.fault is not None:
        raise raw.fault
    places = placement(operation)
    if not isinstance(raw.body, (dict, UnsetType)) and "body" in places.values():
        raise Failure("common/invalid-parameters", details={"": ["the body must be a JSON object"]})
    sources = {"path": raw.path, "query": raw.query, "body": raw.body or {}, "file": {}}
    faults: Faults = {}
    values: dict[str, Any] = {}
    uncoded: set[str] = set()
    kind: type[Struct] = operation.request
    for slot in _slots_of(kind):
        field = slot.field
        place = places[field.encode_name]
        if place == "file" and raw.file is not UNSET:
            values[field.name] = raw.file
            continue
        header = place.removeprefix("header:")
        value = (
            raw.headers.get(header, UNSET)
            if header != place
            else sources[place].get(field.encode_name, UNSET)
        )
        if value is UNSET:
            uncoded.add(field.encode_name)
        try:
            values[field.name] = _converted(slot, value, from_text=place != "body")
        except _Refused as refused:
            faults |= refused.faults
            if not refused.is_coded:
                uncoded.add(field.encode_name)
    for name, is_needed in operation.request.by_choice(values).items():
        if not is_needed:
            faults = {where: why for where, why in faults.items() if where.partition(".")[0] != name}
        elif name in uncoded and name not in faults:
            faults[name] = [REQUIRED]
    if faults:
        raise _refusal(operation, faults, uncoded)
    return operation.request(**values)


def decode_alone(kind: type[Struct], given: Any) -> Any:
    """Give one item of a list whose items are judged each by itself (each: alone).

    Failures: common/invalid-parameters, or the code of the one field at fault.
    """
    if not isinstance(given, dict):
        raise Failure("common/invalid-parameters", details={"": ["must be a JSON object"]})
    faults: Faults = {}
    values: dict[str, Any] = {}
    coded = True
    for slot in _slots_of(kind):
        value = given.get(slot.field.encode_name, UNSET)
        try:
            values[slot.field.name] = _converted(slot, value, from_text=False)
        except _Refused as refused:
            faults |= refused.faults
            coded = coded and refused.is_coded
    if faults:
        (only, *others) = faults
        code = OWN_CODES.get(only) if coded and not others else None
        raise Failure(code or "common/invalid-parameters", details=faults)
    return kind(**values)


class _Slot(NamedTuple):
    """A field and its type, whose alternatives are kinds."""

    field: FieldInfo
    wanted: Any
    kinds: frozenset[Any]


@cache
def _slots_of(kind: type[Struct]) -> tuple[_Slot, ...]:
    fields = [(field, _wanted(field)) for field in msgspec.structs.fields(kind)]
    return tuple(_Slot(field, wanted, frozenset(alternatives(wanted))) for field, wanted in fields)


def _wanted(field: FieldInfo) -> Any:
    """The type of a field; items that the handler judges each by itself (decode_alone) may be anything."""
    metas = getattr(field.type, "__metadata__", ())
    if not any((meta.extra or {}).get("each") == "alone" for meta in metas):
        return field.type
    lengths = [Meta(min_length=meta.min_length, max_length=meta.max_length) for meta in metas]
    return Annotated[list[Any], *lengths]


class _Refused(Exception):
    """What is wrong with a field. is_coded: whether it may answer the field's own code."""

    def __init__(self, faults: Faults, *, is_coded: bool) -> None:
        super().__init__()
        self.faults = faults
        self.is_coded = is_coded


def _converted(slot: _Slot, value: Any, *, from_text: bool) -> Any:
    field, wanted, kinds = slot
    if value is UNSET:
        if field.required:
            raise _Refused({field.encode_name: [REQUIRED]}, is_coded=False)
        return field.default_factory() if field.default_factory is not msgspec.NODEFAULT else field.default
    try:
        if from_text:
            value = _from_text(value, kinds)
        # Items that are judged alone may hold what fails them alone.
        judge = judging.converted if wanted is field.type else msgspec.convert
        return judge(value, wanted)
    except ValidationError as fault:
        found: Faults = {}
        for where, why in judging.faults(value, wanted, field.encode_name):
            if why not in found.setdefault(where, []):
                found[where].append(why)
        raise _Refused(found, is_coded=not isinstance(fault, judging.Unstorable)) from None
    except RecursionError:
        raise _Refused({field.encode_name: ["is nested too deeply"]}, is_coded=True) from None


def _from_text(text: str, kinds: frozenset[Any]) -> Any:
    """Read a value of a query; "1.0" is no integer and "yes" no boolean."""
    if int in kinds and _INTEGER.fullmatch(text):
        return int(text)
    if bool in kinds and text in ("true", "false"):
        return text == "true"
    return text


def _refusal(operation: Operation[Any, Any], faults: Faults, uncoded: set[str]) -> Failure:
    """One field with a code of its own, present and alone at fault, answers that code; uncoded: not these."""
    code = "common/invalid-parameters"
    if len(faults) == 1:
        (field,) = faults
        own = OWN_CODES.get(field)
        if field not in uncoded and own in operation.errors:
            code = own or code
    return Failure(code, details=faults)


def require_fields(request: Struct, *names: str) -> dict[str, Any]:
    """Give what a change names, by name; refuse one that names nothing to change (minProperties 1)."""
    named = {name: value for name in names if (value := getattr(request, name)) is not UNSET}
    if not named:
        raise Failure("common/invalid-parameters", details={"": [NOTHING_NAMED]})
    return named
