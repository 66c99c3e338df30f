"""A person at a real terminal: questions, second thoughts, a phone before the screen."""

from __future__ import annotations

import time
from urllib.parse import parse_qs, urlsplit

import pytest
from camera import decoded, picture_of
from pyotp import TOTP
from shell import ALICE, PASSWORD, Shell, Terminal

FRESH = "An0ther-horse!"
CTRL_C, CTRL_D = "\x03", "\x04"
CODE = "Code of your app, or a backup code: "
SURE = " [y/N] "


def state(shell: Shell) -> list[object]:
    """What a command that was broken off must not have changed."""
    return [
        shell.sql("SELECT id, name, role, banned_at, deleted_at FROM users"),
        shell.sql("SELECT user_id, hash FROM passwords"),
        shell.sql("SELECT id, ended_at FROM sessions"),
        shell.sql("SELECT id, revoked_at FROM api_keys"),
        shell.sql("SELECT id, status FROM invitations"),
        shell.sql("SELECT user_id FROM mfa_enrolments WHERE confirmed_at IS NOT NULL"),
        shell.sql("SELECT code_hash, used_at FROM backup_codes"),
        (shell.home / "config.toml").read_text(),
        shell.credentials,
    ]


def test_signing_up_by_answering(ready: Shell) -> None:
    """What is missing is asked for; the password twice and without echo."""
    person = ready.terminal("signup")
    person.answer("E-mail: ", ALICE)
    person.answer("Name [alice]: ", "")
    person.answer("Password: ", PASSWORD)
    person.answer("Password again: ", PASSWORD)
    assert person.end() == 0
    assert PASSWORD not in person.seen
    assert ready.json("whoami")["name"] == "alice"


def test_signing_in_by_answering(alice: Shell) -> None:
    """Address, password and, because it is wanted, the code of the app."""
    secret = alice.enrol()["secret"]
    person = alice.terminal("login")
    person.answer("E-mail: ", ALICE)
    person.answer("Password: ", PASSWORD)
    person.answer(CODE, alice.totp(secret))
    assert person.end() == 0
    assert alice.json("whoami")["mfaEnabled"] is True


def test_enrolling_with_a_phone(alice: Shell) -> None:
    """The whole QR stands on the 80x24 screen while the code is asked for; a scanner reads it from there.

    A mistyped code is asked for again.
    """
    person = alice.terminal("mfa", "enroll")
    person.answer("Password: ", PASSWORD)
    person.see("First code of your app: ")
    (url,) = decoded(picture_of(person.screen))
    assert url.startswith("otpauth://totp/")
    totp = TOTP(parse_qs(urlsplit(url).query)["secret"][0])
    person.type("12345\n")
    person.see("must be six digits")
    person.see("First code of your app: ")
    person.type(totp.at(time.time()) + "\n")  # one step late is accepted as well
    assert person.end() == 0
    assert alice.json("mfa", "status")["enabled"] is True


def test_changing_the_password_by_answering(alice: Shell) -> None:
    """The present one, the new one twice, and the code before anything is changed."""
    secret = alice.enrol()["secret"]
    person = alice.terminal("password", "change")
    person.answer("Current password: ", PASSWORD)
    person.answer("New password: ", FRESH)
    person.answer("New password again: ", FRESH)
    person.answer(CODE, alice.totp(secret))
    assert person.end() == 0
    assert not {PASSWORD, FRESH} & set(person.seen.split())
    assert alice.json("whoami")["email"] == ALICE


def test_a_key_is_verified_without_echo(ready: Shell) -> None:
    """A key that is pasted at the prompt does not show."""
    key = ready.credentials["secret_key"]
    person = ready.terminal("keys", "verify")
    person.answer("Key: ", key)
    assert person.end() == 0
    assert key not in person.seen
    assert "init secret" in person.seen


@pytest.mark.parametrize("answer", ["", "n"])
def test_declining_changes_nothing(answer: str, alice: Shell) -> None:
    """No is the default; it ends with exit 1 and says that nothing was changed."""
    before = state(alice)
    person = alice.terminal("users", "delete", ALICE)
    person.answer(f"Delete the user {ALICE}?{SURE}", answer)
    assert person.end() == 1
    assert "nothing was changed" in person.seen
    assert state(alice) == before


def test_agreeing_does_it(alice: Shell) -> None:
    """y goes ahead."""
    person = alice.terminal("users", "delete", ALICE)
    person.answer(SURE, "y")
    assert person.end() == 0
    assert alice.json("users", "list")["items"] == []


