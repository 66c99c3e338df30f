"""A remote profile: the same commands and the same output, with a server in between."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from shell import ALICE, PASSWORD, Shell

from bkendctl.client.embedded import core_at
from bkendctl.local.paths import paths
from tests.http_server import HttpServer
from tests.mail_server import running


@pytest.fixture
def far(alice: Shell, served: HttpServer) -> Shell:
    """A command line whose current profile leads to the server; Alice is signed in there too."""
    keys = f"{alice.credentials['publishable_key']}\n{alice.credentials['secret_key']}\n"
    alice.ok("profiles", "add", "far", "--url", served.url, "--api-key-stdin", stdin=keys)
    assert alice.login().status == 0
    return alice


AGO = re.compile(r"\b(now|\d+ \w+ ago|profile \w+)\b")
"""How old something is changes between two commands, and the two are of different profiles."""


def timeless(text: str) -> str:
    """A text without the distances in time, nor the width that a column has for them."""
    return re.sub(" +", " ", AGO.sub("ago", text))


ALIKE = (
    ["whoami"],
    ["mfa", "status"],
    ["profile", "show"],
    ["profile", "show", "--user", ALICE, "--as", "key"],
    ["profile", "set", "--nickname", ""],
    ["notifications", "show"],
    ["onboarding", "show"],
    ["preferences", "show"],
    ["public-settings", "set", "--slug", "-"],
    ["users", "export", "--to", "csv"],
    ["users", "export", "--to", "jsonl", "--include-accounts"],
    ["users", "export", "--to", "jsonl", "--role", "emperor"],
    ["users", "list"],
    ["users", "get", ALICE],
    ["users", "get", "nobody@example.com"],
    ["users", "set-role", ALICE, "emperor"],
    ["users", "ban", ALICE, "--until", "2001-01-01T00:00:00Z", "--yes"],
    ["keys", "list"],
    ["keys", "revoke", "00000000-0000-4000-8000-000000000000", "--yes"],
    ["mail", "list"],
    ["orgs", "list"],
    ["orgs", "members", "list", "My project"],
    ["orgs", "get", "Nobody's"],
    ["projects", "get"],
    ["environments", "list"],
    ["environments", "delete", "dev", "--yes"],
    ["audit", "verify"],
    ["audit", "list", "--action", "accounts.sign_up"],
    ["invitations", "create", ALICE, "--project", "none"],
    ["invitations", "accept", "--token", "inv_guess"],
    ["sessions", "revoke", "00000000-0000-4000-8000-000000000000", "--yes"],
    ["mfa", "confirm", "123456"],
    ["api", "GET", "/v1/users?limit=0"],
    ["api", "GET", "/v1/nowhere"],
    ["api", "POST", "/v1/users", "-f", "name=", "-f", "email=x"],
    ["login", "nobody@example.com", "--password-stdin"],
)


@pytest.mark.parametrize("command", ALIKE, ids=" ".join)
@pytest.mark.parametrize("output", ["table", "json"])
def test_commands_say_the_same_on_both(far: Shell, command: list[str], output: str) -> None:
    """Status, stdout and stderr of the embedded core and of the server over it are equal."""
    near, there = (
        far(*command, "-p", profile, "-o", output, stdin="Wr0ng-password!") for profile in ("default", "far")
    )
    assert (there.status, there.err) == (near.status, near.err)
    assert timeless(there.out) == timeless(near.out)


def test_a_profile_learns_what_its_keys_are_of(far: Shell) -> None:
    """Project and environment come from the server."""
    near, there = (far.json("profiles", "show", name) for name in ("default", "far"))
    assert (there["projectId"], there["environment"]) == (near["projectId"], near["environment"])
    assert there["holds"] == ["publishable key", "secret key", "session"]


def test_an_expired_token_is_renewed_at_the_server(far: Shell) -> None:
    """One refresh, unnoticed; the moved clock is told of."""
    before = far.ok("token", "print").out
    far.ok("clock", "advance", "2h")
    said = far.ok("whoami")
    assert "2h ahead" in said.err
    assert far.ok("token", "print").out != before


def test_logging_out_works_when_the_server_is_gone(far: Shell) -> None:
    """The tokens are forgotten here all the same, and it is said."""
    config = far.home / "config.toml"
    config.write_text(config.read_text().replace(_url(config), "http://127.0.0.1:9"))
    said = far("logout")
    assert "may still live" in said.out
    far.refused(3, "cli/not-signed-in", "whoami")


def _url(config: Path) -> str:
    return next(line.split('"')[1] for line in config.read_text().splitlines() if line.startswith("url"))


def test_a_server_that_cannot_be_reached_is_named(alice: Shell) -> None:
    """A profile can be added before its server runs; commands then say what is wrong."""
    said = alice.ok("profiles", "add", "far", "--url", "http://127.0.0.1:9", "--api-key-stdin",
                    stdin=alice.credentials["secret_key"])  # fmt: skip
    assert "cannot be reached" in said.err
    alice.refused(8, "cli/network", "users", "list")


def test_a_key_the_server_refuses_adds_no_profile(alice: Shell, served: HttpServer) -> None:
    """A mistyped key is told at once, and nothing is kept."""
    wrong = "sk_" + "0" * 64
    alice.refused(
        3, "auth/invalid-token", "profiles", "add", "far", "--url", served.url, "--api-key-stdin", stdin=wrong
    )
    assert [each["name"] for each in alice.json("profiles", "list")] == ["default"]


def test_keys_come_a_line_each_and_one_of_a_kind(alice: Shell, served: HttpServer) -> None:
    """Two of a kind, or something else, are refused."""
    key = alice.credentials["secret_key"]
    for text in (f"{key}\n{key}", "hello", f"{key}\nrt_x"):
        alice.refused(2, "cli/usage", "profiles", "add", "far", "--url", served.url, "--api-key-stdin",
                      stdin=text)  # fmt: skip


def test_an_address_and_a_key_suffice(shell: Shell, alice: Shell, served: HttpServer) -> None:
    """In CI there is no profile: BKENDCTL_URL and BKENDCTL_API_KEY; nothing is stored."""
    key = alice.credentials["secret_key"]
    shell.set(HOME=str(alice.home.parent / "elsewhere"), URL=served.url, API_KEY=key)
    assert [each["email"] for each in shell.json("users", "list")["items"]] == [ALICE]
    assert not (alice.home.parent / "elsewhere" / "credentials.json").exists()


def test_the_demo_walks_at_a_server(far: Shell, served: HttpServer) -> None:
    """All steps over HTTP; what it made there is taken away, and the own profile is left alone."""
    users = far.json("users", "list")
    said = far.ok("demo", "--remote", served.url)
    assert "10 of 10 steps" in said.out
    assert f"$ bkendctl profiles add demo --url {served.url}" in said.out
    assert far.json("users", "list") == users
    assert {each["name"] for each in far.json("profiles", "list")} == {"default", "far"}
    assert [each["status"] for each in far.json("invitations", "list")["items"]] == ["revoked"]
    active = [each["name"] for each in far.json("keys", "list")["items"]]
    assert not [name for name in active if name.startswith("ci-")]


def test_the_demo_needs_a_secret_key_of_that_server(shell: Shell) -> None:
    """Keys of other profiles are not tried."""
    shell.refused(3, "cli/not-signed-in", "demo", "--remote", "http://127.0.0.1:9")


def test_debug_shows_no_secret(far: Shell) -> None:
    """--debug logs caller, method, path and status; keys and tokens stay out of it."""
    said = far.ok("users", "list", "--debug")
    assert "GET /v1/users 200" in said.err
    stored = json.loads((far.home / "credentials.json").read_text())["profiles"]["far"]
    assert not [
        value for value in stored.values() if isinstance(value, str) and value in said.err and "_" in value
    ]
    assert PASSWORD not in said.err


def test_a_server_is_asked_to_deliver_its_mails(far: Shell, served: HttpServer) -> None:
    """It says how many it tried; exit 8 while one is left, which says why; --limit is no server's."""
    said = far("mail", "deliver", "-o", "json")
    assert (said.status, said.json) == (8, {"attempted": 1, "sent": 0, "failed": 1})
    assert "BKENDCTL_SMTP_URL" in far.json("mail", "list")["items"][0]["lastError"]
    assert "Error: no mail server" in far.ok("mail", "show", far.ok("mail", "list", "-q").out.strip()).out
    far.refused(2, "cli/usage", "mail", "deliver", "--limit", "5")
    with running() as server:
        far.set(SMTP_URL=f"smtp://127.0.0.1:{server.port}")
        core = core_at(f"sqlite:///{far.database}", paths())
        served.use(core)
        assert far.json("mail", "deliver", "--retry-failed") == {"attempted": 1, "sent": 1, "failed": 0}
        core.database.close()
    assert server.recipients == [ALICE]


def test_a_remote_environment_is_kept_in_a_profile_with_its_type(far: Shell, served: HttpServer) -> None:
    """--new-profile leads to the same server; who adds one by its keys is told the type."""
    made = far.json("environments", "create", "live", "--type", "prod", "--new-profile", "live")
    kept = far.json("profiles", "show", "live")
    assert (kept["kind"], kept["url"], kept["environmentType"]) == ("remote", served.url, "prod")
    keys = "\n".join(made["initialKeys"][kind]["key"] for kind in ("publishable", "secret"))
    far.ok("profiles", "add", "again", "--url", served.url, "--api-key-stdin", stdin=keys)
    assert far.json("profiles", "show", "again")["environmentType"] == "prod"
    far.json("users", "create", "x@example.com", "--name", "X", "-p", "again")
    far.refused(2, "cli/usage", "users", "set-role", "x@example.com", "admin", "-p", "again")
    far.set(API_KEY=keys.splitlines()[1])
    far.refused(3, "cli/other-environment", "users", "list", "-p", "far")
    far.unset("API_KEY")
    far.ok("environments", "delete", "live", "-p", "live", "--yes")
    far.refused(3, "auth/invalid-token", "users", "list", "-p", "again")
