"""What goes by mail, as a script and a person do it: magic links, resets, proofs of an address, waiting."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from shell import ALICE, PASSWORD, ROOT, Shell

FRESH = "An0ther-horse!"
NEW = "alice@new.example.com"


def mailed(shell: Shell, category: str, part: str = "token", to: str = ALICE) -> str:
    """A part of the newest mail, by the command for it."""
    wait = ("mail", "wait", "--to", to, "--category", category, "--since", "1h", "--timeout", "0s")
    return shell.ok(*wait, "--print", part).out.strip()


@pytest.mark.parametrize("verb", ["login", "signup"])
def test_a_magic_link_in_a_script(verb: str, ready: Shell) -> None:
    """Without a terminal the first command mails and says what is next; the token signs in, by stdin."""
    answer = ready.json(verb, ALICE, "--magic-link")
    assert set(answer) == {"message", "email"}
    assert "bkendctl login --magic-link --token" in ready.ok(verb, ALICE, "--magic-link").err
    said = ready.json("login", "--magic-link", "--token", "-", stdin=mailed(ready, "magic_link") + "\n")
    assert (said["user"]["email"], set(said)) == (ALICE, {"user", "expiresIn", "profile"})
    assert ready.json("whoami") == said["user"]
    assert ready.credentials["email"] == ALICE


def test_a_whole_link_serves_as_token(ready: Shell) -> None:
    """--callback-url says where it leads; --show-tokens shows the four fields of any sign-in."""
    ready.ok("login", ALICE, "--magic-link", "--callback-url", "https://app.example.com/in")
    link = mailed(ready, "magic_link", "link")
    assert link.startswith("https://app.example.com/in?token=")
    said = ready.json("login", "--magic-link", "--token", link, "--show-tokens")
    assert set(said["tokens"]) == {"accessToken", "refreshToken", "tokenType", "expiresIn"}


def test_a_link_without_a_token(ready: Shell) -> None:
    """Exit 2, and where to look."""
    error = ready.refused(2, "cli/usage", "login", "--magic-link", "--token", "https://app.example.com/in")
    assert error["message"] == "The link holds no token."


def test_a_magic_link_at_the_terminal(ready: Shell) -> None:
    """The link is mailed, then asked for."""
    terminal = ready.terminal("login", ALICE, "--magic-link")
    terminal.answer("Link from the mail, or its token: ", mailed_when_there(ready))
    assert terminal.end() == 0
    assert ready.json("whoami")["email"] == ALICE


def mailed_when_there(shell: Shell) -> str:
    """The link of a mail that another process is about to cause."""
    wait = ("mail", "wait", "--category", "magic_link", "--since", "1h", "--timeout", "20s")
    return shell.ok(*wait, "--print", "link").out.strip()


def test_a_magic_link_asks_for_the_second_factor(alice: Shell) -> None:
    """Exit 9 without a code, and the token goes on with one."""
    alice.ok("email", "signup-confirm", ALICE, "--token", mailed(alice, "signup_confirmation"))
    setup = alice.enrol()
    alice.ok("login", ALICE, "--magic-link")
    link = ("login", "--magic-link", "--token", mailed(alice, "magic_link"))
    alice.refused(9, "auth/mfa-required", *link)
    alice.ok(*link, "--mfa-code", alice.totp(setup["secret"]))


def test_a_used_link(ready: Shell) -> None:
    """Exit 3, twice."""
    ready.ok("login", ALICE, "--magic-link")
    token = mailed(ready, "magic_link")
    ready.ok("login", "--magic-link", "--token", token)
    ready.refused(3, "auth/invalid-token", "login", "--magic-link", "--token", token)


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["login", ALICE, "--token", "x"], "--token"),
        (["login", ALICE, "--callback-url", "https://a.example"], "--callback-url"),
        (["login", ALICE, "--magic-link", "--password-stdin"], "--password-stdin"),
        (["signup", ALICE, "--magic-link", "--name", "A"], "--name"),
        (["login", "--magic-link"], "EMAIL"),
        (["login", "--magic-link", "--token", "-", "--mfa-code", "-"], "--mfa-code"),
        (["password", "reset-confirm", ALICE, "--token", "-", "--new-password-stdin"], "--token"),
        (["password", "reset-confirm", ALICE, "--token", "x"], "--new-password-stdin"),
        (["mail", "wait", "--print", "html"], "--print"),
        (["mail", "clear"], "--yes"),
        (["email", "verify-send"], "EMAIL"),
    ],
)
def test_what_does_not_go_together_is_refused(arguments: list[str], option: str, ready: Shell) -> None:
    """Exit 2, naming the option that is too many or missing."""
    assert option in ready.refused(2, "cli/usage", *arguments)["message"]


def test_a_forgotten_password(alice: Shell) -> None:
    """Asked for, set with the mailed token, and the session of before is over."""
    said = alice.ok("password", "reset-request", ALICE)
    assert f"bkendctl password reset-confirm {ALICE} --token TOKEN" in said.err
    unknown = alice.ok("password", "reset-request", "nobody@example.com").out
    assert unknown == said.out
    confirm = ("password", "reset-confirm", ALICE, "--token", mailed(alice, "password_reset"))
    alice.refused(10, "auth/weak-password", *confirm, "--new-password-stdin", stdin="P@ssw0rd")
    alice.set(NEW_PASSWORD=FRESH)
    alice.ok(*confirm)
    alice.refused(5, "auth/verification-token-not-found", *confirm)
    alice.refused(3, "auth/invalid-token", "whoami")
    alice.ok("login", ALICE, "--password-stdin", stdin=FRESH)


def test_a_reset_link_goes_where_it_is_told(alice: Shell) -> None:
    """--callback-url, refused when it is none; 24 hours later the token is expired, exit 3."""
    ask = ("password", "reset-request", ALICE, "--callback-url")
    alice.refused(10, "common/invalid-parameters", *ask, "//evil.example")
    alice.ok(*ask, "https://app.example.com/reset")
    assert mailed(alice, "password_reset", "link").startswith("https://app.example.com/reset?token=")
    token = mailed(alice, "password_reset")
    alice.pass_time(24 * 3600)
    alice.set(NEW_PASSWORD=FRESH)
    confirm = ("password", "reset-confirm", ALICE, "--token", token)
    alice.refused(3, "auth/verification-token-expired", *confirm)


def test_the_own_address_is_proven(alice: Shell) -> None:
    """Who is signed in need not name it; asked again the newest token counts; then it is proven."""
    alice.ok("email", "verify-send")
    older = mailed(alice, "email_verification")
    assert alice.json("email", "verify-resend")["email"] == ALICE
    confirm = ("email", "verify-confirm", ALICE, "--token")
    alice.refused(5, "auth/verification-token-not-found", *confirm, older)
    alice.ok(*confirm, "-", stdin=mailed(alice, "email_verification"))
    assert alice.json("whoami")["emailVerified"] is not None
    alice.refused(10, "auth/already-verified", "email", "verify-send")


def test_a_new_address(alice: Shell) -> None:
    """It replaces the old one, here too; the old one gets a notice."""
    alice.ok("email", "verify-send", NEW)
    proven = alice.json(
        "email", "verify-confirm", NEW, "--token", mailed(alice, "email_verification", to=NEW)
    )
    assert proven["verified"] is True
    assert alice.json("whoami")["email"] == alice.credentials["email"] == NEW
    assert NEW in mailed(alice, "email_changed", "body")


def test_a_guest_proves_an_address(alice: Shell) -> None:
    """Nobody signed in: the address is named."""
    alice.ok("logout")
    alice.ok("email", "verify-send", ALICE)
    alice.ok("email", "verify-confirm", ALICE, "--token", mailed(alice, "email_verification"))
    alice.refused(10, "auth/already-verified", "email", "signup-resend", ALICE)


def test_the_sign_up_mail_comes_again(alice: Shell) -> None:
    """The same words for an unknown address; the new token confirms."""
    known = alice.json("email", "signup-resend", ALICE)
    assert known["message"] == alice.json("email", "signup-resend", "nobody@example.com")["message"]
    alice.ok("email", "signup-confirm", ALICE, "--token", mailed(alice, "signup_confirmation"))


# Waiting for mails


def test_the_three_lines_of_the_readme(ready: Shell) -> None:
    """They work as printed: asked for, read and followed in a shell script."""
    readme = (ROOT / "README.md").read_text().partition("## Test a magic link in CI in three lines")[2]
    lines = readme.partition("```sh\n")[2].partition("```")[0]
    assert len(lines.splitlines()) == 3
    script = f'set -e\nbkendctl() {{ "{sys.executable}" -m bkendctl "$@"; }}\n{lines}'
    ran = subprocess.run(
        ["bash", "-c", script], env=ready.environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert ran.returncode == 0, ran
    assert ready.json("whoami")["email"] == "ci@example.com"


def test_waiting_takes_a_mail_that_comes_after(alice: Shell) -> None:
    """What was there before the start does not count without --since; what another process causes does."""
    alice.ok("password", "reset-request", ALICE)
    waiting = alice.start(
        "mail", "wait", "--category", "password_reset", "--timeout", "30s", "--print", "token"
    )
    assert waiting.stderr is not None
    assert "waiting up to 30s" in waiting.stderr.readline()
    alice.ok("password", "reset-request", ALICE)
    told = waiting.communicate(timeout=40)
    assert waiting.returncode == 0, told
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}\n", told[0])


@pytest.mark.parametrize(
    "filters", [[], ["--since", "1h", "--category", "invitation"], ["--since", "1h", "--to", "x@example.com"]]
)
def test_nothing_came_in_time(filters: list[str], alice: Shell) -> None:
    """Exit 8, and what there is to look at."""
    error = alice.refused(8, "cli/no-mail", "mail", "wait", "--timeout", "0s", *filters)
    assert error["hint"] == "bkendctl mail list"


def test_since_counts_on_the_environments_clock(alice: Shell) -> None:
    """An hour passed there: the mail of the sign-up is older than five minutes, not than two hours."""
    alice.pass_time(3600)
    wait = ("mail", "wait", "--timeout", "0s", "--since")
    alice.refused(8, "cli/no-mail", *wait, "5m")
    assert alice.json(*wait, "2h")["category"] == "signup_confirmation"
    assert alice.json(*wait, "2020-01-01")["to"] == ALICE


def test_parts_of_a_mail(alice: Shell) -> None:
    """As bare text for $( ), as one field in JSON; without --print the whole mail."""
    mail = alice.json("mail", "list")["items"][0]
    wait = ("mail", "wait", "--since", "1h", "--timeout", "0s")
    for part, text in (("link", mail["links"][0]), ("subject", mail["subject"]), ("body", mail["text"])):
        assert alice.ok(*wait, "--print", part).out == text + "\n"
        assert alice.json(*wait, "--print", part) == {part: text}
    assert alice.json(*wait) == mail
    assert mail["text"] in alice.ok(*wait).out


def test_a_link_is_waited_for_past_a_notice(alice: Shell) -> None:
    """--print link passes by a newer mail that has none."""
    alice.set(PASSWORD=PASSWORD, NEW_PASSWORD=FRESH)
    alice.ok("password", "change")
    assert alice.json("mail", "list")["items"][0]["category"] == "password_changed"
    wait = ("mail", "wait", "--since", "1h", "--timeout", "0s")
    assert "/v1/auth/signup/email/confirm?" in alice.ok(*wait, "--print", "link").out


def test_the_link_of_a_mail_is_found_among_others(ready: Shell) -> None:
    """An own text may lead elsewhere first, with a token of its own too: the mail's is printed, and works."""
    body = (
        """<p><a href="https://shop.example/?token=offer">Offers</a> and <a href="{{magicLink}}">in</a></p>"""
    )
    ready.ok("templates", "set", "magic_link", "--subject", "In", "--file", "-", stdin=body)
    ready.ok("templates", "settings", "set", "--override-defaults")
    ready.ok("login", ALICE, "--magic-link", "--callback-url", "https://app.example.com/in?token=theirs")
    link, token = mailed(ready, "magic_link", "link"), mailed(ready, "magic_link")
    assert link.startswith(f"https://app.example.com/in?token=theirs&token={token}&")
    assert ready.json("login", "--magic-link", "--token", link)["user"]["email"] == ALICE


def test_mails_are_cleared(alice: Shell) -> None:
    """All of them, once it is said twice; tokens go on living."""
    token = mailed(alice, "signup_confirmation")
    assert alice.json("mail", "clear", "--yes") == {"message": "1 mails were forgotten."}
    assert alice.json("mail", "list")["items"] == []
    alice.ok("email", "signup-confirm", ALICE, "--token", token)
    alice.refused(4, "auth/forbidden", "mail", "clear", "--yes", "--as", "user")
