"""bkendctl mail deliver, and serve's own delivery, to a real mail server."""

from __future__ import annotations

from email.message import EmailMessage

import pytest
from shell import ALICE, Shell

from bkendctl.client.embedded import core_at
from bkendctl.core.smtp import relay_at
from bkendctl.local.paths import paths
from bkendctl.server.mailing import Mailing
from tests.mail_server import MailServer, running


def parts(message: EmailMessage) -> tuple[str, str]:
    """Text and HTML of a message."""
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    return plain.get_content(), html.get_content()


def test_what_is_due_is_sent_once(alice: Shell) -> None:
    """Text and HTML with link and token, to one recipient; then nothing is due any more."""
    with running() as server:
        alice.set(SMTP_URL=f"smtp://127.0.0.1:{server.port}")
        sent = alice.json("mail", "deliver")
        assert [(mail["to"], mail["status"]) for mail in sent] == [(ALICE, "sent")]
        assert alice.json("mail", "deliver") == []
    assert server.recipients == [ALICE]
    link = alice.json("mail", "list")["items"][0]["links"][0]
    text, html = parts(server.messages[0])
    assert link in text
    assert link.partition("token=")[2].partition("&")[0] in text.split()
    assert 'href="http' in html
    assert alice.json("mail", "list")["items"][0]["status"] == "sent"


def test_a_mail_server_that_is_away_loses_nothing(alice: Shell) -> None:
    """Exit 8, the mail says why it waits, and goes when its time has come."""
    with running() as server:
        port = server.port
    alice.set(SMTP_URL=f"smtp://127.0.0.1:{port}")
    said = alice("mail", "deliver", "-o", "json")
    assert said.status == 8
    assert [(mail["status"], mail["attempts"]) for mail in said.json] == [("pending", 1)]
    waiting = alice.json("mail", "list")["items"][0]
    assert (waiting["status"], waiting["attempts"]) == ("pending", 1)
    assert waiting["lastError"]


def test_a_mail_that_failed_for_good_is_tried_again_when_asked(alice: Shell) -> None:
    """A 5xx ends the tries; --retry-failed begins anew."""
    with running() as server:
        alice.set(SMTP_URL=f"smtp://127.0.0.1:{server.port}")
        server.on_recipient = lambda _address: "550 no such user"
        assert alice("mail", "deliver", "-o", "json").json[0]["status"] == "failed"
        server.on_recipient = lambda _address: None
        assert alice.json("mail", "deliver") == []
        assert alice.json("mail", "deliver", "--retry-failed")[0]["status"] == "sent"


@pytest.mark.parametrize(
    "url", ["", "http://mail.example.com", "smtp://user:s3cret@mail.example.com?starttls=false"]
)
def test_without_a_usable_address_nothing_is_tried(alice: Shell, url: str) -> None:
    """Exit 2 with an example, and never the password; serve says the same before it begins."""
    alice.set(SMTP_URL=url)
    for command in (["mail", "deliver"], ["serve", "--print-config"])[: 2 if url else 1]:
        said = alice(*command)
        assert (said.status, "BKENDCTL_SMTP_URL" in said.err) == (2, True)
        assert "s3cret" not in said.err


def test_a_server_delivers_what_is_queued_while_it_runs(alice: Shell) -> None:
    """The worker is woken, sends, and ends within its time."""
    core = core_at(f"sqlite:///{paths().database_file}", paths())
    with core.database.read() as transaction:
        core.unlock(transaction)
    server: MailServer
    with running() as server:
        mailing = Mailing(core, relay_at(f"smtp://127.0.0.1:{server.port}"))
        mailing.start()
        assert server.taken.wait(10)
        mailing.stop()
    core.database.close()
    assert server.recipients == [ALICE]
    assert alice.json("mail", "list")["items"][0]["status"] == "sent"
