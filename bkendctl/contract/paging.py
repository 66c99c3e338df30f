"""Pages of lists: Page[T] with its pagination."""

from __future__ import annotations

from typing import Generic, TypeVar

from bkendctl.contract.fields import Limit, PageNumber
from bkendctl.contract.operation import Body

ItemT = TypeVar("ItemT")


class PageRequest(Body, kw_only=True):
    """Which page of a list: page from 1, limit items each."""

    page: PageNumber = 1
    limit: Limit = 10


class Pagination(Body, kw_only=True):
    """Where a page stands: total rows in all, exact unless totalIsExact is false; totalPages 0 when empty."""

    page: int
    limit: int
    total: int
    total_is_exact: bool = True
    total_pages: int

    @classmethod
    def of(cls, page: int, limit: int, total: int, *, exact: bool = True) -> Pagination:
        """Work out the number of pages."""
        return cls(page=page, limit=limit, total=total, total_is_exact=exact, total_pages=-(-total // limit))


class Page(Body, Generic[ItemT], kw_only=True):
    """One page of a list."""

    items: list[ItemT]
    pagination: Pagination
