"""Pages of users: filters, order, and which index finds them without reading all (ADR 0018)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET, Struct
from sqlalchemy import ColumnElement, Row, Select, exists, func, or_, select

from bkendctl.contract.errors import Failure
from bkendctl.contract.paging import Pagination
from bkendctl.contract.users import ListUsers, UserPage
from bkendctl.core import schema, user_search, user_totals
from bkendctl.core.call import Call
from bkendctl.core.clock import instant_of
from bkendctl.core.user_cursor import Order
from bkendctl.core.user_list import of_status, shown_to_admins

FAR = 1_000
"""From how many skipped users on only ids are read to skip them, and from the nearer end."""
_users = schema.users
_enrolments = schema.mfa_enrolments
_accounts = schema.linked_accounts
_Conditions = list[ColumnElement[bool]]


class _Found(Struct):
    """What is listed: conditions, and how many users fulfil them."""

    wanted: _Conditions
    total: int
    exact: bool = True


def page(call: Call, request: ListUsers) -> UserPage:
    """One page by number, or the one after a cursor; both together are refused."""
    if request.cursor is not UNSET and request.page is not UNSET:
        raise Failure("common/invalid-parameters", details={"cursor": ["cannot go with page"]})
    order = Order.of(request)
    number = 1 if request.page is UNSET else int(request.page)
    after = None if request.cursor is UNSET else order.after(call, str(request.cursor))
    found = _found(call, request)
    if after is not None:
        rows = call.tx.all(order.applied(select(_users).where(*found.wanted, after)).limit(request.limit + 1))
    else:
        rows = _numbered(call, order, found, (number - 1) * request.limit, request.limit)
    more, rows = len(rows) > request.limit, rows[: request.limit]
    return UserPage(
        items=shown_to_admins(call, rows, include_accounts=request.include_accounts),
        pagination=Pagination.of(number, request.limit, found.total, exact=found.exact),
        next_cursor=order.cursor(call, rows[-1]) if more else None,
    )


def _numbered(call: Call, order: Order, found: _Found, skipped: int, limit: int) -> Sequence[Row[Any]]:
    """A page by number, with one row more where there is one."""
    if skipped < FAR:
        return call.tx.all(
            order.applied(select(_users).where(*found.wanted)).offset(skipped).limit(limit + 1)
        )
    if found.exact and skipped >= found.total:
        return []
    ids = select(_users.c.id).where(*found.wanted)
    if found.exact and skipped > found.total // 2:
        count = min(limit + 1, found.total - skipped)
        ids = order.reversed().applied(ids).offset(found.total - skipped - count).limit(count)
    else:
        ids = order.applied(ids).offset(skipped).limit(limit + 1)
    here = [row.id for row in call.tx.all(ids)]
    return call.tx.all(order.applied(select(_users).where(_users.c.id.in_(here))))


def _found(call: Call, request: ListUsers) -> _Found:
    """What is wanted and how many that are. Counts that are not kept stop at MOST_COUNTED."""
    state = of_status(call, request.status)
    if request.role is not UNSET:
        state.append(_users.c.role == request.role)
    here = _users.c.environment_id == call.environment_id
    filters = _times(request)
    drivers = [_with_provider(call, request, filters), _with_mfa(call, request, filters)]
    if not request.search and not filters and not any(each is not None for each in drivers):
        return _Found([here, *state], user_totals.kept(call, request.role, request.status))
    searched = None
    if request.search:
        is_all = len(state) == 1 and not filters and drivers == [None, None]
        hits = user_search.hits(call, request, [here, *state])
        if is_all and hits.ids is None and hits.total is not None:
            most = user_totals.MOST_COUNTED
            searched = min(hits.total, most), hits.total <= most
        drivers.append(hits.ids)
        filters.append(user_search.condition(call, str(request.search), request.search_type))
    few = [each for each in drivers if each is not None]
    if few:
        # Hidden in a function so that no order is read from an index: these are few, and sorted quickly.
        here = func.coalesce(_users.c.environment_id, "") == call.environment_id
    wanted = [here, *state, *filters, *(_users.c.id.in_(each) for each in few)]
    if searched is not None:
        return _Found(wanted, *searched)
    return _Found(wanted, *user_totals.capped(call, select(_users.c.id).where(*wanted)))


def _with_provider(call: Call, request: ListUsers, filters: _Conditions) -> Select[Any] | None:
    """Ids of who signs in that way when they are few, else a condition more."""
    if request.provider is UNSET:
        return None
    mine = (_accounts.c.environment_id == call.environment_id, _accounts.c.provider == request.provider)
    linked = select(_accounts.c.user_id).where(*mine)
    if user_totals.capped(call, linked)[1]:
        return linked
    filters.append(
        exists().where(_accounts.c.user_id == _users.c.id, _accounts.c.provider == request.provider)
    )
    return None


def _with_mfa(call: Call, request: ListUsers, filters: _Conditions) -> Select[Any] | None:
    """Ids of who has MFA when they are wanted and few, else a condition more."""
    if request.mfa is UNSET:
        return None
    confirmed = _enrolments.c.confirmed_at.is_not(None)
    enrolled = select(_enrolments.c.user_id).where(
        _enrolments.c.environment_id == call.environment_id, confirmed
    )
    if request.mfa and user_totals.capped(call, enrolled)[1]:
        return enrolled
    has = exists().where(_enrolments.c.user_id == _users.c.id, confirmed)
    filters.append(has if request.mfa else ~has)
    return None


def _times(request: ListUsers) -> _Conditions:
    found: _Conditions = []
    if request.last_sign_in_before is not UNSET:
        last = _users.c.last_sign_in_at
        found.append(or_(last.is_(None), last < instant_of(str(request.last_sign_in_before))))
    if request.last_sign_in_after is not UNSET:
        found.append(_users.c.last_sign_in_at >= instant_of(str(request.last_sign_in_after)))
    if request.created_before is not UNSET:
        found.append(_users.c.created_at < instant_of(str(request.created_before)))
    if request.created_after is not UNSET:
        found.append(_users.c.created_at >= instant_of(str(request.created_after)))
    return found
