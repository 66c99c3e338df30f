"""bkendctl keys: create, list, get, revoke, verify."""

from __future__ import annotations

import pytest
from shell import ALICE, Shell


def made(ready: Shell, name: str, *more: str) -> dict[str, str]:
    """Make a secret key."""
    key: dict[str, str] = ready.json("keys", "create", "--type", "secret", "--name", name, *more)
    return key


def test_quiet_prints_the_key_alone(ready: Shell) -> None:
    """One line, fit for KEY=$(…), and nothing on stderr."""
    said = ready.ok("keys", "create", "--type", "secret", "--name", "ci", "-q")
    assert said.out.startswith("sk_")
    assert len(said.out) == len("sk_") + 64 + 1
    assert said.err == ""
    ready.set(API_KEY=said.out.strip())
    ready.ok("users", "list")


def test_a_key_is_shown_once(ready: Shell) -> None:
    """Created with its secret, listed and shown without it."""
    key = made(ready, "ci", "--scope", "users:read", "--scope", "users:list", "--expires", "90d")
    assert key["scopes"] == ["users:read", "users:list"]
    assert key["expiresAt"] is not None
    for arguments in (["list"], ["get", key["id"]]):
        said = ready.ok("keys", *arguments)
        assert key["key"] not in said.out
        assert key["maskedKey"] in said.out


def test_keys_are_listed_by_state(ready: Shell) -> None:
    """Active ones by default; revoked ones on demand; by kind."""
    key = made(ready, "ci")
    ready.ok("keys", "revoke", key["id"], "--yes")
    assert ready.json("keys", "list")["pagination"]["total"] == 2
    revoked = ready.json("keys", "list", "--status", "revoked")["items"]
    assert [each["id"] for each in revoked] == [key["id"]]
    assert len(ready.json("keys", "list", "--type", "publishable")["items"]) == 1


def test_a_key_is_revoked_by_prefix(ready: Shell) -> None:
    """Asked before; then the key does nothing any more."""
    key = made(ready, "ci")
    ready.refused(2, "cli/usage", "keys", "revoke", key["id"][:8])
    ready.ok("keys", "revoke", key["id"][:8], "--yes")
    ready.set(API_KEY=key["key"])
    error = ready.refused(3, "auth/token-revoked", "users", "list")
    assert error["hint"]


def test_a_key_that_is_not_there(ready: Shell) -> None:
    """Unknown id and unknown prefix alike: exit 5 and where to look."""
    for key in ("00000000-0000-4000-8000-000000000000", "00000000"):
        assert ready.refused(5, "api-key/not-found", "keys", "get", key)["hint"] == "bkendctl keys list"


def test_an_ambiguous_prefix(ready: Shell) -> None:
    """Two keys that begin alike: exit 2 and both ids."""
    made(ready, "one")
    made(ready, "two")
    ready.sql("UPDATE api_keys SET id = 'bbbbbbbb' || substr(id, 9) WHERE name IN ('one', 'two')")
    error = ready.refused(2, "cli/ambiguous", "keys", "revoke", "bbbbbbbb", "--yes")
    assert error["message"].count("bbbbbbbb-") == 2
    assert ready.json("keys", "list")["pagination"]["total"] == 4


@pytest.mark.parametrize("kind", ["publishable", "secret"])
def test_a_key_is_verified_from_stdin(kind: str, ready: Shell) -> None:
    """What the key is for, whoever it belongs to; it is never repeated."""
    key = ready.json("keys", "create", "--type", kind, "--name", "ci")
    found = ready.json("keys", "verify", stdin=key["key"] + "\n")
    assert (found["id"], found["status"]) == (key["id"], "active")
    assert key["key"] not in str(found)


@pytest.mark.parametrize(
    ("key", "code"),
    [("sk_" + "0" * 64, "auth/invalid-token"), ("sk_0", "auth/invalid-token-format"),
     ("hello", "auth/invalid-token-format")],
)  # fmt: skip
def test_a_bad_key_is_not_verified(key: str, code: str, ready: Shell) -> None:
    """Exit 3 with the reason, and nothing of the key in it."""
    assert key not in str(ready.refused(3, code, "keys", "verify", stdin=key))


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("type", ["--type", "king"]),
        ("scopes", ["--type", "secret", "--scope", "everything"]),
        ("expiresAt", ["--type", "secret", "--expires", "2020-01-01T00:00:00Z"]),
    ],
)
def test_a_key_that_breaks_a_rule(field: str, arguments: list[str], ready: Shell) -> None:
    """Exit 10, the field named, no key made."""
    error = ready.refused(10, "common/invalid-parameters", "keys", "create", "--name", "ci", *arguments)
    assert "".join(error["details"]).startswith(field)
    assert ready.json("keys", "list", "--status", "all")["pagination"]["total"] == 2


def test_scopes_limit_a_key(alice: Shell) -> None:
    """Exit 4 names the scope that is missing."""
    alice.set(API_KEY=made(alice, "reader", "--scope", "users:list")["key"])
    alice.ok("users", "list")
    error = alice.refused(4, "data/scope-insufficient", "users", "set-role", ALICE, "admin")
    assert "users:update" in error["message"]


def test_an_expired_key(ready: Shell) -> None:
    """From its end on a key is refused, exit 3."""
    ready.set(API_KEY=made(ready, "short", "--expires", "1h")["key"])
    ready.ok("users", "list")
    ready.pass_time(3601)
    ready.refused(3, "auth/token-expired", "users", "list")


def test_an_environment_that_is_not_there(ready: Shell) -> None:
    """Keys are made for environments of the project only."""
    ready.refused(5, "data/environment-not-found", "keys", "create", "--type", "secret", "--name", "x",
                  "--environment", "prod")  # fmt: skip
