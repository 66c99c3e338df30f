"""bkendctl orgs, projects, environments: named by people, kept in profiles, asked about before they go."""

from __future__ import annotations

from typing import Any

from shell import ALICE, Shell


def claims(shell: Shell) -> Any:
    """What the present access token says."""
    return shell.json("token", "show")["claims"]


def test_an_organization_is_named_by_id_name_or_slug(alice: Shell) -> None:
    """Exact names; one that two have is told apart by id; unknown ones are unknown."""
    made = alice.json("orgs", "create", "--name", "Acme & Co", "--owner", ALICE)
    for named in (made["id"], "Acme & Co", "acme-co"):
        assert alice.json("orgs", "get", named)["id"] == made["id"]
    alice.refused(5, "organization/not-found", "orgs", "get", "acme & co")
    again = alice.json("orgs", "create", "--name", "Acme & Co", "--owner", ALICE)
    error = alice.refused(2, "cli/ambiguous", "orgs", "get", "Acme & Co")
    assert again["id"] in error["message"]
    nobody = alice.refused(10, "common/invalid-parameters", "orgs", "create", "--name", "X")
    assert "--owner USER" in nobody["hint"]
    mine = alice.json("orgs", "create", "--name", "Mine", "--as", "user")
    assert mine["role"] == "owner"
    assert {each["name"] for each in alice.json("orgs", "list", "--as", "user")["items"]} == {
        "Acme & Co", "Mine",
    }  # fmt: skip
    changed = alice.json("orgs", "update", "Mine", "--name", "Ours", "--description", "D")
    assert (changed["name"], changed["description"]) == ("Ours", "D")
    assert alice.json("orgs", "update", "Ours", "--description", "null")["description"] is None


def test_members_are_named_by_address(alice: Shell) -> None:
    """Invited by the organization's name, given a role, removed; the last owner stays."""
    alice.json("orgs", "create", "--name", "Acme", "--owner", ALICE)
    invite = ("invitations", "create", "bob@example.com", "--organization", "Acme", "--role", "member")
    assert alice.json(*invite)["resourceName"] == "Acme"
    alice.json("users", "create", "bob@example.com", "--name", "Bob", "--email-verified")
    token = alice.json("mail", "list", "--category", "invitation")["items"][0]["links"][0].split("token=")[1]
    alice.ok("invitations", "accept", "--token", token.split("&")[0])
    changed = alice.json("orgs", "members", "set-role", "Acme", "bob@example.com", "admin", "--as", "user")
    assert (changed["email"], changed["role"]) == ("bob@example.com", "admin")
    table = alice.ok("orgs", "members", "list", "Acme").out
    assert "bob@example.com" in table
    assert ALICE in table
    alice.refused(6, "organization/last-owner", "orgs", "members", "remove", "Acme", ALICE, "--yes")
    alice.ok("orgs", "members", "remove", "Acme", "bob@example.com", "--yes")
    alice.refused(
        5, "organization/member-not-found", "orgs", "members", "set-role", "Acme", "bob@example.com", "owner"
    )
    assert len(alice.json("orgs", "members", "list", "Acme")["items"]) == 1


def test_switching_stores_the_new_tokens(alice: Shell) -> None:
    """The stored session goes on with the organization in it, through a refresh too."""
    made = alice.json("orgs", "create", "--name", "Acme", "--owner", ALICE)
    assert alice.json("orgs", "switch", "Acme")["organizationId"] == made["id"]
    assert (claims(alice)["organizationId"], claims(alice)["organizationRole"]) == (made["id"], "owner")
    alice.ok("token", "refresh")
    assert claims(alice)["organizationId"] == made["id"]
    assert alice.json("whoami")["email"] == ALICE
    alice.refused(5, "organization/not-found", "orgs", "switch", "Elsewhere")


def test_a_new_environment_is_kept_in_a_profile(ready: Shell) -> None:
    """--new-profile keeps its keys, so that commands act there; without it they are shown this once."""
    shown = ready.ok("environments", "create", "qa").out
    assert "sk_" in shown
    assert "pk_" in shown
    kept = ready.ok("environments", "create", "staging", "--new-profile", "stage").out
    assert "sk_" not in kept
    there = ready.json("profiles", "show", "stage")
    assert (there["environment"], there["environmentType"]) == ("staging", "staging")
    assert there["holds"] == ["publishable key", "secret key"]
    assert ready.json("profiles", "show")["environment"] == "dev"
    ready.json("users", "create", "x@example.com", "--name", "X", "-p", "stage")
    assert ready.json("users", "list")["pagination"]["total"] == 0
    assert ready.json("users", "list", "-p", "stage")["pagination"]["total"] == 1
    listed = ready.ok("environments", "list", "-p", "stage").out
    assert [line.split()[0] for line in listed.splitlines() if "current" in line][-1] == "staging"
    ready.refused(6, "cli/profile-exists", "environments", "create", "x", "--new-profile", "stage")
    ready.refused(6, "project/environment-already-exists", "environments", "create", "qa")
    assert [each["environment"] for each in ready.json("environments", "list")["items"]] == [
        "dev", "qa", "staging",
    ]  # fmt: skip
    ready.ok("environments", "delete", "staging", "-p", "stage", "--yes")
    ready.refused(3, "auth/invalid-token", "users", "list", "-p", "stage")
    ready.refused(5, "data/environment-not-found", "environments", "delete", "staging", "--yes")
    ready.refused(4, "auth/forbidden", "environments", "delete", "qa", "--yes")


