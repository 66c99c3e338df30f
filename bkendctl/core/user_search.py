"""Searching users for part of a text, by an index where that is quicker than reading (ADR 0018)."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import Select, bindparam, func, select

from bkendctl.core import schema
from bkendctl.core.call import Call
from bkendctl.core.folding import longest_indexed

GRAM = 3
"""Letters of what both indexes hold."""
SPAN_BITS = 40
"""Each environment has 2^40 numbers in SQLite's index (migration 0006), negative ones for the deleted."""
Spans = Literal["live", "deleted", "all", "grams"]
"""Where hits are looked up: in a span of SQLite's index or both, or by PostgreSQL's grams."""

MOST_COUNTED = 10_000
"""Where counting what is not kept stops (decision 126)."""

_users = schema.users
_index = sa.table("user_search", sa.column("rowid"), sa.column("user_search"))
_rows = sa.table("user_search_rows", sa.column("number"), sa.column("user_id"))
_environments = sa.table("user_search_environments", sa.column("number"), sa.column("environment_id"))
_SPAN = select(_environments.c.number).where(_environments.c.environment_id == bindparam("environment"))


def phrase_of(text: str) -> str | None:
    """What SQLite's index is asked for a folded text, None where it cannot say anything."""
    phrase = longest_indexed(text)
    return phrase if len(phrase) >= GRAM else None


def spans_of(status: str | None) -> Spans:
    """Where hits in a state are looked up; who is banned is among the living."""
    return "deleted" if status == "deleted" else "all" if status == "all" else "live"


def spanned(call: Call, phrase: str, field: str) -> dict[str, Any]:
    """Parameters of hits: what is matched, in one field or any, and the environment's numbers."""
    number = call.tx.value(_SPAN, environment=call.environment_id)
    first = int(number or 0) << SPAN_BITS
    last = first + (1 << SPAN_BITS) - 1
    quoted = '"' + phrase.replace('"', '""') + '"'
    return {
        "match": quoted if field == "any" else f"{field} : {quoted}",
        "first": first, "last": last, "minus_first": -first, "minus_last": -last,
    }  # fmt: skip


@cache
def hits(spans: Spans) -> Select[Any]:
    """Row numbers of what SQLite's index finds."""
    match = _index.c.user_search.op("MATCH")(bindparam("match"))
    live = select(_index.c.rowid).where(match, _index.c.rowid.between(bindparam("first"), bindparam("last")))
    minus = _index.c.rowid.between(bindparam("minus_last"), bindparam("minus_first"))
    deleted = select(_index.c.rowid).where(match, minus)
    if spans == "all":
        return sa.union_all(live, deleted).subquery().select()
    return deleted if spans == "deleted" else live


@cache
def counted(spans: Spans) -> Select[Any]:
    """How many it finds, giving up beyond what is ever counted."""
    return counting(hits(spans))


def ids(spans: Spans) -> Select[Any]:
    """Ids of who an index proposes."""
    if spans == "grams":
        held = func.user_grams(_users.c.name, _users.c.nickname, _users.c.email)
        return select(_users.c.id).where(held.op("@>")(func.grams(bindparam("text"))))
    return select(_rows.c.user_id).where(_rows.c.number.in_(hits(spans)))


def counting(found: Select[Any]) -> Select[Any]:
    """Count rows, giving up beyond MOST_COUNTED."""
    return select(func.count()).select_from(found.limit(MOST_COUNTED + 1).subquery())
