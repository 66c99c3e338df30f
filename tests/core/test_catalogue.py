"""Finding an operation by its request line."""

from __future__ import annotations

import pytest

from bkendctl.contract import keys, sessions, users
from bkendctl.contract.catalogue import find, operations
from bkendctl.contract.errors import Failure


def test_every_operation_is_found_by_its_own_method_and_path() -> None:
    """Patterns do not hide fixed paths, such as /v1/api-keys/current behind /v1/api-keys/{keyId}."""
    for operation in operations():
        path = operation.path.replace("{", "").replace("}", "")
        assert find(operation.method, path)[0] is operation


@pytest.mark.parametrize(
    ("method", "path", "operation", "values"),
    [
        ("GET", "/v1/api-keys/current", keys.CURRENT, {}),
        ("GET", "/v1/api-keys/7", keys.GET, {"keyId": "7"}),
        ("PATCH", "/v1/users/a%40b.c/role", users.SET_ROLE, {"userId": "a@b.c"}),
        ("DELETE", "/v1/auth/sessions", sessions.REVOKE_ALL, {}),
    ],
)
def test_values_are_taken_from_the_path(
    method: str, path: str, operation: object, values: dict[str, str]
) -> None:
    """Decoded, by the names of the template."""
    assert find(method, path) == (operation, values)


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/v1/nowhere", "common/not-found"),
        ("GET", "/v1/users/", "common/not-found"),
        ("GET", "/v1/users/a/b", "common/not-found"),
        ("PUT", "/v1/users", "common/method-not-allowed"),
    ],
)
def test_what_is_not_there_is_told_from_what_takes_other_methods(method: str, path: str, code: str) -> None:
    """404 and 405; the second names the methods."""
    with pytest.raises(Failure) as caught:
        find(method, path)
    assert caught.value.code == code
    assert ("takes GET, POST" in caught.value.message) == (code == "common/method-not-allowed")
