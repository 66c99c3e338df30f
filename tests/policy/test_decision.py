"""Every sentence of bkend's table permissions, as a case."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bkendctl.policy.decision import DENIED, SCOPE, SYSTEM, Decision, decide
from bkendctl.policy.expression import Caller
from bkendctl.policy.table import ALWAYS_READABLE, OPERATIONS, table_of

ADMIN, GUEST = Caller("admin", "root"), Caller("guest")
ALICE = Caller("user", "alice")
EDITOR = Caller("user", "ed", frozenset({"editor"}))
MINE, OTHERS = {"createdBy": "alice"}, {"createdBy": "bob"}
NOTES = {
    "permissions": {
        "user": {"create": True},
        "self": dict.fromkeys(("read", "update", "delete", "list"), True),
    }
}


def decided(
    definition: dict[str, Any], operation: str, caller: Caller, *, name: str = "posts", **how: Any
) -> Decision:
    """Decide on a definition."""
    return decide(table_of(name, definition), operation, caller, **how)


@pytest.mark.parametrize(
    ("caller", "allowed"),
    [(ADMIN, set(OPERATIONS)), (ALICE, {"create", "read", "list"}), (GUEST, {"read", "list"})],
)
def test_a_table_that_sets_nothing(caller: Caller, allowed: set[str]) -> None:
    """admin all; user create, read, list; guest read, list."""
    assert {name for name in OPERATIONS if decided({}, name, caller, row=MINE).allowed} == allowed


def test_list_left_out_is_read() -> None:
    """In the boolean form and in expressions; where it is set it stands."""
    booleans = {"permissions": {"guest": {"read": True}}}
    assert decided(booleans, "list", GUEST) == Decision(True, "permissions.guest.read")
    booleans["permissions"]["guest"]["list"] = False
    assert not decided(booleans, "list", GUEST).allowed
    expressions = {"expressionPermissions": {"read": "guest"}}
    assert decided(expressions, "list", GUEST).rule == "expressionPermissions.read: guest"


def test_a_group_that_may_decides_alone() -> None:
    """No filter for own rows then."""
    definition = {"permissions": {"user": {"list": True}, "self": {"list": True}}}
    assert decided(definition, "list", ALICE) == Decision(True, "permissions.user.list")


@pytest.mark.parametrize("operation", ["read", "update", "delete"])
def test_self_is_for_own_rows(operation: str) -> None:
    """Another's and nobody's rows are denied; the answer names what was asked in vain."""
    assert decided(NOTES, operation, ALICE, row=MINE) == Decision(True, f"permissions.self.{operation}")
    for row in (OTHERS, {}):
        denied = decided(NOTES, operation, ALICE, row=row)
        assert (denied.allowed, denied.code) == (False, DENIED)
        assert denied.rule == (
            f"permissions.user.{operation} and permissions.self.{operation} (the row is another's)"
        )


def test_a_list_for_oneself_is_filtered() -> None:
    """createdBy = caller, added by itself; a guest has no rows of its own."""
    assert decided(NOTES, "list", ALICE).filter == {"createdBy": "alice"}
    assert decided(NOTES, "list", GUEST).code == DENIED
    expressions = {"expressionPermissions": {"list": "user & self"}}
    assert decided(expressions, "list", ALICE).filter == {"createdBy": "alice"}


def test_what_is_made_is_its_maker_s() -> None:
    """self at create is every signed-in user."""
    definition = {"permissions": {"self": {"create": True}}}
    assert decided(definition, "create", ALICE).allowed
    assert not decided(definition, "create", GUEST).allowed


def test_an_expression_wins_over_the_boolean_form() -> None:
    """Where it is set, and only there."""
    definition = {
        "permissions": {"user": {"read": True, "update": True}},
        "expressionPermissions": {"update": "role:editor"},
    }
    assert decided(definition, "update", ALICE, row=MINE).rule == "expressionPermissions.update: role:editor"
    assert not decided(definition, "update", ALICE, row=MINE).allowed
    assert decided(definition, "update", EDITOR, row=MINE).allowed
    assert decided(definition, "read", ALICE, row=OTHERS).rule == "permissions.user.read"


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [(["posts:update"], True), (["*:update"], True), (["posts:*"], True), (["*:*"], True),
     (["posts:read", "comments:update"], False)],
)  # fmt: skip
def test_the_scope_of_a_key_comes_first(scopes: list[str], allowed: bool) -> None:
    """It binds admins too."""
    decision = decided({}, "update", ADMIN, scopes=scopes)
    assert (decision.allowed, decision.code) == (allowed, None if allowed else SCOPE)


def test_a_system_table_is_closed_until_it_is_opened() -> None:
    """Names with _ and no permissions: for admins alone."""
    assert decided({}, "read", ALICE, name="_users").code == SYSTEM
    assert decided({}, "read", ADMIN, name="_users").allowed
    opened = {"expressionPermissions": {"read": "user"}}
    assert decided(opened, "read", ALICE, name="_users").allowed
    assert decided(opened, "list", ALICE, name="_users").allowed
    assert decided(opened, "create", ALICE, name="_users").code == SYSTEM


def test_permissions_that_are_empty_set_nothing() -> None:
    """The defaults hold, and a system table stays closed."""
    assert decided({"permissions": {}}, "create", ALICE).rule == "default: user.create"
    assert decided({"permissions": {}}, "read", ALICE, name="_users").code == SYSTEM


def test_row_filters_for_nobody_and_for_oneself() -> None:
    """$userId of a guest is no row, never rows without an owner; self narrows to own rows."""
    definition: dict[str, Any] = {"rowFilters": [{"expression": "guest", "filter": {"createdBy": "$userId"}}]}
    assert decided(definition, "list", GUEST).filter == {"or": []}
    assert decided(definition, "list", ALICE).filter == {"createdBy": "alice"}
    definition["rowFilters"].append({"expression": "guest", "filter": {"published": True}})
    assert decided(definition, "list", GUEST).filter == {"published": True}
    own = {"rowFilters": [{"expression": "self", "filter": {"draft": True}}]}
    assert decided(own, "list", ALICE).filter == {"and": [{"createdBy": "alice"}, {"draft": True}]}


def test_an_admin_s_list_is_whole() -> None:
    """Always allowed, whatever the row filters say."""
    definition = {"rowFilters": [{"expression": "guest", "filter": {"published": True}}]}
    assert decided(definition, "list", ADMIN) == Decision(True, "admin: always allowed")


def test_columns_are_hidden_or_refused() -> None:
    """An unreadable one is left out silently, writing a forbidden one is refused."""
    definition = {
        "permissions": {"user": {"read": True, "update": True}},
        "columnPermissions": {
            "salary": {"read": "admin | self", "write": "admin"},
            "createdBy": {"read": "admin"},
            "note": {},
        },
    }
    assert decided(definition, "read", ALICE, row=OTHERS).hidden == ("salary",)
    assert decided(definition, "read", ALICE, row=MINE).hidden == ()
    assert decided(definition, "read", ADMIN, row=OTHERS).hidden == ()
    denied = decided(definition, "update", ALICE, row=MINE, written=["note", "salary"])
    assert (denied.rule, denied.code) == ("columnPermissions.salary.write", DENIED)
    assert decided(definition, "update", ALICE, row=MINE, written=["note", "free"]).allowed


def test_row_filters_narrow_a_list() -> None:
    """Those that fit the caller, joined by or; $userId is the caller; an empty one means all rows."""
    definition: dict[str, Any] = {
        "expressionPermissions": {"list": "guest"},
        "rowFilters": [
            {"expression": "guest", "filter": {"published": True}},
            {"expression": "user", "filter": {"reviewers": ["$userId"]}},
            {"expression": "role:editor", "filter": {}},
        ],
    }
    assert decided(definition, "list", GUEST).filter == {"published": True}
    both = {"or": [{"published": True}, {"reviewers": ["alice"]}]}
    assert decided(definition, "list", ALICE).filter == both
    assert decided(definition, "list", EDITOR).filter is None
    assert decided(definition, "read", GUEST).filter is None
    definition["expressionPermissions"]["list"] = "self"
    assert decided(definition, "list", ALICE).filter == {"and": [{"createdBy": "alice"}, both]}


booleans = st.dictionaries(
    st.sampled_from(["user", "guest", "self"]), st.dictionaries(st.sampled_from(OPERATIONS), st.booleans())
)
anything = st.fixed_dictionaries(
    {},
    optional={
        "permissions": booleans,
        "expressionPermissions": st.dictionaries(
            st.sampled_from(OPERATIONS), st.sampled_from(["user", "self", "guest", "role:editor & self"])
        ),
        "columnPermissions": st.dictionaries(
            st.sampled_from(["id", "createdBy", "createdAt", "updatedAt", "salary"]),
            st.fixed_dictionaries({"read": st.sampled_from(["admin", "self"])}),
        ),
    },
)


@given(anything, st.sampled_from(OPERATIONS), st.sampled_from([MINE, OTHERS, {}]))
def test_what_holds_for_every_definition(
    definition: dict[str, Any], operation: str, row: dict[str, str]
) -> None:
    """An admin may; what is always readable is never hidden; a refusal has a code and its rule."""
    assert decided(definition, operation, ADMIN, row=row).allowed
    for caller in (ALICE, GUEST, EDITOR):
        decision = decided(definition, operation, caller, row=row)
        assert decision.rule
        assert (decision.code is None) == decision.allowed
        assert not ALWAYS_READABLE & set(decision.hidden)
        assert decision == decided(definition, operation, caller, row=row)


@given(booleans.filter(bool), st.sampled_from(OPERATIONS), st.sampled_from([MINE, OTHERS]))
def test_the_boolean_form_agrees_with_a_naive_reading(
    permissions: dict[str, dict[str, bool]], operation: str, row: dict[str, str]
) -> None:
    """Group first, then self on own rows."""
    wanted = {group: rules.get(operation, operation == "list" and rules.get("read", False))
              for group, rules in permissions.items()}  # fmt: skip
    own = operation in ("create", "list") or row is MINE
    naive = wanted.get("user", False) or (own and wanted.get("self", False))
    assert decided({"permissions": permissions}, operation, ALICE, row=row).allowed == naive
