"""The order of a list of users, and cursors: sealed places in it, good for the same filters alone."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hmac import compare_digest
from typing import Any, NoReturn

import msgspec
from msgspec import UNSET, Struct
from sqlalchemy import Row

from bkendctl.contract.errors import Failure
from bkendctl.contract.users import ListUsers
from bkendctl.core.call import Call

_SORT = {
    "createdAt": "created_at",
    "updatedAt": "updated_at",
    "name": "name",
    "email": "email",
    "role": "role",
}
_FREE = ("page", "cursor", "limit", "include_accounts")
"""What may change from page to page."""
_SEAL = 22
"""Hex digits of a cursor's seal: 88 bits. Whoever guesses one wins a place in a list it may read anyway."""


class Order(Struct, frozen=True):
    """By which column, which way; equal values by id. filters: what the list was asked for."""

    column: str
    down: bool
    filters: str

    @classmethod
    def of(cls, request: ListUsers) -> Order:
        """The order a list was asked for in."""
        asked = {
            name: value
            for name in request.__struct_fields__
            if name not in _FREE and (value := getattr(request, name)) is not UNSET
        }
        filters = msgspec.json.encode(asked, order="sorted").decode()
        return cls(_SORT[request.sort_by], request.sort_direction == "desc", filters)

    def cursor(self, call: Call, last: Row[Any]) -> str:
        """The place after a row. The value is in it and not looked up: the row may be gone by then."""
        value = getattr(last, self.column)
        place = msgspec.json.encode([self._seal(call, value, last.id), value, last.id])
        return urlsafe_b64encode(place).rstrip(b"=").decode()

    def place(self, call: Call, cursor: str) -> dict[str, int | str]:
        """Value and id of a cursor's row. common/invalid-parameters for a cursor of another list."""
        try:
            padded = cursor + "=" * (-len(cursor) % 4)
            seal, value, id_ = msgspec.json.decode(urlsafe_b64decode(padded), type=tuple[str, int | str, str])
            is_ours = compare_digest(seal.encode(), self._seal(call, value, id_).encode())
        except (ValueError, msgspec.DecodeError):
            _refuse()
        if not is_ours:
            _refuse()
        return {"value": value, "id": id_}

    def _seal(self, call: Call, value: int | str, id_: str) -> str:
        return call.core.vault.keyed_hash("user-cursor", self.filters, str(value), id_)[:_SEAL]


def _refuse() -> NoReturn:
    raise Failure(
        "common/invalid-parameters",
        details={"cursor": ["must be a nextCursor, with filters and sorting unchanged"]},
    )