SECOND_THOUGHTS = {
    "signup e-mail": (["signup"], [], "E-mail: "),
    "signup name": (["signup", "b@example.com"], [], "Name [b]: "),
    "signup password": (["signup", "b@example.com", "--name", "B"], [], "Password: "),
    "signup again": (["signup", "b@example.com", "--name", "B"], [("Password: ", FRESH)], "Password again: "),
    "login e-mail": (["login"], [], "E-mail: "),
    "login password": (["login", ALICE], [], "Password: "),
    "login code": (["login", ALICE], [("Password: ", PASSWORD)], CODE),
    "password present": (["password", "change"], [], "Current password: "),
    "password new": (["password", "change"], [("Current password: ", PASSWORD)], "New password: "),
    "password code": (
        ["password", "change"],
        [("Current password: ", PASSWORD), ("New password: ", FRESH), ("New password again: ", FRESH)],
        CODE,
    ),
    "enroll password": (["mfa", "enroll"], [], "Password: "),
    "disable": (["mfa", "disable"], [], SURE),
    "disable password": (["mfa", "disable"], [(SURE, "y")], "Password: "),
    "disable code": (["mfa", "disable"], [(SURE, "y"), ("Password: ", PASSWORD)], CODE),
    "backup codes": (["mfa", "backup-codes"], [("Password: ", PASSWORD)], CODE),
    "keys type": (["keys", "create"], [], "Type, publishable or secret: "),
    "keys name": (["keys", "create", "--type", "secret"], [], "Name: "),
    "keys verify": (["keys", "verify"], [], "Key: "),
    "users delete": (["users", "delete", ALICE], [], SURE),
    "users ban": (["users", "ban", ALICE], [], SURE),
    "users revoke-sessions": (["users", "revoke-sessions", ALICE], [], SURE),
    "users reset-mfa": (["users", "reset-mfa", ALICE], [], SURE),
    "sessions revoke-all": (["sessions", "revoke-all"], [], SURE),
    "account delete": (["account", "delete"], [], SURE),
    "profiles remove": (["profiles", "remove", "default"], [], SURE),
}


@pytest.mark.parametrize("which", SECOND_THOUGHTS)
def test_second_thoughts_change_nothing(which: str, alice: Shell) -> None:
    """Ctrl-C or end of input at any question: exit 130, one line, and all is as before."""
    arguments, answers, question = SECOND_THOUGHTS[which]
    alice.enrol()
    alice.pass_time(360)  # so that a code is asked for again
    before = state(alice)
    key = (CTRL_C, CTRL_D)[list(SECOND_THOUGHTS).index(which) % 2]
    person: Terminal = alice.terminal(*arguments)
    for prompt, answer in answers:
        person.answer(prompt, answer)
    person.see(question)
    person.type(key)
    assert person.end() == 130
    assert "error: Interrupted. [cli/interrupted]" in "\n".join(person.screen.display)
    assert "Traceback" not in person.seen
    assert state(alice) == before


@pytest.mark.parametrize("key", [CTRL_C, CTRL_D])
def test_second_thoughts_while_enrolling(key: str, alice: Shell) -> None:
    """Broken off before the first code MFA stays off, and sign-in asks for none."""
    person = alice.terminal("mfa", "enroll")
    person.answer("Password: ", PASSWORD)
    person.see("First code of your app: ")
    person.type(key)
    assert person.end() == 130
    assert alice.json("mfa", "status")["enabled"] is False
    assert alice.login().status == 0


@pytest.mark.parametrize("noun", ["users", "sessions", "keys", "mail", "invitations", "profiles"])
def test_lists_fit_the_screen(noun: str, alice: Shell) -> None:
    """Coloured, no wider than 80 cells, each item on one line that begins with its whole id."""
    alice.ok("invitations", "create", "bob.with.a.rather.long.address@subdomain.example.com")
    person = alice.terminal(noun, "list")
    assert person.end() == 0
    assert "\x1b[" in person.seen
    shown = [line.split()[0] for line in person.screen.display if line.strip()]
    ids = alice.ok(noun, "list", "-q").out.split()
    assert shown[1 : 1 + len(ids)] == ids
    assert len(shown) <= len(ids) + 3  # the head, and the note below, which may take two lines


def test_no_color_is_obeyed(alice: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR takes every escape sequence away, also on a terminal."""
    monkeypatch.setenv("NO_COLOR", "1")
    person = alice.terminal("users", "list")
    assert person.end() == 0
    assert "\x1b" not in person.seen
