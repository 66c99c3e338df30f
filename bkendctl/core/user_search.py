"""Searching users for part of a text, by an index where that is quicker than reading (ADR 0018)."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from msgspec import UNSET, Struct, UnsetType
from sqlalchemy import ColumnElement, Select, Text, and_, func, or_, select

from bkendctl.contract.users import ListUsers, SearchField
from bkendctl.core import schema
from bkendctl.core.call import Call
from bkendctl.core.folding import folded, longest_indexed
from bkendctl.core.user_totals import MOST_COUNTED

GRAM = 3
"""Letters of what both indexes hold."""
SPAN_BITS = 40
"""Each environment has 2^40 numbers in SQLite's index (migration 0006), negative ones for the deleted."""
FEW = 1_000
"""Up to how many hits are sorted; more lie so close together that their order is read instead."""
SAMPLE = 2_000
"""Users looked at to tell a common text from a rare one, where the index cannot say so cheaply."""

_users = schema.users
_COLUMNS = {"name": _users.c.name, "nickname": _users.c.nickname, "email": _users.c.email}
_index = sa.table("user_search", sa.column("rowid"), sa.column("user_search"))
_rows = sa.table("user_search_rows", sa.column("number"), sa.column("user_id"))
_environments = sa.table("user_search_environments", sa.column("number"), sa.column("environment_id"))


def condition(call: Call, text: str, kind: SearchField | UnsetType) -> ColumnElement[bool]:
    """Substring, case ignored, in name, nickname and e-mail or the one named; no character is a wildcard."""
    chosen = list(_COLUMNS.values()) if kind is UNSET else [_COLUMNS[kind]]
    wanted = str(folded(text))
    on_sqlite = _on_sqlite(call)
    return or_(*(_contains(column, wanted, on_sqlite=on_sqlite) for column in chosen))


def _contains(column: ColumnElement[Any], wanted: str, *, on_sqlite: bool) -> ColumnElement[bool]:
    if not on_sqlite:
        return func.strpos(func.folded(column, type_=Text), wanted) > 0
    exact = func.instr(func.folded(column, type_=Text), wanted) > 0
    if not wanted.isascii():
        return exact
    # SQLite's own lower() is five times as fast, and wrong where one of two letters becomes an ASCII one.
    foreign = or_(func.instr(column, "\u0130") > 0, func.instr(column, "\u212a") > 0)
    return or_(func.instr(func.lower(column), wanted) > 0, and_(foreign, exact))


class Hits(Struct):
    """What the index says of a search. ids: of all that may be found, when they are few enough to be sorted.

    total: how many are found, where the index counted them; up to MOST_COUNTED + 1.
    """

    ids: Select[Any] | None = None
    total: int | None = None


def hits(call: Call, request: ListUsers, wanted: list[ColumnElement[bool]]) -> Hits:
    """Ask the index. wanted: the list's other conditions."""
    text = str(folded(str(request.search)))
    if _on_sqlite(call):
        return _hits_of_phrase(call, request, text)
    if len(text) < GRAM or _is_common(call, request, wanted):
        return Hits()
    held = func.user_grams(_users.c.name, _users.c.nickname, _users.c.email)
    return Hits(select(_users.c.id).where(held.op("@>")(func.grams(text))))


def _hits_of_phrase(call: Call, request: ListUsers, text: str) -> Hits:
    phrase = longest_indexed(text)
    if len(phrase) < GRAM:
        return Hits()
    number = call.tx.value(
        select(_environments.c.number).where(_environments.c.environment_id == call.environment_id)
    )
    first = int(number or 0) << SPAN_BITS
    quoted = '"' + phrase.replace('"', '""') + '"'
    match = quoted if request.search_type is UNSET else f"{request.search_type} : {quoted}"
    last = first + (1 << SPAN_BITS) - 1
    spans = [] if request.status == "deleted" else [(first, last)]
    spans += [(-last, -first)] if request.status in ("deleted", "all") else []
    spanned = [
        select(_index.c.rowid).where(_index.c.user_search.op("MATCH")(match), _index.c.rowid.between(*span))
        for span in spans
    ]
    found = spanned[0] if len(spanned) == 1 else sa.union_all(*spanned).subquery().select()
    counted = found.limit(MOST_COUNTED + 1).subquery()
    total = int(call.tx.value(select(func.count()).select_from(counted)))
    ids = select(_rows.c.user_id).where(_rows.c.number.in_(found)) if total <= FEW else None
    return Hits(ids, total if phrase == text else None)


def _is_common(call: Call, request: ListUsers, wanted: list[ColumnElement[bool]]) -> bool:
    """Whether one in a hundred of the newest users is found: then reading in order soon fills a page."""
    newest = select(_users.c.name, _users.c.nickname, _users.c.email).where(*wanted)
    some = newest.order_by(_users.c.created_at.desc(), _users.c.id.desc()).limit(SAMPLE).subquery()
    text = str(folded(str(request.search)))
    chosen = ("name", "nickname", "email") if request.search_type is UNSET else (request.search_type,)
    is_found = or_(*(_contains(some.c[name], text, on_sqlite=False) for name in chosen))
    return int(call.tx.value(select(func.count()).select_from(some).where(is_found))) > SAMPLE // 100


def _on_sqlite(call: Call) -> bool:
    return call.tx.connection.dialect.name == "sqlite"
