"""The rules that hold for every command: streams, output, input, exit statuses, who speaks."""

from __future__ import annotations

import csv
import io
import json

import msgspec
import pytest
import yaml
from shell import ALICE, PASSWORD, Shell

from bkendctl import __version__
from bkendctl.cli.errors import report
from bkendctl.contract import users
from bkendctl.contract.errors import ERRORS, Failure

MISSING = "00000000-0000-4000-8000-000000000000"


def test_options_stand_before_or_after_the_verb(alice: Shell) -> None:
    """Global options mean the same in front of the noun, the verb, and behind both; the last one counts."""
    wanted = alice.ok("users", "list", "-o", "json")
    assert wanted.json["items"][0]["email"] == ALICE
    for arguments in (
        ["-o", "json", "users", "list"],
        ["users", "-o", "json", "list"],
        ["--output=json", "users", "list"],
        ["users", "list", "-ojson"],
        ["-o", "csv", "users", "list", "-o", "json"],
    ):
        assert alice.ok(*arguments) == wanted
    assert alice.ok("-q", "whoami").out == alice.ok("whoami", "--quiet").out
    assert alice.ok("-p", "default", "whoami", "-q").status == 0


def test_json_is_exactly_the_body(alice: Shell) -> None:
    """One document with the API's own fields, those of the contract and no others; nothing on stderr."""
    said = alice.ok("users", "list", "-o", "json")
    assert said.err == ""
    page = msgspec.convert(said.json, users.UserPage, strict=True)
    assert msgspec.to_builtins(page) == said.json
    assert said.json["items"][0]["emailVerified"] is None
    assert said.json["items"][0]["createdAt"].endswith("Z")


def test_jq_filters(alice: Shell) -> None:
    """Text comes bare, everything else as JSON; what jq does not understand is a usage error."""
    assert alice.ok("users", "list", "--jq", ".items[].email").out == f"{ALICE}\n"
    assert json.loads(alice.ok("whoami", "--jq", "{id, role}").out)["role"] == "user"
    alice.refused(2, "cli/usage", "whoami", "--jq", ".[")


def test_yaml_and_csv(alice: Shell) -> None:
    """The same body as YAML; the items of a list as CSV lines, formulas neutralised."""
    alice.ok("users", "update", ALICE, "--name", "=cmd()")
    body = alice.json("users", "list")
    assert yaml.safe_load(alice.ok("users", "list", "-o", "yaml").out) == body
    (row,) = csv.DictReader(io.StringIO(alice.ok("users", "list", "-o", "csv").out))
    assert (row["email"], row["name"]) == (ALICE, "'=cmd()")


def test_the_environment_chooses_the_output(alice: Shell) -> None:
    """BKENDCTL_OUTPUT counts where no -o does, for errors too; an unknown one is a usage error."""
    alice.set(OUTPUT="json")
    assert alice.ok("whoami").json["email"] == ALICE
    assert alice("users", "get", MISSING).error["code"] == "user/not-found"
    assert alice.ok("whoami", "-o", "table").out.startswith("Id")
    alice.set(OUTPUT="xml")
    said = alice("whoami")
    assert (said.status, said.code) == (2, "cli/usage")


def test_piped_output_carries_no_decoration(alice: Shell) -> None:
    """Result on stdout, remarks on stderr, no escape sequence on either."""
    run = alice.process("users", "list")
    assert run.stdout.splitlines()[0].startswith("Id  ")
    assert run.stderr.startswith("1 user")
    assert "\x1b" not in run.stdout + run.stderr


