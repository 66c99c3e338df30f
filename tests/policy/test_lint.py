"""What lint finds in a definition."""

from __future__ import annotations

from typing import Any

import pytest

from bkendctl.policy.lint import lint

GOOD: dict[str, Any] = {
    "permissions": {
        "user": {"create": True, "read": True},
        "self": {"update": True},
        "guest": {"read": True},
    },
    "expressionPermissions": {"delete": "admin | user & self"},
    "columnPermissions": {"salary": {"read": "admin | self", "write": "admin"}},
    "rowFilters": [{"expression": "guest", "filter": {"published": True, "owner": "$userId"}}],
}


def test_a_sound_definition_has_no_findings() -> None:
    """Nothing is found for the sake of finding."""
    assert lint("posts", GOOD) == []


@pytest.mark.parametrize(
    ("change", "path", "severity", "mend"),
    [
        ({"permission": {}}, "permission", "error", "permissions"),
        ({"permissions": {"users": {}}}, "permissions.users", "error", "user"),
        ({"permissions": {"user": {"raed": True}}}, "permissions.user.raed", "error", "read"),
        ({"permissions": {"user": {"read": "yes"}}}, "permissions.user.read", "error", "true or false"),
        ({"permissions": {"user": [1]}}, "permissions.user", "error", "{read: true}"),
        ({"permissions": {"guest": {"create": True}}}, "permissions.guest.create", "warning", "false"),
        (
            {"permissions": {"user": {"read": False, "list": True}}},
            "permissions.user.list",
            "warning",
            "list: false",
        ),
        (
            {"permissions": {"user": {"read": True}, "self": {"read": True}}},
            "permissions.self.read",
            "warning",
            "user.read: false",
        ),
        ({"permissions": {"admin": {"read": False}}}, "permissions.admin", "warning", "leave it out"),
        (
            {"permissions": {"user": {"delete": True}}},
            "permissions.user.delete",
            "warning",
            "leave one of them out",
        ),
        (
            {"permissions": {}, "expressionPermissions": {"read": "user &"}},
            "expressionPermissions.read",
            "error",
            "such as",
        ),
        (
            {"permissions": {}, "expressionPermissions": {"read": 7}},
            "expressionPermissions.read",
            "error",
            "such as",
        ),
        (
            {"permissions": {}, "expressionPermissions": {"update": "guest"}},
            "expressionPermissions.update",
            "warning",
            "user",
        ),
        (
            {"permissions": {}, "expressionPermissions": {"read": "user | public"}},
            "expressionPermissions.read",
            "warning",
            "guest",
        ),
        (
            {"columnPermissions": {"id": {"read": "admin"}}},
            "columnPermissions.id.read",
            "warning",
            "leave it out",
        ),
        ({"columnPermissions": {"x": {"write": "roles:a"}}}, "columnPermissions.x.write", "error", "such as"),
        (
            {"rowFilters": [{"expression": "user", "filter": {}}]},
            "rowFilters.0.filter",
            "warning",
            "a filter",
        ),
        (
            {"rowFilters": [{"expression": "user", "filter": {"a": ["$userid"]}}]},
            "rowFilters.0.filter",
            "error",
            "$userId",
        ),
        ({"rowFilters": {}}, "rowFilters", "error", "[{expression"),
    ],
)
def test_what_is_wrong_is_named_with_what_would_be_right(
    change: dict[str, Any], path: str, severity: str, mend: str
) -> None:
    """One finding for each, at its place."""
    [finding] = lint("posts", GOOD | change)
    assert (finding.path, finding.severity) == (path, severity)
    assert mend in finding.mend


@pytest.mark.parametrize(("name", "says"), [("posts", "everybody may read"), ("_audit", "admins alone")])
def test_a_table_that_sets_nothing_is_told(name: str, says: str) -> None:
    """What the defaults mean."""
    [finding] = lint(name, {})
    assert says in finding.message


def test_what_is_no_table() -> None:
    """A list, a text."""
    assert [finding.severity for finding in lint("posts", [])] == ["error"]
