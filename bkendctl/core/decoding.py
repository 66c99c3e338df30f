"""Turns a raw request into its Struct, listing every fault by field. The one place where input is judged.

msgspec stops at the first fault and the contract lists all, so each field is converted by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, ValidationError
from msgspec.structs import FieldInfo

from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import NOTHING_NAMED, Operation, Raw, placement
from bkendctl.core.formats import FORMATS

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
REQUIRED = "is required"
_INTEGER = re.compile(r"-?[0-9]{1,19}")
_PLACE = re.compile(r" - at `\$((?:\[\d+\]|\[\.\.\.\]|\.\w+)*)`$")
_KINDS = {"`str`": "text", "`int`": "a whole number", "`bool`": "true or false", "`array`": "a list"}


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
    for field in _fields_of(operation):
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
            values[field.name] = _converted(field, value, from_text=place != "body")
        except ValidationError as fault:
            faults.setdefault(*_located(field, fault))
            if isinstance(fault, _Unstorable):
                uncoded.add(field.encode_name)
        except RecursionError:
            faults[field.encode_name] = ["is nested too deeply"]
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
    for field in msgspec.structs.fields(kind):
        value = given.get(field.encode_name, UNSET)
        try:
            values[field.name] = _converted(field, value, from_text=False)
        except ValidationError as fault:
            faults.setdefault(*_located(field, fault))
            coded = coded and value is not UNSET and not isinstance(fault, _Unstorable)
        except RecursionError:
            faults[field.encode_name] = ["is nested too deeply"]
    if faults:
        (only, *others) = faults
        code = OWN_CODES.get(only) if coded and not others else None
        raise Failure(code or "common/invalid-parameters", details=faults)
    return kind(**values)


@cache
def _fields_of(operation: Operation[Any, Any]) -> tuple[FieldInfo, ...]:
    return msgspec.structs.fields(operation.request)


class _Unstorable(ValidationError):
    """A text with NUL or the like: answered by the general code whatever the field (x-validation, json)."""


def _converted(field: FieldInfo, value: Any, *, from_text: bool) -> Any:
    if value is UNSET:
        if field.required:
            raise ValidationError(REQUIRED)
        return field.default_factory() if field.default_factory is not msgspec.NODEFAULT else field.default
    if _is_alone(field.type):
        return msgspec.convert(value, Annotated[list[Any], *_lengths(field.type)])
    _refuse_unstorable(value)
    if from_text:
        value = _from_text(value, field.type)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValidationError("Expected `int` that a column holds")
    _refuse_loose_end(value, field.type)
    converted = msgspec.convert(value, field.type)
    return _checked(converted, field.type)


def _is_alone(wanted: Any) -> bool:
    """Whether the items of a list are left as they are, for the handler to judge each by decode_alone."""
    return any((meta.extra or {}).get("each") == "alone" for meta in getattr(wanted, "__metadata__", ()))


def _lengths(wanted: Any) -> list[Meta]:
    return [Meta(min_length=meta.min_length, max_length=meta.max_length) for meta in wanted.__metadata__]


def _refuse_unstorable(value: Any) -> None:
    """NUL and lone surrogates are stored by some databases and refused by others: never accepted here."""
    for text in _texts(value):
        if "\0" in text:
            raise _Unstorable("must not contain NUL")
        try:
            text.encode()
        except UnicodeEncodeError:
            raise _Unstorable("must be well-formed Unicode") from None


def _refuse_loose_end(value: Any, wanted: Any, above: str = "") -> None:
    """Python's $ also matches before a final line break, where the contract's patterns (ECMA 262) end."""
    if isinstance(value, dict):
        for field in _fields_below(wanted):
            below = value.get(field.encode_name)
            _refuse_loose_end(below, field.type, f" - at `$.{field.encode_name}`")
    if not any(_patterns(wanted)):
        return
    listed = (
        [(f" - at `$[{index}]`", item) for index, item in enumerate(value)] if isinstance(value, list) else []
    )
    for place, item in listed or [(above, value)]:
        if isinstance(item, str) and item.endswith("\n"):
            raise ValidationError(f"must not end in a line break{place}")


def _fields_below(wanted: Any) -> Iterator[FieldInfo]:
    """The fields of an object that a field's type allows."""
    for member in _members(wanted):
        if isinstance(member, type) and issubclass(member, Struct):
            yield from msgspec.structs.fields(member)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(key)
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _from_text(text: str, wanted: Any) -> Any:
    """Read a value of a query; "1.0" is no integer and "yes" no boolean."""
    kinds = set(_members(wanted))
    if int in kinds and _INTEGER.fullmatch(text):
        return int(text)
    if bool in kinds and text in ("true", "false"):
        return text == "true"
    return text