def test_text_of_users_is_made_visible(alice: Shell) -> None:
    """Escape sequences and bidirectional marks in a name cannot act; in JSON they are escapes too."""
    name = "\x1b]0;owned\x07\u202egnp.exe"
    alice.ok("users", "update", ALICE, "--name", name)
    shown = alice.ok("whoami").out
    assert "\\x1b]0;owned\\x07\\u202egnp.exe" in shown
    said = alice.ok("whoami", "-o", "json")
    assert said.json["name"] == name
    for text in (shown, said.out, alice.ok("whoami", "-o", "yaml").out):
        assert not {"\x1b", "\x07", "\u202e"} & set(text)


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (["users"], 2, None),
        (["users", "list", "--nope"], 2, "cli/usage"),
        (["users", "get"], 2, "cli/usage"),
        (["nothing"], 2, "cli/usage"),
        (["users", "list", "--limit", "many"], 2, "cli/usage"),
        (["login", ALICE, "--no-input"], 2, "cli/usage"),
        (["whoami", "--as", "king"], 2, "cli/usage"),
        (["whoami", "-p", "nope"], 5, "cli/profile-not-found"),
        (["users", "get", MISSING], 5, "user/not-found"),
        (["users", "list", "--as", "user"], 4, "user/forbidden"),
        (["users", "create", ALICE], 6, "auth/email-already-exists"),
        (["users", "create", "x"], 10, "auth/invalid-email"),
    ],
)
def test_errors_come_as_text_and_as_json(
    arguments: list[str], status: int, code: str | None, alice: Shell
) -> None:
    """Text: what happened [code], then the advice. JSON: the API's error body with a hint. Both on stderr."""
    if code is None:
        said = alice(*arguments)
        assert (said.status, said.out) == (status, "")
        assert "Usage: bkendctl users" in said.err
    else:
        error = alice.refused(status, code, *arguments)
        assert error["message"]
        assert set(error) <= {"code", "message", "hint", "details", "retryAfter"}
    body = json.loads(alice(*arguments, "-o", "json").err)
    assert set(body) == {"success", "error"}
    assert body["success"] is False


def test_every_code_has_its_exit_status() -> None:
    """The table of cli.md: an HTTP status decides, save where a row says otherwise."""
    expected = {400: 10, 401: 3, 403: 4, 404: 5, 405: 1, 408: 8, 409: 6, 410: 5, 413: 10, 415: 10, 429: 7,
                431: 10, 500: 1, 503: 8}  # fmt: skip
    special = {"auth/account-banned": 3, "auth/email-not-verified": 3, "auth/password-expired": 3,
               "auth/mfa-required": 9}  # fmt: skip
    for code, entry in ERRORS.items():
        if not code.startswith("cli/"):
            assert Failure(code).exit_status == special.get(code, expected[entry.status]), code
    assert {Failure(code).exit_status for code in ERRORS if code.startswith("cli/")} <= {
        1, 2, 3, 5, 6, 8, 130, 10,
    }  # fmt: skip


def test_a_mistyped_command_is_guessed(shell: Shell) -> None:
    """Nouns, verbs and options that look alike are named."""
    assert "users" in shell.refused(2, "cli/usage", "usres", "list")["message"]
    assert "list" in shell.refused(2, "cli/usage", "users", "lst")["message"]
    assert "--search" in shell.refused(2, "cli/usage", "users", "list", "--serch", "x")["message"]
    assert shell.refused(2, "cli/usage", "xyzzy")["hint"] == "bkendctl --help"


@pytest.mark.parametrize("arguments", [["--version"], ["-V"], ["-o", "json", "--version"]])
def test_the_version(arguments: list[str], shell: Shell) -> None:
    """One line, wherever the option stands among the global ones."""
    assert shell.ok(*arguments).out == f"bkendctl {__version__}\n"


def test_an_unexpected_error_is_one_line(alice: Shell) -> None:
    """What nobody foresaw is common/internal-error, exit 1; --debug shows the traceback, no values."""
    alice.sql("UPDATE sessions SET amr = 'no-json-sk_1234'")
    error = alice.refused(1, "common/internal-error", "whoami")
    assert error["hint"] == "run it again with --debug"
    debugged = alice("whoami", "--debug")
    assert "Traceback (most recent call last):" in debugged.err
    assert debugged.code == "common/internal-error"
    assert "sk_1234" not in str(error) + debugged.err


def test_debug_logs_each_request(alice: Shell) -> None:
    """Caller, method, path, status and time on stderr, for a refusal as well; the result stays clean."""
    said = alice.ok("users", "get", ALICE, "--debug", "-o", "json")
    assert said.json["email"] == ALICE
    first, second = said.err.splitlines()
    assert first.startswith("debug: key GET /v1/users 200 ")
    assert second.startswith("debug: key GET /v1/users/{userId} 200 ")
    assert second.endswith(" ms")
    assert (
        "debug: user GET /v1/users 403 user/forbidden"
        in alice("users", "list", "--as", "user", "--debug").err
    )


