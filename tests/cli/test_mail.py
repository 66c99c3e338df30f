"""bkendctl mail: the outbox of a dev environment."""

from __future__ import annotations

from shell import ALICE, PASSWORD, Shell


def test_mails_are_listed_newest_first(alice: Shell) -> None:
    """To whom and of which kind can be chosen."""
    alice.sign_up("bob@example.com")
    page = alice.json("mail", "list")
    assert [mail["to"] for mail in page["items"]] == ["bob@example.com", ALICE]
    assert [mail["to"] for mail in alice.json("mail", "list", "--to", ALICE)["items"]] == [ALICE]
    assert alice.json("mail", "list", "--category", "invitation")["items"] == []
    assert len(alice.ok("mail", "list", "-q", "--limit", "1").out.split()) == 1


def test_a_mail_is_shown(alice: Shell) -> None:
    """Its head and text for people, its links with -q, the API's body as JSON; by prefix."""
    mail = alice.json("mail", "list")["items"][0]
    shown = alice.ok("mail", "show", mail["id"][:8]).out
    assert f"To: {ALICE}\n" in shown
    assert mail["text"] in shown
    assert alice.ok("mail", "show", mail["id"], "-q").out.splitlines() == mail["links"]
    assert alice.json("mail", "show", mail["id"]) == mail
    assert "<a " in alice.ok("mail", "show", mail["id"], "--html").out


def test_a_mail_that_is_not_there(alice: Shell) -> None:
    """Exit 5 and where to look."""
    for mail in ("00000000", "00000000-0000-4000-8000-000000000000"):
        assert alice.refused(5, "dev/mail-not-found", "mail", "show", mail)["hint"] == "bkendctl mail list"


def test_mails_are_for_admins(alice: Shell) -> None:
    """A signed-in user without the role is refused, exit 4: mails hold other people's links."""
    alice.refused(4, "auth/forbidden", "mail", "list", "--as", "user")


def test_mails_are_for_dev(alice: Shell) -> None:
    """In an environment of another type there is no such thing, exit 5, in words that fit the command."""
    alice.sql("UPDATE environments SET type = 'prod'")
    for arguments in (("mail", "list"), ("clock", "advance", "1h")):
        told = alice.refused(5, "common/not-found", *arguments)
        assert "dev environment" in told["message"]
        assert told["hint"] == "bkendctl profiles show"


def test_a_name_with_escapes_cannot_command_the_terminal(ready: Shell) -> None:
    """A mail's text shows what a user wrote, written out."""
    evil = "\x1b[2JEve\u202e"
    ready.ok("signup", ALICE, "--name", evil, "--password-stdin", stdin=PASSWORD)
    shown = ready.ok("mail", "show", ready.ok("mail", "list", "-q").out.strip()).out
    assert "\\x1b[2JEve\\u202e" in shown
    assert "\x1b" not in shown