def test_a_project_is_made_set_up_and_deleted(alice: Shell) -> None:
    """By name, with its settings; deleting repeats the name by itself, once it was asked."""
    alice.json("orgs", "create", "--name", "Acme", "--owner", ALICE)
    made = alice.json(
        "projects", "create", "--organization", "Acme", "--name", "Shop", "--new-profile", "shop"
    )
    assert made["initialKeys"]["secret"]["key"].startswith("sk_")  # -o json is the API's body
    assert alice.json("projects", "get", "-p", "shop")["id"] == made["id"]
    changed = alice.json(
        "projects", "update", "Shop", "--public-url", "https://auth.example.com", "--issuer", "https://i.example",
        "--cors-origin", "https://a.example", "--cors-origin", "https://b.example",
    )  # fmt: skip
    assert changed["corsOrigins"] == ["https://a.example", "https://b.example"]
    assert (changed["publicUrl"], changed["issuer"]) == ("https://auth.example.com", "https://i.example")
    cleared = alice.json("projects", "update", "Shop", "--cors-origin", "null", "--public-url", "null")
    assert (cleared["corsOrigins"], cleared["publicUrl"]) == ([], None)
    alice.refused(2, "cli/usage", "projects", "update", "Shop")
    alice.refused(6, "organization/has-projects", "orgs", "delete", "Acme", "--yes")
    assert "--yes" in alice.refused(2, "cli/usage", "projects", "delete", "Shop")["message"]
    assert len(alice.json("projects", "list")["items"]) == 2
    alice.ok("projects", "delete", "Shop", "--as", "user", "--yes")
    assert [each["name"] for each in alice.json("projects", "list", "--organization", "Acme")["items"]] == []
    alice.ok("orgs", "delete", "Acme", "--yes")


def test_a_key_of_another_environment_is_refused_before_anything_is_done(ready: Shell) -> None:
    """A key of prod next to a profile for dev changes nothing in prod; the right one goes on working."""
    made = ready.json("environments", "create", "prod", "--new-profile", "prod")
    ready.set(API_KEY=made["initialKeys"]["secret"]["key"])
    create = ("users", "create", "x@example.com", "--name", "X")
    error = ready.refused(3, "cli/other-environment", *create)
    assert error["message"] == "The key is of prod, the profile default is for dev."
    assert ready.json(*create, "-p", "prod")["email"] == "x@example.com"
    ready.refused(3, "cli/other-environment", "users", "list", "-p", "default")
    ready.unset("API_KEY")
    assert ready.json("users", "list")["pagination"]["total"] == 0
    edited = ready.home / "config.toml"
    edited.write_text(edited.read_text().replace('environment = "prod"', 'environment = "staging"'))
    ready.refused(3, "cli/other-environment", "users", "list", "-p", "prod")


def test_what_destroys_says_where_and_production_asks_for_more(ready: Shell) -> None:
    """The question names environment and profile; in prod also what is everyday work in dev."""
    ready.ok("environments", "create", "prod", "--new-profile", "live")
    for profile in ("default", "live"):
        ready.json("users", "create", "x@example.com", "--name", "X", "-p", profile)
    error = ready.refused(2, "cli/usage", "users", "delete", "x@example.com", "-p", "live")
    assert error["message"].startswith("prod (profile live): Delete the user x@example.com?")
    role = ("users", "set-role", "x@example.com", "admin")
    ready.ok(*role)
    assert "prod (profile live)" in ready.refused(2, "cli/usage", *role, "-p", "live")["message"]
    ready.ok(*role, "-p", "live", "--yes")
    ready.refused(2, "cli/usage", "signing-keys", "rotate", "-p", "live")
    path = f"/v1/users/{ready.json('users', 'get', 'x@example.com', '-p', 'live')['id']}"
    ready.refused(2, "cli/usage", "api", "DELETE", path, "-p", "live")
    assert ready.json("users", "get", "x@example.com", "-p", "live")["status"] == "active"


def test_whoami_says_which_environment_it_is_about(alice: Shell) -> None:
    """On the card for people; -o json stays the API's body."""
    assert alice.ok("whoami").out.splitlines()[-1].split() == ["Environment", "dev"]
    assert "environment" not in alice.json("whoami")


def test_a_person_is_offered_a_profile_for_the_keys(ready: Shell) -> None:
    """A yes keeps them under the name of the environment, a no shows them this once, Ctrl-C makes nothing."""
    question = 'Keep its keys in a new profile "qa", rather than show them? [y/N] '
    person = ready.terminal("environments", "create", "qa")
    person.see(question)
    person.type("\x03")
    assert person.end() == 130
    assert len(ready.json("environments", "list")["items"]) == 1
    person = ready.terminal("environments", "create", "qa")
    person.answer(question, "y")
    assert person.end() == 0
    assert "sk_" not in person.seen
    assert ready.json("environments", "list", "-p", "qa")["items"][1]["environment"] == "qa"
    person = ready.terminal("environments", "create", "other")
    person.answer('"other"', "n")
    assert person.end() == 0
    assert "sk_" in person.seen
    ready.refused(5, "cli/profile-not-found", "profiles", "show", "other")
