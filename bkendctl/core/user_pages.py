"""Pages of users: which index finds them without reading all (ADR 0018)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET, Struct
from msgspec.structs import replace
from sqlalchemy import Row, Select, select

from bkendctl.contract.errors import Failure
from bkendctl.contract.paging import Pagination
from bkendctl.contract.users import ListUsers, UserPage
from bkendctl.core import schema, user_search, user_shapes, user_totals
from bkendctl.core.call import Call
from bkendctl.core.user_cursor import Order
from bkendctl.core.user_list import shown_to_admins
from bkendctl.core.user_search import MOST_COUNTED
from bkendctl.core.user_shapes import Shape

FAR = 1_000
"""From how many skipped users on only ids are read to skip them, and from the nearer end."""
FEW = 1_000
"""Up to how many hits are sorted; more lie so close together that their order is read instead."""
SAMPLE = 2_000
"""Users looked at to tell a common text from a rare one, where the index cannot say so cheaply."""
_users = schema.users


class _Found(Struct):
    """Who is listed, with the statements' parameters, and how many that are; None where the page tells."""

    shape: Shape
    given: dict[str, Any]
    total: int | None
    exact: bool = True


def page(call: Call, request: ListUsers) -> UserPage:
    """One page by number, or the one after a cursor; both together are refused."""
    if request.cursor is not UNSET and request.page is not UNSET:
        raise Failure("common/invalid-parameters", details={"cursor": ["cannot go with page"]})
    order = Order.of(request)
    number = 1 if request.page is UNSET else int(request.page)
    after = None if request.cursor is UNSET else order.place(call, str(request.cursor))
    found = _found(call, request)
    if after is not None:
        found = _counted(call, found)
        wanted = user_shapes.page(found.shape, order.column, down=order.down, after=True)
        rows = call.tx.all(wanted, **found.given, **after, most=request.limit + 1)
    else:
        rows = _numbered(call, order, found, (number - 1) * request.limit, request.limit)
        found = _counted(call, found, rows)
    assert found.total is not None
    more, rows = len(rows) > request.limit, rows[: request.limit]
    return UserPage(
        items=shown_to_admins(call, rows, include_accounts=request.include_accounts),
        pagination=Pagination.of(number, request.limit, found.total, exact=found.exact),
        next_cursor=order.cursor(call, rows[-1]) if more else None,
    )


def _numbered(call: Call, order: Order, found: _Found, skipped: int, limit: int) -> Sequence[Row[Any]]:
    """A page by number, with one row more where there is one."""
    shape, column, given = found.shape, order.column, found.given
    if skipped < FAR:
        wanted = user_shapes.page(shape, column, down=order.down, after=False)
        return call.tx.all(wanted, **given, skipped=skipped, most=limit + 1)
    found = _counted(call, found)
    assert found.total is not None
    if found.exact and skipped >= found.total:
        return []
    down, most = order.down, limit + 1
    if found.exact and skipped > found.total // 2:
        down, most = not down, min(most, found.total - skipped)
        skipped = found.total - skipped - most
    ids = user_shapes.page(shape, column, down=down, after=False, ids=True)
    here = [row.id for row in call.tx.all(ids, **given, skipped=skipped, most=most)]
    return call.tx.all(
        user_shapes.ordered(select(_users).where(_users.c.id.in_(here)), column, down=order.down)
    )


def _found(call: Call, request: ListUsers) -> _Found:
    """What is wanted and how many that are. Counts that are not kept stop at MOST_COUNTED."""
    shape, given = user_shapes.shape_of(call, request), user_shapes.parameters(call, request)
    if shape.is_plain and shape.search is None:
        return _Found(shape, given, user_totals.kept(call, request.role, request.status))
    shape = _with_few(call, shape, given)
    total = None
    if shape.search is not None:
        shape, total = _with_hits(call, shape, given)
    found = _Found(shape, given, None)
    if total is not None:
        return replace(found, total=min(total, MOST_COUNTED), exact=total <= MOST_COUNTED)
    return found if shape.are_few else _counted(call, found)


def _counted(call: Call, found: _Found, page: Sequence[Row[Any]] = ()) -> _Found:
    """The same with its total, which a page of few tells if there is anybody on it."""
    if found.total is not None:
        return found
    if page:
        return replace(found, total=page[0].total)
    total = int(call.tx.value(user_shapes.counted(found.shape), **found.given))
    return replace(found, total=min(total, MOST_COUNTED), exact=total <= MOST_COUNTED)


def _with_few(call: Call, shape: Shape, given: dict[str, Any]) -> Shape:
    """Find who signs in some way, or has MFA, by their ids when they are few."""

    def are_few(counted: Select[Any]) -> bool:
        return int(call.tx.value(counted, **given)) <= MOST_COUNTED

    if shape.provider is not None and are_few(user_shapes.LINKED_COUNTED):
        shape = replace(shape, provider="few")
    if shape.has_mfa and are_few(user_shapes.ENROLLED_COUNTED):
        shape = replace(shape, mfa="few")
    return shape


def _with_hits(call: Call, shape: Shape, given: dict[str, Any]) -> tuple[Shape, int | None]:
    """Ask an index for a search's hits; the total where it tells that at once."""
    text = given["text"]
    if not shape.on_sqlite:
        is_rare = len(text) >= user_search.GRAM and not _is_common(call, shape, given)
        return (replace(shape, found="grams") if is_rare else shape), None
    phrase = user_search.phrase_of(text)
    if phrase is None:
        return shape, None
    given |= user_search.spanned(call, phrase, str(shape.search))
    spans = user_search.spans_of(shape.status)
    total = int(call.tx.value(user_search.counted(spans), **given))
    if total <= FEW:
        return replace(shape, found=spans), None
    is_all = shape.is_plain and phrase == text and not shape.has_role and shape.status in (None, "deleted")
    return shape, total if is_all else None


def _is_common(call: Call, shape: Shape, given: dict[str, Any]) -> bool:
    """Whether one in a hundred of the newest users is found: then reading in order soon fills a page."""
    return int(call.tx.value(user_shapes.found_among_newest(shape, SAMPLE), **given)) > SAMPLE // 100
