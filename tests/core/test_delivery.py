"""Mails on their way: to a real mail server that takes, refuses, defers, hangs and vanishes."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from bkendctl.core import schema
from bkendctl.core.clock import DAY, HOUR, MINUTE
from bkendctl.core.delivery import (
    LEASE_MS,
    MOST_ATTEMPTS,
    Delivery,
    jittered,
    nominal_wait,
    retry_failed,
    waiting,
)
from bkendctl.core.randomness import SystemRandomness
from bkendctl.core.smtp import relay_at
from tests.conftest import World, at_once
from tests.mail_server import MailServer, free_port, running

EVERYWHERE = pytest.mark.parametrize("world", ["embedded", "embedded-postgresql"], indirect=True)


@pytest.fixture
def server() -> Iterator[MailServer]:
    """A mail server without TLS."""
    with running() as started:
        yield started


def delivery(world: World, server: MailServer, query: str = "", **how: Any) -> Delivery:
    """Deliver to a server of this machine."""
    return Delivery(world.core, relay_at(f"smtp://127.0.0.1:{server.port}{query}"), **how)


def rows(world: World) -> list[Any]:
    """The outbox, oldest first."""
    table = schema.outbox
    with world.core.database.read() as transaction:
        return list(transaction.all(select(table).order_by(table.c.created_at, table.c.id)))


def change(world: World, table: Any = schema.outbox, **values: Any) -> None:
    """Set columns of all rows."""
    with world.core.database.write() as transaction:
        transaction.run(update(table).values(values))


@EVERYWHERE
def test_a_mail_arrives_once(world: World, server: MailServer) -> None:
    """With both parts, the headers of the standards, one recipient; noted as sent and never sent again."""
    world.sign_up("bea@example.com", name="Bea")
    (queued,) = world.mails()
    (done,) = delivery(world, server, "?from=Demo+<no-reply@demo.example>").round()
    (message,) = server.messages
    assert (done.status, done.attempts, done.to) == ("sent", 1, "bea@example.com")
    assert server.envelopes[0].mail_from == "no-reply@demo.example"
    assert server.recipients == ["bea@example.com"]
    assert message["From"] == "Demo <no-reply@demo.example>"
    assert message["To"] == "bea@example.com"
    assert message["Subject"] == queued.subject
    assert message["Message-ID"] == f"<{queued.id}@demo.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert parsedate_to_datetime(message["Date"]).timestamp() * 1000 == world.clock.now()
    assert message.get_content_type() == "multipart/alternative"
    text, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    assert text.get_content().replace("\r\n", "\n") == queued.text
    assert html.get_content().replace("\r\n", "\n").strip() == queued.html.strip()
    assert server.envelopes[0].original_content.isascii()  # type: ignore[union-attr]
    (noted,) = world.mails()
    assert (noted.status, noted.attempts, noted.last_error) == ("sent", 1, None)
    world.clock.advance(30 * DAY)
    assert delivery(world, server).round() == []


def test_the_text_has_link_and_bare_token(world: World) -> None:
    """Who cannot follow a link types the token."""
    world.sign_up()
    (mail,) = world.mails()
    token = mail.links[0].partition("token=")[2].partition("&")[0]
    assert token in mail.text.split()
    assert mail.links[0] in mail.text.split()


@EVERYWHERE
@pytest.mark.parametrize(
    ("answer", "status"),
    [("550 5.1.1 no such user", "failed"), ("451 4.7.1 greylisted", "pending"), ("421 too busy", "pending")],
)
def test_a_recipient_that_is_refused_concerns_one_mail(
    world: World, server: MailServer, answer: str, status: str
) -> None:
    """5xx is for good, 4xx for now; the mails behind it arrive, and the reason is kept."""
    for name in ("ann", "bob", "cee"):
        world.sign_up(f"{name}@example.com")
    server.on_recipient = lambda address: answer if address.startswith("bob") else None
    done = {each.to[:3]: each.status for each in delivery(world, server).round()}
    assert done == {"ann": "sent", "bob": status, "cee": "sent"}
    assert sorted(server.recipients) == ["ann@example.com", "cee@example.com"]
    bob = next(row for row in rows(world) if row.recipient.startswith("bob"))
    assert bob.last_error == answer
    assert bob.body is not None


@pytest.mark.parametrize(
    ("answer", "status", "told"),
    [
        ("552 5.3.4 too big", "failed", "552 5.3.4 too big"),
        ("452 4.3.1 disk full", "pending", "452 4.3.1 disk full"),
        (MailServer.CUT, "pending", "the connection was cut"),
        (MailServer.HANG, "pending", "no answer in time"),
    ],
)
def test_what_goes_wrong_with_the_text(
    world: World, server: MailServer, answer: str, status: str, told: str
) -> None:
    """Refused, deferred, cut in the midst, not answered: noted, and no mail is lost."""
    world.sign_up()
    server.on_data = lambda _envelope: answer
    (done,) = delivery(world, server, timeout_seconds=0.5).round()
    assert (done.status, done.last_error) == (status, told)
    server.on_data = lambda _envelope: None
    world.clock.advance(2 * MINUTE)
    again = delivery(world, server).round()
    assert [each.status for each in again] == (["sent"] if status == "pending" else [])


def test_a_connection_that_is_cut_is_replaced(world: World, server: MailServer) -> None:
    """The mails behind the one that was cut go over a new one."""
    for name in ("ann", "bob", "cee"):
        world.sign_up(f"{name}@example.com")
    answers = iter([MailServer.CUT])
    server.on_data = lambda _envelope: next(answers, None)
    assert sorted(each.status for each in delivery(world, server).round()) == ["pending", "sent", "sent"]


def test_a_server_that_is_away_costs_one_try(world: World) -> None:
    """All that was claimed waits, and arrives when it is back; nothing is lost."""
    for name in ("ann", "bob"):
        world.sign_up(f"{name}@example.com")
    away = MailServer()
    away.port = free_port()
    done = delivery(world, away).round()
    assert {(each.status, each.last_error) for each in done} == {("pending", "127.0.0.1: Connection refused")}
    assert delivery(world, away).round() == []
    world.clock.advance(2 * MINUTE)
    with running() as back:
        assert len(delivery(world, back).round()) == len(back.recipients) == 2


def test_waits_grow_from_a_minute_to_six_hours_for_three_days(world: World) -> None:
    """Doubled, with a fifth of jitter either way; then the mail has failed."""
    world.sign_up()
    away = MailServer()
    away.port = free_port()
    began, waits = world.clock.now(), []
    while rows(world)[0].status == "pending":
        delivery(world, away).round()
        due = rows(world)[0].next_attempt_at
        waits.append(due - world.clock.now())
        world.clock.instant = due
    for attempts, wait in enumerate(waits, 1):
        assert 0.8 * nominal_wait(attempts) <= wait <= 1.2 * nominal_wait(attempts)
    assert len(waits) == MOST_ATTEMPTS
    assert (nominal_wait(1), nominal_wait(len(waits))) == (MINUTE, 6 * HOUR)
    assert 2 * DAY < world.clock.now() - began < 5 * DAY
    assert len({jittered(HOUR, SystemRandomness()) for _ in range(20)}) > 10


def test_what_failed_may_be_tried_again(world: World, server: MailServer) -> None:
    """From the start, once somebody asks for it."""
    world.sign_up()
    server.on_recipient = lambda _address: "550 no"
    delivery(world, server).round()
    world.clock.advance(DAY)
    assert delivery(world, server).round() == []
    server.on_recipient = lambda _address: None
    assert retry_failed(world.core) == 1
    assert [(each.status, each.attempts) for each in delivery(world, server).round()] == [("sent", 1)]
    assert retry_failed(world.core) == 0


@EVERYWHERE
def test_outside_dev_the_text_is_erased_when_it_is_sent(world: World, server: MailServer) -> None:
    """Its token is alive; before, and where delivery failed, it is kept sealed."""
    prod = world.beside("live", "prod")
    change(world, schema.projects, public_url="https://auth.demo.example")
    prod.sign_up("bea@example.com")
    assert rows(world)[0].body is not None
    delivery(world, server).round()
    assert (rows(world)[0].status, rows(world)[0].body) == ("sent", None)


@EVERYWHERE
def test_a_held_mail_goes_once_a_public_url_is_known(world: World, server: MailServer) -> None:
    """Its links lead below that URL, in text and HTML; before, nobody gets it."""
    prod = world.beside("live", "prod")
    prod.sign_up("bea@example.com", name="Bea")
    assert delivery(world, server).round() == []
    assert rows(world)[0].status == "held"
    change(world, schema.projects, public_url="https://auth.demo.example/base/")
    assert [each.status for each in delivery(world, server).round()] == ["sent"]
    sent = server.messages[0]
    for kind in ("plain", "html"):
        part = sent.get_body((kind,))
        assert part is not None
        assert "https://auth.demo.example/base/v1/auth/signup/email/confirm?token=" in part.get_content()
        assert "held.invalid" not in part.get_content()


def test_who_stops_between_sending_and_noting_sends_once_more_after_the_lease(
    world: World, server: MailServer
) -> None:
    """Under the same Message-ID; nobody else touches it before."""
    world.sign_up()
    killed = delivery(world, server)
    killed._note = lambda *_given: (_ for _ in ()).throw(KeyboardInterrupt)  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        killed.round()
    assert len(server.envelopes) == 1
    assert delivery(world, server).round() == []
    world.clock.advance(LEASE_MS)
    assert [each.attempts for each in delivery(world, server).round()] == [2]
    assert len({message["Message-ID"] for message in server.messages}) == 1
    assert len(server.envelopes) == 2


@EVERYWHERE
def test_deliveries_at_once_send_each_mail_once(world: World, server: MailServer) -> None:
    """Whoever claims a mail has it alone."""
    for number in range(12):
        world.sign_up(f"s{number}@example.com")
    at_once(4, lambda _number: [delivery(world, server).round(2) for _ in range(4)])
    assert sorted(server.recipients) == sorted(f"s{number}@example.com" for number in range(12))


def test_a_stop_gives_back_what_was_not_begun(world: World, server: MailServer) -> None:
    """Its attempts are as before, and another takes it at once."""
    for name in ("ann", "bob", "cee"):
        world.sign_up(f"{name}@example.com")
    stopped = delivery(world, server)
    server.on_data = lambda _envelope: stopped.stop()  # type: ignore[func-returns-value]
    assert len(stopped.round()) == 1
    assert sorted(row.attempts for row in rows(world)) == [0, 0, 1]
    assert len(delivery(world, server).round()) == 2


@pytest.mark.parametrize("field", ["subject", "sender"])
@pytest.mark.parametrize(
    "evil", ["\r\nBcc: eve@evil.example\r\n", "\n\n<b>", "\u2028Bcc: x@y.example", "a\0b"]
)
def test_no_header_can_be_added(world: World, server: MailServer, field: str, evil: str) -> None:
    """T098: one message, one recipient, the headers that are ours and no other."""
    world.sign_up("bea@example.com")
    value = f"Hello{evil}there" if field == "subject" else f"Eve{evil}x <no-reply@demo.example>"
    change(world, **{field: value})
    (done,) = delivery(world, server).round()
    assert done.status in ("sent", "failed")
    assert server.recipients == (["bea@example.com"] if done.status == "sent" else [])
    for message in server.messages:
        assert sorted(name.lower() for name in message) == [  # type: ignore[attr-defined]
            "auto-submitted", "content-type", "date", "from", "message-id", "mime-version", "subject", "to",
        ]  # fmt: skip


@pytest.mark.parametrize(
    "recipient",
    [
        "a@b.example, c@d.example",
        "a@b.example\nBcc: c@d.example",
        "<a@b.example>",
        "a b@c.example",
        "a@@b.c",
        "none",
    ],
)
def test_what_is_not_one_address_is_not_sent_to(world: World, server: MailServer, recipient: str) -> None:
    """T102: failed, without a word to the server."""
    world.sign_up()
    change(world, recipient=recipient)
    assert [each.status for each in delivery(world, server).round()] == ["failed"]
    assert server.recipients == []


@pytest.mark.parametrize("offered", [True, False])
def test_an_internationalised_address(world: World, offered: bool) -> None:
    """RFC 6531: sent where the server offers SMTPUTF8, else failed with the reason."""
    world.sign_up()
    change(world, recipient="아라@example.com", subject="안녕하세요")
    with running(enable_SMTPUTF8=offered) as server:
        (done,) = delivery(world, server).round()
        assert done.status == ("sent" if offered else "failed")
        assert ("SMTPUTF8" in (done.last_error or "")) is not offered
        assert [message["Subject"] for message in server.messages] == ["안녕하세요"][:offered]
        assert server.recipients == ["아라@example.com"][:offered]


def test_what_the_server_says_is_kept_without_tokens(world: World, server: MailServer) -> None:
    """A server that repeats a link in its refusal does not bring it into the outbox's list (P7)."""
    world.sign_up()
    link = world.mails()[0].links[0]
    server.on_data = lambda _envelope: f"554 spam: {link} {link.partition('token=')[2][:43]}"
    (done,) = delivery(world, server).round()
    assert done.last_error == "554 spam: … …"


def test_the_outbox_is_counted(world: World, server: MailServer) -> None:
    """By status; overdue is what could have been tried by now."""
    world.sign_up("ann@example.com")
    assert waiting(world.core).counts == {"pending": 1, "held": 0, "failed": 0, "sent": 0}
    since = waiting(world.core).overdue_since
    assert since == world.clock.now()
    delivery(world, server).round()
    found = waiting(world.core)
    assert (found.counts["sent"], found.overdue_since) == (1, None)