def callers(shell: Shell, *arguments: str) -> set[str]:
    """Who spoke, according to --debug. As JSON: a table asks with the key what time it is over there."""
    lines = [line.split() for line in shell(*arguments, "-o", "json", "--debug").err.splitlines()]
    return {words[1] for words in lines if words and words[0] == "debug:"}


@pytest.mark.parametrize(
    ("arguments", "usual"),
    [
        (["sessions", "list"], "user"),
        (["mfa", "status"], "user"),
        (["users", "list"], "key"),
        (["keys", "list"], "key"),
        (["invitations", "list"], "key"),
        (["mail", "list"], "key"),
    ],
)
def test_who_a_command_speaks_as(arguments: list[str], usual: str, alice: Shell) -> None:
    """Account nouns as the user, administration as the key when there is one; --as decides otherwise."""
    assert callers(alice, *arguments) == {usual}
    assert callers(alice, *arguments, "--as", "user") == {"user"}
    assert callers(alice, *arguments, "--as", "key") == {"key"}
    alice.set(ACCESS_TOKEN=alice.credentials["access_token"])
    assert callers(alice, *arguments) == {"user"}
    assert callers(alice, *arguments, "--as", "key") == {"key"}


def test_without_a_secret_key_administration_speaks_as_the_user(alice: Shell) -> None:
    """A profile with a publishable key alone: the signed-in admin speaks; without one it says to sign in."""
    alice.ok("users", "set-role", ALICE, "admin")
    file = alice.home / "credentials.json"
    content = json.loads(file.read_text())
    del content["profiles"]["default"]["secret_key"]
    file.write_text(json.dumps(content))
    assert callers(alice, "users", "list") == {"user"}
    alice.ok("users", "list")
    alice.refused(3, "cli/not-signed-in", "users", "list", "--as", "key")
    alice.ok("logout")
    alice.refused(3, "cli/not-signed-in", "users", "list")


def test_a_key_of_the_environment_goes_first(alice: Shell) -> None:
    """BKENDCTL_API_KEY speaks instead of the stored one; a wrong one is refused and what is none not sent."""
    alice.set(API_KEY=alice.ok("keys", "create", "--type", "secret", "--name", "ci", "-q").out.strip())
    alice.ok("users", "list")
    alice.set(API_KEY="sk_" + "0" * 64)
    alice.refused(3, "auth/invalid-token", "users", "list")
    alice.set(API_KEY="hello")
    alice.refused(2, "cli/usage", "users", "list")


def test_a_token_of_the_environment_is_never_renewed(alice: Shell) -> None:
    """BKENDCTL_ACCESS_TOKEN that has expired: exit 3, and the stored session is left alone."""
    alice.set(ACCESS_TOKEN=alice.credentials["access_token"])
    before = alice.credentials
    alice.pass_time(3601)
    alice.refused(3, "auth/token-expired", "whoami")
    assert alice.credentials == before


def test_a_server_of_the_environment_gets_no_stored_token(alice: Shell) -> None:
    """BKENDCTL_URL is no profile: nothing that is stored speaks there."""
    alice.set(URL="https://auth.example.com")
    said = alice("whoami")
    assert said.status != 0
    assert said.code in ("cli/not-signed-in", "cli/not-offered", "cli/network")
    alice.refused(3, "cli/not-signed-in", "token", "print")


def test_errors_are_one_line_each_way(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever a message holds, it stays on its line."""
    report(Failure("user/not-found", "There is no\nuser \x1b[31m."), "table")
    assert capsys.readouterr().err.splitlines()[0] == (
        "error: There is no\\nuser \\x1b[31m. [user/not-found]"
    )


def test_a_second_profile_is_spoken_to(alice: Shell) -> None:
    """-p and BKENDCTL_PROFILE choose, the option first; the current profile stays."""
    alice.ok("init", "-p", "second")
    alice.ok("profiles", "use", "default")
    alice.set(PROFILE="second")
    alice.refused(3, "cli/not-signed-in", "whoami")
    assert alice.ok("signup", "b@example.com", "--name", "B", "--password-stdin", stdin=PASSWORD).status == 0
    assert alice.json("whoami", "-p", "default")["email"] == ALICE
    alice.unset("PROFILE")
    assert alice.json("whoami")["email"] == ALICE
