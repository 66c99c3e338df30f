"""bkendctl users: administration by e-mail and by id."""

from __future__ import annotations

import json

import pytest
import yaml
from shell import ALICE, PASSWORD, Shell

BOB = "bob@example.com"


@pytest.fixture
def bob(ready: Shell) -> str:
    """Id of a user that an admin made."""
    return str(ready.json("users", "create", BOB, "--name", "Bob")["id"])


@pytest.mark.usefixtures("bob")
def test_users_are_listed_and_filtered(ready: Shell) -> None:
    """-o json is the whole page; filters and pages narrow it, in the order asked for."""
    for name in ("carol", "dave"):
        ready.ok("users", "create", f"{name}@example.com", "--role", "guest")
    page = ready.json("users", "list", "--sort", "email", "--asc")
    assert [user["email"] for user in page["items"]] == [BOB, "carol@example.com", "dave@example.com"]
    assert page["pagination"]["total"] == 3
    assert len(ready.json("users", "list", "--role", "guest")["items"]) == 2
    assert len(ready.json("users", "list", "--search", "CAR", "--search-type", "email")["items"]) == 1
    assert len(ready.json("users", "list", "--last-sign-in-before", "30d", "--no-mfa")["items"]) == 3
    said = ready.ok("users", "list", "--limit", "2")
    assert "2 of 3 users · next: --page 2" in said.err
    assert len(ready.ok("users", "list", "--limit", "2", "--page", "2", "-q").out.split()) == 1


def test_a_user_is_named_by_id_or_address(bob: str, ready: Shell) -> None:
    """Both find it, the address in any case."""
    assert ready.json("users", "get", bob) == ready.json("users", "get", "BOB@Example.com")


def test_an_address_is_found_behind_a_hundred_that_contain_it(bob: str, ready: Shell) -> None:
    """More than a page of users whose addresses contain the one that is meant do not hide it."""
    environment = ready.sql("SELECT environment_id FROM users")[0][0]
    columns = [row[1] for row in ready.sql("PRAGMA table_info(users)")]
    own = ready.sql("SELECT * FROM users")[0]
    for number in range(101):
        row = dict(zip(columns, own, strict=True))
        row |= {"id": f"{number:08}-0000-4000-8000-000000000000", "email": f"x{number:03}{BOB}"}
        row |= {"environment_id": environment, "created_at": row["created_at"] + number + 1}
        ready.sql(f"INSERT INTO users VALUES ({', '.join('?' * len(row))})", *row.values())
    assert ready.json("users", "get", BOB)["id"] == bob


@pytest.mark.parametrize("user", ["nobody@example.com", "00000000-0000-4000-8000-000000000000", "bob"])
@pytest.mark.parametrize("verb", [["get"], ["delete", "--yes"], ["ban", "--yes"], ["sessions"]])
def test_an_unknown_user(user: str, verb: list[str], ready: Shell) -> None:
    """Exit 5, and where to look."""
    error = ready.refused(5, "user/not-found", "users", verb[0], user, *verb[1:])
    assert error["hint"] == "bkendctl users list"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["create", "no-address"], "auth/invalid-email"),
        (["create", "x@example.com", "--role", "king"], "user/invalid-role"),
        (["create", "x@example.com", "--name", "x" * 101], "user/invalid-name"),
        (["set-role", BOB, "king"], "user/invalid-role"),
        (["update", BOB, "--name", ""], "user/invalid-name"),
        (["list", "--limit", "0"], "common/invalid-parameters"),
        (["list", "--role", "king"], "common/invalid-parameters"),
    ],
)
@pytest.mark.usefixtures("bob")
def test_what_breaks_a_rule(arguments: list[str], code: str, ready: Shell) -> None:
    """Exit 10 with the contract's code, and nothing is made or changed."""
    before = ready.sql("SELECT * FROM users")
    ready.refused(10, code, "users", *arguments)
    assert ready.sql("SELECT * FROM users") == before


def test_a_user_with_a_first_password(ready: Shell) -> None:
    """--password-stdin gives a password that signs in; the address can be taken as proven."""
    ready.ok("users", "create", BOB, "--password-stdin", "--email-verified", stdin=PASSWORD)
    assert ready.login(BOB).status == 0
    assert ready.json("whoami")["emailVerified"] is not None


@pytest.mark.usefixtures("bob")
def test_rename_and_role(ready: Shell) -> None:
    """update and set-role answer with the user as it is then."""
    assert ready.json("users", "update", BOB, "--name", "Robert")["name"] == "Robert"
    assert ready.json("users", "set-role", BOB, "guest")["role"] == "guest"


def test_a_role_counts_from_the_next_request(alice: Shell) -> None:
    """The signed-in user becomes an admin, and stops being one, without signing in again."""
    alice.refused(4, "user/forbidden", "users", "list", "--as", "user")
    alice.ok("users", "set-role", ALICE, "admin")
    alice.ok("users", "list", "--as", "user")
    assert alice.json("users", "create", BOB, "--role", "admin", "--as", "user")["role"] == "admin"
    alice.ok("users", "set-role", ALICE, "user")
    alice.refused(4, "user/forbidden", "users", "list", "--as", "user")


