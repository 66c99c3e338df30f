"""Statements of lists of users, built once for each shape that a request may have (ADR 0018).

Building one costs several times what a database needs to run it. So what a request decides of a statement's
look is its Shape, and all else a parameter: see `parameters`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

from msgspec import UNSET, Struct
from sqlalchemy import ColumnElement, Select, Text, and_, bindparam, exists, func, or_, select, tuple_

from bkendctl.contract.users import ListUsers
from bkendctl.core import schema, user_search
from bkendctl.core.call import Call
from bkendctl.core.clock import instant_of
from bkendctl.core.folding import folded
from bkendctl.core.user_list import of_status
from bkendctl.core.user_search import counting

SHAPES = 1_000
"""How many statements are kept of a kind."""

_users = schema.users
_enrolments = schema.mfa_enrolments
_accounts = schema.linked_accounts
_SEARCHED = {"name": _users.c.name, "nickname": _users.c.nickname, "email": _users.c.email}
_TIMES: dict[str, ColumnElement[bool]] = {
    "last_sign_in_before": or_(
        _users.c.last_sign_in_at.is_(None), _users.c.last_sign_in_at < bindparam("last_sign_in_before")
    ),
    "last_sign_in_after": _users.c.last_sign_in_at >= bindparam("last_sign_in_after"),
    "created_before": _users.c.created_at < bindparam("created_before"),
    "created_after": _users.c.created_at >= bindparam("created_after"),
}
Way = Literal["few", "many"]
"""How those with a property are found: few by their ids, of many each user is looked at."""


class Shape(Struct, frozen=True, kw_only=True):
    """Which users are wanted, without the values.

    has_mfa: None where that does not matter. search: the field, any, or none; is_ascii: whether its text is.
    found: by which index a search's hits are few enough to be sorted.
    """

    on_sqlite: bool
    status: str | None
    has_role: bool
    times: tuple[str, ...]
    provider: Way | None = None
    has_mfa: bool | None = None
    mfa: Way = "many"
    search: str | None = None
    is_ascii: bool = True
    found: user_search.Spans | None = None

    @property
    def are_few(self) -> bool:
        """Whether at most some thousand are wanted, who are all read to be sorted."""
        return self.found in ("live", "deleted", "all")

    @property
    def is_plain(self) -> bool:
        """Whether role and status are all it asks for, search aside."""
        return not self.times and self.provider is None and self.has_mfa is None


def shape_of(call: Call, request: ListUsers) -> Shape:
    """The shape of a request, before anything was counted."""
    searched = str(folded(str(request.search))) if request.search else None
    return Shape(
        on_sqlite=call.tx.connection.dialect.name == "sqlite",
        status=None if request.status is UNSET else request.status,
        has_role=request.role is not UNSET,
        times=tuple(name for name in _TIMES if getattr(request, name) is not UNSET),
        provider=None if request.provider is UNSET else "many",
        has_mfa=None if request.mfa is UNSET else request.mfa,
        search=None if searched is None else "any" if request.search_type is UNSET else request.search_type,
        is_ascii=searched is None or searched.isascii(),
    )


def parameters(call: Call, request: ListUsers) -> dict[str, Any]:
    """What the statements of a request are given."""
    given = {
        "environment": call.environment_id,
        "now": call.now,
        "role": request.role,
        "provider": request.provider,
        "text": str(folded(str(request.search))) if request.search else UNSET,
    }
    given |= {name: instant_of(str(at)) for name in _TIMES if (at := getattr(request, name)) is not UNSET}
    return {name: value for name, value in given.items() if value is not UNSET}


LINKED = select(_accounts.c.user_id).where(
    _accounts.c.environment_id == bindparam("environment"), _accounts.c.provider == bindparam("provider")
)
_CONFIRMED = _enrolments.c.confirmed_at.is_not(None)
ENROLLED = select(_enrolments.c.user_id).where(
    _enrolments.c.environment_id == bindparam("environment"), _CONFIRMED
)


def state(shape: Shape) -> list[ColumnElement[bool]]:
    """Conditions of status and role."""
    role = [_users.c.role == bindparam("role")] if shape.has_role else []
    return [*of_status(shape.status), *role]


def conditions(shape: Shape) -> list[ColumnElement[bool]]:
    """All that is true of who is wanted."""
    by_ids = _by_ids(shape)
    here = _users.c.environment_id == bindparam("environment")
    if by_ids:
        # Hidden in a function so that no order is read from an index: these are few, and sorted quickly.
        here = func.coalesce(_users.c.environment_id, "") == bindparam("environment")
    return [here, *state(shape), *(_TIMES[name] for name in shape.times), *_one_by_one(shape), *by_ids]


def _by_ids(shape: Shape) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if shape.provider == "few":
        found.append(_users.c.id.in_(LINKED))
    if shape.has_mfa and shape.mfa == "few":
        found.append(_users.c.id.in_(ENROLLED))
    if shape.found is not None:
        found.append(_users.c.id.in_(user_search.ids(shape.found)))
    return found


def _one_by_one(shape: Shape) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if shape.provider == "many":
        mine = _accounts.c.user_id == _users.c.id, _accounts.c.provider == bindparam("provider")
        found.append(exists().where(*mine))
    if shape.has_mfa is not None and shape.mfa == "many":
        has = exists().where(_enrolments.c.user_id == _users.c.id, _CONFIRMED)
        found.append(has if shape.has_mfa else ~has)
    if shape.search is not None:
        columns = _SEARCHED.values() if shape.search == "any" else [_SEARCHED[shape.search]]
        found.append(or_(*(_contains(column, shape) for column in columns)))
    return found


def _contains(column: ColumnElement[Any], shape: Shape) -> ColumnElement[bool]:
    """Substring, case ignored; no character is a wildcard."""
    wanted = bindparam("text", type_=Text)
    if not shape.on_sqlite:
        return func.strpos(func.folded(column, type_=Text), wanted) > 0
    exact = func.instr(func.folded(column, type_=Text), wanted) > 0
    if not shape.is_ascii:
        return exact
    # SQLite's own lower() is five times as fast, and wrong where one of two letters becomes an ASCII one.
    foreign = or_(func.instr(column, "\u0130") > 0, func.instr(column, "\u212a") > 0)
    return or_(func.instr(func.lower(column), wanted) > 0, and_(foreign, exact))


@lru_cache(SHAPES)
def counted(shape: Shape) -> Select[Any]:
    """How many are wanted, giving up beyond what is ever counted."""
    return counting(select(_users.c.id).where(*conditions(shape)))


@lru_cache(SHAPES)
def found_among_newest(shape: Shape, sample: int) -> Select[Any]:
    """How many of the newest users in a state are found by a search."""
    here = _users.c.environment_id == bindparam("environment")
    newest = ordered(select(*_SEARCHED.values()).where(here, *state(shape)), "created_at", down=True)
    some = newest.limit(sample).subquery()
    chosen = _SEARCHED if shape.search == "any" else (str(shape.search),)
    is_found = or_(*(_contains(some.c[name], shape) for name in chosen))
    return select(func.count()).select_from(some).where(is_found)


LINKED_COUNTED = counting(LINKED)
ENROLLED_COUNTED = counting(ENROLLED)


@lru_cache(SHAPES)
def page(shape: Shape, sort: str, *, down: bool, after: bool, ids: bool = False) -> Select[Any]:
    """A page of who is wanted, in order. after: behind a row (value, id), else skipped ones are left out.

    ids: those alone. Where the wanted are few, each row tells their total.
    """
    columns = (
        (_users.c.id,)
        if ids
        else (_users, func.count().over().label("total"))
        if shape.are_few
        else (_users,)
    )
    wanted = select(*columns).where(*conditions(shape))
    if after:
        # Row values, because an OR of two comparisons would not be looked up in an index.
        here, there = tuple_(_users.c[sort], _users.c.id), tuple_(bindparam("value"), bindparam("id"))
        return ordered(wanted.where(here < there if down else here > there), sort, down=down).limit(
            bindparam("most")
        )
    return ordered(wanted, sort, down=down).offset(bindparam("skipped")).limit(bindparam("most"))


def ordered(statement: Select[Any], sort: str, *, down: bool) -> Select[Any]:
    """A statement in order of a column; equal values by id."""
    columns = (_users.c[sort], _users.c.id)
    return statement.order_by(*(column.desc() if down else column for column in columns))