def _members(wanted: Any) -> Iterator[Any]:
    """The plain types a field's type is made of."""
    if hasattr(wanted, "__metadata__"):
        yield from _members(wanted.__origin__)
    elif get_origin(wanted) is Literal or not get_args(wanted):
        yield wanted
    else:
        for member in get_args(wanted):
            yield from _members(member)


def _patterns(wanted: Any) -> Iterator[bool]:
    for meta in getattr(wanted, "__metadata__", ()):
        yield meta.pattern is not None
    for member in () if get_origin(wanted) is Literal else get_args(wanted):
        yield from _patterns(member)


def _formats(wanted: Any) -> Iterator[str]:
    for meta in getattr(wanted, "__metadata__", ()):
        if meta.extra and "format" in meta.extra:
            yield meta.extra["format"]
    for member in () if get_origin(wanted) is Literal else get_args(wanted):
        if get_origin(wanted) is not list:
            yield from _formats(member)


def _checked(value: Any, wanted: Any, where: str = "") -> Any:
    """Apply the formats that a pattern cannot express, and give the value in its one stored form."""
    if isinstance(value, Struct):
        for field in msgspec.structs.fields(type(value)):
            below = getattr(value, field.name)
            setattr(value, field.name, _checked(below, field.type, f"{where}.{field.encode_name}"))
    elif isinstance(value, list) and (item := _item_of(wanted)) is not None:
        return [_checked(below, item, f"{where}[{place}]") for place, below in enumerate(value)]
    if not isinstance(value, str):
        return value
    for name in _formats(wanted):
        try:
            value = FORMATS[name](value)
        except ValidationError as fault:
            raise ValidationError(f"{fault} - at `${where}`") from None
    return value


def _item_of(wanted: Any) -> Any:
    """What is in the list that a type allows; None where it allows none."""
    if get_origin(wanted) is list:
        return get_args(wanted)[0]
    if hasattr(wanted, "__metadata__"):
        return _item_of(wanted.__origin__)
    below = () if get_origin(wanted) is Literal else get_args(wanted)
    return next((item for member in below if (item := _item_of(member)) is not None), None)


def _located(field: FieldInfo, fault: ValidationError) -> tuple[str, list[str]]:
    """Where a fault lies (dotted path, positions as numbers) and the reason in our words.

    msgspec quotes the sender's text before the place it names at the end, so only the end is believed.
    """
    said = str(fault)
    place = _PLACE.search(said)
    where = place[1] if place else ""
    said = said[: place.start()] if place else said
    path = field.encode_name + re.sub(r"\[(\d+)\]", r".\1", where)
    if not said.startswith(("Expected", "Invalid", "Object")):
        return path, [said]
    return path, [_reason(_within(field.type, where), said)]


def _within(wanted: Any, where: str) -> Any:
    """The type of what is in a list, or of a field of an object; where: "" for neither."""
    if where.startswith("."):
        return next((each.type for each in _fields_below(wanted) if where == f".{each.encode_name}"), wanted)
    if where and hasattr(wanted, "__metadata__"):
        return _within(wanted.__origin__, where)
    return get_args(wanted)[0] if where and get_origin(wanted) is list else wanted


def _reason(wanted: Any, said: str) -> str:
    choices = [choice for member in _members(wanted) for choice in get_args(member) if choice is not None]
    if choices:
        *others, last = map(str, choices)
        return f"must be {', '.join(others)} or {last}" if others else f"must be {last}"
    for description in _descriptions(wanted):
        return f"must be {description}"
    for kind, name in _KINDS.items():
        if said.startswith(f"Expected {kind}"):
            return f"must be {name}"
    return said[0].lower() + said[1:]


def _descriptions(wanted: Any) -> Iterator[str]:
    for meta in getattr(wanted, "__metadata__", ()):
        if meta.description:
            yield meta.description
    for member in get_args(wanted):
        if not isinstance(member, str):
            yield from _descriptions(member)


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
