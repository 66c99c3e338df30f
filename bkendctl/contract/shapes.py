"""What the type of a field allows: its plain alternatives, and the object, list or map among them."""

from __future__ import annotations

from collections.abc import Iterator
from types import UnionType
from typing import Any, Union, get_args, get_origin

from msgspec import Meta, Struct


def alternatives(wanted: Any) -> Iterator[Any]:
    """The plain types that a type is made of; lists and maps are not taken apart."""
    if hasattr(wanted, "__metadata__"):
        yield from alternatives(wanted.__origin__)
    elif get_origin(wanted) in (Union, UnionType):
        for member in get_args(wanted):
            yield from alternatives(member)
    else:
        yield wanted


def metas(wanted: Any) -> Iterator[Meta]:
    """What is said about a value of the type itself, the outermost first."""
    yield from (meta for meta in getattr(wanted, "__metadata__", ()) if isinstance(meta, Meta))
    if hasattr(wanted, "__metadata__"):
        yield from metas(wanted.__origin__)
    elif get_origin(wanted) in (Union, UnionType):
        for member in get_args(wanted):
            yield from metas(member)


def struct_in(wanted: Any) -> type[Struct] | None:
    """The object that a type allows, if it allows one."""
    for each in alternatives(wanted):
        if isinstance(each, type) and issubclass(each, Struct):
            return each
    return None


def item_in(wanted: Any) -> Any:
    """The type of what is in the list that a type allows; None where it allows none."""
    return next((get_args(each)[0] for each in alternatives(wanted) if get_origin(each) is list), None)


def entries_in(wanted: Any) -> tuple[Any, Any] | None:
    """The types of name and value of the map that a type allows, if it allows one."""
    for each in alternatives(wanted):
        if get_origin(each) is dict:
            name, value = get_args(each)
            return name, value
    return None