def test_the_last_admin_stays(alice: Shell) -> None:
    """Exit 6, and what would help."""
    alice.ok("users", "set-role", ALICE, "admin")
    for arguments in (["set-role", ALICE, "user"], ["delete", ALICE, "-y"], ["ban", ALICE, "-y"]):
        alice.refused(6, "user/last-admin", "users", *arguments)


def test_ban_and_unban(alice: Shell) -> None:
    """A ban ends the sessions and names its end and reason; lifted, sign-in works again."""
    alice.refused(2, "cli/usage", "users", "ban", ALICE)
    banned = alice.json("users", "ban", ALICE, "--until", "7d", "--reason", "spam", "--yes")
    assert (banned["status"], banned["banReason"]) == ("banned", "spam")
    assert banned["bannedUntil"] is not None
    alice.refused(3, "auth/invalid-token", "whoami")
    assert [user["email"] for user in alice.json("users", "list", "--status", "banned")["items"]] == [ALICE]
    assert alice.json("users", "unban", ALICE)["status"] == "active"
    assert alice.login().status == 0
    alice.refused(2, "cli/usage", "users", "ban", ALICE, "--until", "soon", "--yes")


def test_delete_and_restore(bob: str, ready: Shell) -> None:
    """A deleted user is found by its address for restoring, and is the same one."""
    ready.ok("users", "delete", BOB, "--yes")
    assert ready.json("users", "list")["items"] == []
    assert ready.json("users", "restore", BOB)["id"] == bob


def test_an_address_with_a_past(bob: str, ready: Shell) -> None:
    """The live user is meant before deleted ones; of several deleted ones the id has to be named."""
    ready.ok("users", "delete", BOB, "--yes")
    second = ready.json("users", "create", BOB)["id"]
    assert ready.json("users", "get", BOB)["id"] == second
    ready.refused(6, "auth/email-already-exists", "users", "restore", BOB)
    ready.ok("users", "delete", BOB, "--yes")
    error = ready.refused(2, "cli/ambiguous", "users", "restore", BOB)
    assert bob in error["message"]
    assert second in error["message"]
    assert ready.json("users", "restore", bob)["id"] == bob


def test_sessions_of_a_user_are_seen_and_ended(alice: Shell) -> None:
    """The admin sees them and ends them all."""
    assert alice.json("users", "sessions", ALICE)["pagination"]["total"] == 1
    alice.refused(2, "cli/usage", "users", "revoke-sessions", ALICE)
    assert alice.json("users", "revoke-sessions", ALICE, "--yes")["endedCount"] == 1
    alice.refused(3, "auth/invalid-token", "whoami")


def test_mfa_of_nobody_is_not_reset(alice: Shell) -> None:
    """Exit 10 while MFA is off; the way with MFA on is in test_mfa.py."""
    alice.refused(10, "auth/mfa-not-enabled", "users", "reset-mfa", ALICE, "--yes")


def test_all_users_come_page_by_page(ready: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """One table or document whatever the format: each user once, in order; the footer counts."""
    monkeypatch.setattr("bkendctl.cli.user_list.LARGEST", 2)
    names = ["ann", "bea", "cem", "doe", "émil"]
    for name in names:
        ready.ok("users", "create", f"{name}@example.com", "--name", name)
    every = ("users", "list", "--all", "--sort", "name", "--asc")
    whole = ready.json("users", "list", "--sort", "name", "--asc")
    for kind, read in (("json", json.loads), ("yaml", yaml.safe_load)):
        found = read(ready.ok(*every, "-o", kind).out)
        assert found.keys() == whole.keys()
        assert found["items"] == whole["items"]
        assert (found["pagination"]["total"], found["nextCursor"]) == (5, None)
        empty = read(ready.ok(*every, "--search", "zzz", "-o", kind).out)
        assert (empty["items"], empty["pagination"]["total"]) == ([], 0)
    assert ready.ok(*every, "-o", "csv").out == ready.ok("users", "list", *every[3:], "-o", "csv").out
    said = ready.ok(*every)
    assert [line.split()[1] for line in said.out.splitlines()] == [
        "E-mail", *(user["email"] for user in whole["items"])
    ]  # fmt: skip
    assert said.err.startswith("5 users")
    assert ready.ok(*every, "-q").out.split() == [user["id"] for user in whole["items"]]
    assert ready.ok(*every, "--jq", ".items[].name").out.split() == names
    ready.refused(2, "cli/usage", *every, "--limit", "3")


def test_users_are_filtered_by_when_and_shown_with_accounts(ready: Shell) -> None:
    """Made or last seen before and after an instant; linked accounts are in the page and in the table."""
    ready.ok("users", "create", BOB)
    ready.sign_up()
    for option, emails in (
        (("--created-after", "1h"), {BOB, ALICE}),
        (("--created-before", "1h"), set()),
        (("--last-sign-in-after", "1h"), {ALICE}),
        (("--last-sign-in-before", "1h"), {BOB}),
    ):
        assert {user["email"] for user in ready.json("users", "list", *option)["items"]} == emails
    accounts = {
        user["email"]: user["accounts"] for user in ready.json("users", "list", "--include-accounts")["items"]
    }
    assert [each["provider"] for each in accounts[ALICE]] == ["email"]
    assert accounts[BOB] == []
    assert "Accounts" in ready.ok("users", "list", "--include-accounts").out
