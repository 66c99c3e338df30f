"""Hypothesis strategies for requests: whatever the types of their fields allow, in the stored form."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal, get_args, get_origin

import msgspec
from hypothesis import strategies as st
from msgspec import UNSET, Meta, UnsetType

from bkendctl.contract.fields import NO_REPLY
from bkendctl.contract.operation import Change, File, Operation, placement
from bkendctl.core.clock import instant_of, wire

# NUL and lone surrogates are refused; all other text is allowed.
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
EMAILS = st.from_regex(r"[a-z0-9][a-z0-9_+-]{0,20}@[a-z0-9]{1,10}\.(com|org|co\.uk)", fullmatch=True)
INSTANTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda moment: wire(instant_of(moment.isoformat(timespec="milliseconds")))
)


def requests(operation: Operation[Any, Any]) -> st.SearchStrategy[Any]:
    """Every request of an operation that its declaration allows."""
    places = placement(operation)
    fields = {
        field.name: values(field.type, shortest=1 if places[field.encode_name] == "path" else 0)
        for field in msgspec.structs.fields(operation.request)
    }
    return st.builds(operation.request, **fields).filter(is_whole)


def is_whole(request: msgspec.Struct) -> bool:
    """Whether a request has all the fields that its choices need."""
    names = {field.encode_name: field.name for field in msgspec.structs.fields(request)}
    needs = type(request).by_choice(msgspec.structs.asdict(request))  # type: ignore[attr-defined]
    return all(getattr(request, names[each]) is not UNSET for each, needed in needs.items() if needed)


def values(wanted: Any, meta: Meta | None = None, *, shortest: int = 0) -> st.SearchStrategy[Any]:
    """Every value of a type. shortest: length that a text has at least."""
    if hasattr(wanted, "__metadata__"):
        return values(wanted.__origin__, wanted.__metadata__[0], shortest=shortest)
    if get_origin(wanted) is Literal:
        return st.sampled_from(get_args(wanted))
    if get_origin(wanted) is list:
        return st.lists(values(get_args(wanted)[0]), max_size=5)
    if get_origin(wanted) is dict:
        return st.dictionaries(*(values(each) for each in get_args(wanted)), max_size=3)
    if wanted is str:
        return texts(meta or Meta(), shortest)
    if wanted is int:
        meta = meta or Meta()
        return st.integers(meta.ge, meta.le)
    if get_args(wanted):
        return st.one_of([values(member, shortest=shortest) for member in get_args(wanted)])
    if wanted is File:
        return st.builds(
            File, content=st.binary(max_size=99), content_type=st.sampled_from(["image/png", ""])
        )
    if issubclass(wanted, msgspec.Struct):
        fields = {each.name: values(each.type) for each in msgspec.structs.fields(wanted)}
        if issubclass(wanted, Change):
            named = st.fixed_dictionaries(fields).filter(
                lambda given: any(each is not UNSET for each in given.values())
            )
            return named.map(lambda given: wanted(**given))
        return st.builds(wanted, **fields)
    return {bool: st.booleans(), UnsetType: st.just(UNSET), type(None): st.none()}[wanted]


def texts(meta: Meta, shortest: int) -> st.SearchStrategy[str]:
    """Texts as a Meta allows them."""
    form = (meta.extra or {}).get("format")
    if form:
        return {"email": EMAILS, "sender": EMAILS | st.just(NO_REPLY), "instant": INSTANTS}[form]
    if meta.pattern:
        longest = meta.max_length or 10_000
        matching = st.from_regex(meta.pattern, fullmatch=True)
        return matching.filter(lambda text: len(text) <= longest and not text.endswith("\n"))
    return st.text(CHARACTERS, min_size=max(shortest, meta.min_length or 0), max_size=meta.max_length)
