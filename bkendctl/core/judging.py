"""One value of a request against its type: converted, or refused by every fault in it, each by its path.

msgspec stops at the first fault and the contract lists all, so a value that was refused is gone through once
more, part by part. What is right is converted in one go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import msgspec
from msgspec import Struct, ValidationError

from bkendctl.contract.shapes import alternatives, entries_in, item_in, metas, struct_in
from bkendctl.core.formats import FORMATS

REQUIRED = "is required"
LOOSE_END = "must not end in a line break"
_PLACE = re.compile(r" - at `[^`]*`$")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_EXPECTED = re.compile(r"Expected `(\w+)")
_KINDS = {
    "str": "text",
    "int": "a whole number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
}


class Unstorable(ValidationError):
    """A text with NUL or the like: answered by the general code whatever the field (x-validation, json)."""


def converted(value: Any, wanted: Any) -> Any:
    """Give a value as its type has it. ValidationError for the first fault met, RecursionError for depth."""
    result = _plain(value, wanted)
    if isinstance(value, (dict, list)) and any(text.endswith("\n") for text in _texts(value)):
        for _where, why in faults(value, wanted, ""):
            raise ValidationError(why)
    return result


def faults(value: Any, wanted: Any, at: str) -> Iterator[tuple[str, str]]:
    """Dotted path and reason of every fault of a value at a path, positions in lists as numbers.

    A whole is judged by itself only where its parts are without fault.
    """
    is_sound = True
    for found in _faults_below(value, wanted, at):
        is_sound = False
        yield found
    if is_sound:
        try:
            _plain(value, wanted)
        except ValidationError as fault:
            yield at, _reason(wanted, str(fault))


def _faults_below(value: Any, wanted: Any, at: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        item = item_in(wanted)
        most = [meta.max_length for meta in metas(wanted) if meta.max_length is not None]
        if item is not None and not any(len(value) > length for length in most):
            for place, below in enumerate(value):
                yield from faults(below, item, f"{at}.{place}")
        return
    if not isinstance(value, dict):
        return
    struct, entries = struct_in(wanted), entries_in(wanted)
    if struct is not None:
        for field in msgspec.structs.fields(struct):
            where = f"{at}.{field.encode_name}"
            if field.encode_name in value:
                yield from faults(value[field.encode_name], field.type, where)
            elif field.required:
                yield where, REQUIRED
    elif entries is not None:
        for name, below in value.items():
            unfit = [f"names {why}" for _, why in faults(name, entries[0], at)]
            if unfit:
                yield at, unfit[0]
            else:  # a name of any text is no part of a path
                yield from faults(below, entries[1], f"{at}.{name}" if _NAME.fullmatch(name) else at)


def _plain(value: Any, wanted: Any) -> Any:
    _require_storable(value)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValidationError("Expected `int` that a column holds")
    # Python's $ also matches before a final line break, where the contract's patterns (ECMA 262) end.
    if isinstance(value, str) and value.endswith("\n") and any(meta.pattern for meta in metas(wanted)):
        raise ValidationError(LOOSE_END)
    return _formatted(msgspec.convert(value, wanted), wanted)


def _require_storable(value: Any) -> None:
    """NUL and lone surrogates are stored by some databases and refused by others: never accepted here."""
    for text in _texts(value):
        if "\0" in text:
            raise Unstorable("must not contain NUL")
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Unstorable("must be well-formed Unicode") from None


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


def _formatted(value: Any, wanted: Any) -> Any:
    """Apply the formats that a pattern cannot express, and give the value in its one stored form."""
    if isinstance(value, Struct):
        for field in msgspec.structs.fields(type(value)):
            setattr(value, field.name, _formatted(getattr(value, field.name), field.type))
    elif isinstance(value, list) and (item := item_in(wanted)) is not None:
        return [_formatted(below, item) for below in value]
    elif isinstance(value, dict) and (entries := entries_in(wanted)) is not None:
        return {name: _formatted(below, entries[1]) for name, below in value.items()}
    if not isinstance(value, str):
        return value
    for meta in metas(wanted):
        if meta.extra and "format" in meta.extra:
            value = FORMATS[meta.extra["format"]](value)
    return value


def _reason(wanted: Any, said: str) -> str:
    """Why a value is refused, in our words; what msgspec says may quote what was sent."""
    place = _PLACE.search(said)
    said = said[: place.start()] if place else said
    if not said.startswith(("Expected", "Invalid", "Object")):
        return said
    listed = [each for each in alternatives(wanted) if get_origin(each) is Literal]
    choices = [choice for each in listed for choice in get_args(each) if choice is not None]
    if choices:
        *others, last = map(str, choices)
        return f"must be {', '.join(others)} or {last}" if others else f"must be {last}"
    for meta in metas(wanted):
        if meta.description:
            return f"must be {meta.description}"
    expected = _EXPECTED.match(said)
    if expected is not None and expected[1] in _KINDS:
        return f"must be {_KINDS[expected[1]]}"
    return said[0].lower() + said[1:]
