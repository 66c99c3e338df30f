"""What is wrong within a field is told part by part: objects, lists and maps of them."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from msgspec import UNSET, Meta, UnsetType

from bkendctl.contract.errors import Failure
from bkendctl.contract.fields import Email, Limit, Role, Scope
from bkendctl.contract.operation import Access, Body, Change, Operation, Raw
from bkendctl.core.decoding import decode


class Inner(Change, kw_only=True):
    """What is in them."""

    least: Limit | UnsetType = UNSET
    email: Email | UnsetType = UNSET
    scopes: list[Scope] | UnsetType = UNSET
    on: bool | UnsetType | None = UNSET


class Deep(Body, kw_only=True):
    """Objects, lists and maps within each other."""

    policy: Inner
    people: Annotated[list[Inner], Meta(max_length=3, description="at most 3 people")] = []  # noqa: RUF012
    texts: dict[Role, Inner | None] | UnsetType = UNSET


DEEP = Operation(
    name="x.deep", operation_id="deep", method="POST", path="/deep", summary="x", access=Access.GUEST,
    request=Deep, response=Deep,
)  # fmt: skip


def faults(body: dict[str, Any]) -> dict[str, list[str]]:
    """The reasons for which a body is refused."""
    with pytest.raises(Failure, match="common/invalid-parameters") as caught:
        decode(DEEP, Raw(body=body))
    return {where: list(why) for where, why in (caught.value.details or {}).items()}


def test_every_fault_within_a_field_is_told_by_its_path() -> None:
    """Objects, lists and maps of objects: each value at fault with its own reason, positions as numbers."""
    sound = {"least": 7, "email": "bob@example.com", "scopes": ["a:read"], "on": None}
    body = {
        "policy": {"least": 0, "email": "nobody", "scopes": ["a", "a:read", "b:read\n"], "on": "yes"},
        "people": [sound, {"least": "x", "more": 1}, "bob"],
        "texts": {"admin": {"email": 1}, "user": None, "king": sound, "queen": {}},
    }
    scope = ["must be table:operation, such as posts:read or *:list"]
    assert faults(body) == {
        "policy.least": ["must be a whole number from 1 to 100"],
        "policy.email": ["must be an e-mail address"],
        "policy.scopes.0": scope,
        "policy.scopes.2": ["must not end in a line break"],
        "policy.on": ["must be true or false"],
        "people.1.least": ["must be a whole number from 1 to 100"],
        "people.2": ["must be an object"],
        "texts.admin.email": ["must be an e-mail address"],
        "texts": ["names must be admin, user or guest"],
    }
    fits = decode(DEEP, Raw(body={"policy": sound, "texts": {"admin": sound}}))
    assert (fits.policy, fits.texts["admin"].email) == (fits.texts["admin"], "bob@example.com")


def test_a_whole_is_at_fault_where_its_parts_are_not() -> None:
    """Too many of a list, an object that names nothing, and what is missing or of another kind."""
    for body, told in (
        (
            {"policy": {}, "people": [{"least": 0}] * 4},
            {"policy": "name at least one", "people": "must be at"},
        ),
        ({"policy": [], "people": {}}, {"policy": "must be an object", "people": "must be at most 3 people"}),
        ({"policy": {"email": "a@b.com", "more": "a\0"}}, {"policy": "must not contain NUL"}),
        ({"people": [{"scopes": "a:read"}]}, {"policy": "is required", "people.0.scopes": "must be a list"}),
    ):
        found = faults(body)
        assert set(found) == set(told)
        assert all(found[where][0].startswith(why) for where, why in told.items())
