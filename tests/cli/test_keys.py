"""bkendctl keys: create, list, get, revoke, verify."""

from __future__ import annotations

from pathlib import Path

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


def test_a_key_is_rotated_with_grace(ready: Shell) -> None:
    """Both work until the grace is over; how long is said."""
    old = made(ready, "ci")
    said = ready.ok("keys", "rotate", old["id"], "--grace", "24h", "--format", "plain")
    assert "another 1d" in said.err
    for key in (old["key"], said.out.strip()):
        ready.set(API_KEY=key)
        ready.ok("users", "list")
    ready.ok("clock", "advance", "25h")
    ready.set(API_KEY=old["key"])
    ready.refused(3, "auth/token-revoked", "users", "list")


def test_a_rotation_at_once_asks_first(ready: Shell) -> None:
    """Somebody may still use the old one."""
    old = made(ready, "ci")
    assert ready("keys", "rotate", old["id"]).status == 2
    assert ready.ok("keys", "rotate", old["id"][:8], "--yes", "-q").out.startswith("sk_")
    ready.refused(6, "api-key/already-revoked", "keys", "rotate", old["id"], "--yes")


def test_keys_that_nobody_uses(ready: Shell) -> None:
    """Live ones whose last use, or whose making, lies that far back on the environment's clock."""
    made(ready, "old")
    ready.ok("clock", "advance", "100d")
    made(ready, "young")
    names = [key["name"] for key in ready.json("keys", "unused", "--since", "90d")]
    assert "old" in names
    assert "young" not in names
    assert ready.json("keys", "unused", "--since", "101d") == []


def test_a_key_is_made_once_by_a_script_that_runs_again(ready: Shell) -> None:
    """Exit 0 and no key where one of that name lives; after it was revoked a new one."""
    create = ["keys", "create", "--type", "secret", "--name", "ci", "--if-not-exists", "-q"]
    assert ready.ok(*create).out.startswith("sk_")
    again = ready.ok(*create)
    assert again.out == ""
    present = ready.json("keys", "list", "--type", "secret")["items"][0]
    ready.ok("keys", "revoke", present["id"], "--yes")
    assert ready.ok(*create).out.startswith("sk_")


@pytest.mark.parametrize(("format_", "start"), [("plain", "sk_"), ("dotenv", "BKENDCTL_SECRET_KEY=sk_")])
def test_a_key_is_printed_as_a_machine_takes_it(ready: Shell, format_: str, start: str) -> None:
    """One line on stdout."""
    said = ready.ok("keys", "create", "--type", "secret", "--name", "ci", "--format", format_)
    assert said.out.startswith(start)
    assert said.out.count("\n") == 1


def test_github_actions_masks_the_key_before_it_is_stored(
    ready: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mask is all of stdout; what was in the file stays."""
    create = ["keys", "create", "--type", "secret", "--name", "ci", "--format", "github-actions"]
    monkeypatch.delenv("GITHUB_OUTPUT", raising=False)
    assert "GITHUB_OUTPUT" in ready.refused(2, "cli/usage", *create)["message"]
    assert len(ready.json("keys", "list", "--type", "secret")["items"]) == 1
    output = tmp_path / "output"
    output.write_text("before=1\n")
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))
    said = ready.ok(*create)
    key = said.out.removeprefix("::add-mask::").strip()
    assert said.out == f"::add-mask::{key}\n"
    assert output.read_text().startswith(f"before=1\nkey={key}\nkey-id=")


def test_what_was_mistyped_makes_no_key(ready: Shell) -> None:
    """A format that there is none of, a grace that is no duration."""
    before = ready.json("keys", "list")["pagination"]["total"]
    said = ready("keys", "create", "--type", "secret", "--name", "ci", "--format", "env")
    assert (said.status, "plain|dotenv" in said.err) == (2, True)
    assert ready("keys", "rotate", "0" * 36, "--grace", "soon").status == 2
    assert ready.json("keys", "list")["pagination"]["total"] == before
