"""The mails of a dev environment: who reads them, what they hold, and that no other environment shows any."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from sqlalchemy import select

from bkendctl.contract import accounts, audit_events, mail, users
from bkendctl.contract.operation import Raw
from bkendctl.core import schema
from bkendctl.core.clock import HOUR, SECOND, wire
from bkendctl.core.delivery import Delivery
from bkendctl.core.smtp import relay_at
from tests.catalogue import OPERATIONS, name_of
from tests.conftest import World
from tests.mail_server import running

UNKNOWN = "00000000-0000-4000-8000-000000000000"
DEV_ONLY = [operation for operation in OPERATIONS if operation.dev_only]


def test_a_caught_mail_is_shown_with_its_link(world: World) -> None:
    """Sender, recipient, both bodies and every link; waiting to be sent, never tried."""
    world.sign_up("bea@example.com", name="Bea")
    (found,) = world.mails()
    assert (found.category, found.to, found.status) == ("signup_confirmation", "bea@example.com", "pending")
    assert (found.attempts, found.last_error, found.sent_at) == (0, None, None)
    assert found.created_at == wire(world.clock.now())
    assert "Demo" in found.subject
    assert found.links[0].startswith("http://127.0.0.1:8787/v1/auth/signup/email/confirm?token=")
    assert found.links[0] in found.text
    assert found.links[0].replace("&", "&amp;") in found.html
    assert "Bea" in found.text
    assert world.call(mail.GET, mail.MailId(mail_id=found.id), key="sk") == found


def test_mails_are_listed_newest_first_by_recipient_kind_and_time(world: World) -> None:
    """Filters hold together; after excludes its instant; pages have the size asked for."""
    instants = []
    for name in ("ann", "bob", "cee"):
        world.sign_up(f"{name}@example.com")
        instants.append(str(wire(world.clock.now())))
        world.clock.advance(SECOND)

    def to(**wanted: Any) -> list[str]:
        page = world.call(mail.LIST, mail.ListMail(**wanted), key="sk")
        return [found.to.partition("@")[0] for found in page.items]

    assert to() == ["cee", "bob", "ann"]
    assert to(to="BOB@example.com") == ["bob"]
    assert to(category="invitation") == []
    assert to(category="signup_confirmation", to="ann@example.com") == ["ann"]
    assert to(after=instants[1]) == ["cee"]
    assert to(limit=2, page=2) == ["ann"]
    page = world.call(mail.LIST, mail.ListMail(limit=2), key="sk").pagination
    assert (page.total, page.total_pages) == (3, 2)


@pytest.mark.parametrize(
    ("query", "faulty"),
    [
        ({"to": "nobody"}, {"to"}),
        ({"category": "spam"}, {"category"}),
        ({"after": "today"}, {"after"}),
        ({"page": "0", "limit": "101"}, {"page", "limit"}),
    ],
)
def test_faulty_filters_are_named(world: World, query: dict[str, str], faulty: set[str]) -> None:
    """Each filter outside its values is named in the details."""
    refusal = world.refused(mail.LIST, Raw(query=query), key="sk")
    assert (refusal.code, set(refusal.details or {})) == ("common/invalid-parameters", faulty)


def test_mails_are_cleared(world: World) -> None:
    """All of the environment and none of another; the audit says how many, and tokens go on living."""
    beside = world.beside("other")
    beside.sign_up()
    world.sign_up()
    link = world.mails()[0].links[0]
    assert world.call(mail.CLEAR, key="sk").message == "1 mails were forgotten."
    assert world.mails() == []
    assert len(beside.mails()) == 1
    values = dict(parse_qsl(urlsplit(link).query))
    assert world.call(accounts.CONFIRM_SIGN_UP, accounts.ConfirmSignUp(**values), key=None).success is True
    assert world.call(mail.CLEAR, key="sk").message == "0 mails were forgotten."


def test_mails_are_cleared_by_admins_alone(world: World) -> None:
    """Neither by a user nor with the publishable key."""
    pair = world.sign_up()
    assert world.refused(mail.CLEAR, token=pair).code == "auth/forbidden"
    assert world.refused(mail.CLEAR).code == "auth/unauthorized"
    assert len(world.mails()) == 1


@pytest.mark.parametrize("mail_id", [UNKNOWN, "x", "x" * 5000])
def test_an_unknown_mail_is_not_found(world: World, mail_id: str) -> None:
    """Ids of no mail, also malformed ones."""
    assert world.refused(mail.GET, mail.MailId(mail_id=mail_id), key="sk").code == "dev/mail-not-found"


@pytest.mark.parametrize("kind", ["staging", "prod", "custom"])
@pytest.mark.parametrize("operation", DEV_ONLY, ids=name_of)
def test_outside_dev_there_are_no_dev_tools(world: World, operation: Any, kind: str) -> None:
    """Every caller with a role gets 404 before the role is looked at, with real ids too (decision 110)."""
    beside = world.beside("live", kind)
    user = beside.sign_up()
    root = beside.sign_up("root@example.com")
    beside.call(users.SET_ROLE, users.SetRole(user_id=beside.me(root).id, role="admin"), key="sk")
    raw = Raw(path={"mailId": _a_mail_of(beside)})
    for caller in ({"key": "sk"}, {"token": root}, {"token": user}):
        refusal = beside.refused(operation, raw, **caller)
        assert (refusal.code, refusal.status) == ("common/not-found", 404)
    assert beside.refused(operation, raw).code == "auth/unauthorized"


def _a_mail_of(world: World) -> str:
    """The id of some mail outside dev, which no operation shows."""
    outbox = schema.outbox
    with world.core.database.read() as transaction:
        found = transaction.value(select(outbox.c.id).where(outbox.c.status == "held"))
    assert found is not None, "mail outside dev is held until a public URL is known (decision 130)"
    return str(found)


def delivered(world: World, **how: Any) -> tuple[int, int, int]:
    """Ask for a delivery: how many were tried, sent, and failed."""
    done = world.call(mail.DELIVER, **({"key": "sk"} | how))
    return done.attempted, done.sent, done.failed


def test_mails_are_delivered_when_asked(world: World) -> None:
    """What waits for its time and what failed for good goes at once, of this environment alone, and once."""
    beside = world.beside("other")
    beside.sign_up("zoe@example.com")
    for name in ("ann", "bob", "cee"):
        world.sign_up(f"{name}@example.com")
    answers = {"ann": None, "bob": "451 later", "cee": "550 never"}
    with running() as server:
        world.core.relay = relay_at(f"smtp://127.0.0.1:{server.port}")
        server.on_recipient = lambda address: answers[address.partition("@")[0]]
        assert delivered(world) == (3, 1, 2)
        told = {each.to[:3]: (each.status, each.last_error) for each in world.mails()}
        assert told == {
            "ann": ("sent", None), "bob": ("pending", "451 later"), "cee": ("failed", "550 never")
        }  # fmt: skip
        answers |= {"bob": None, "cee": None}
        assert delivered(world) == (2, 2, 0)
        assert delivered(world) == (0, 0, 0)
        assert sorted(server.recipients) == ["ann@example.com", "bob@example.com", "cee@example.com"]
    event = world.call(audit_events.LIST, key="sk").items[0]
    assert (event.action, event.details) == ("mail.deliver", {"mails": 0, "sent": 0})


def test_without_a_mail_server_a_mail_says_why_it_stays(world: World) -> None:
    """It was tried and failed, without counting as an attempt; a server that is named later takes it."""
    world.core.relay = None
    world.sign_up()
    assert delivered(world) == (1, 0, 1)
    (waiting,) = world.mails()
    assert (waiting.status, waiting.attempts) == ("pending", 0)
    assert "BKENDCTL_SMTP_URL" in str(waiting.last_error)
    with running() as server:
        world.core.relay = relay_at(f"smtp://127.0.0.1:{server.port}")
        assert delivered(world) == (1, 1, 0)


def test_what_another_is_sending_is_not_sent_twice(world: World) -> None:
    """A delivery on request leaves alone what a worker has claimed, at its first try or at a later one."""
    with running() as server:
        relay = relay_at(f"smtp://127.0.0.1:{server.port}")
        world.core.relay = relay
        world.sign_up()
        server.on_recipient = lambda _address: "451 later"
        assert delivered(world) == (1, 0, 1)
        server.on_recipient = lambda _address: None
        world.clock.advance(HOUR)
        asked: list[tuple[int, int, int]] = []
        server.on_data = lambda _envelope: asked.append(delivered(world))  # type: ignore[func-returns-value]
        assert [each.status for each in Delivery(world.core, relay).round()] == ["sent"]
    assert asked == [(0, 0, 0)]
    assert len(server.envelopes) == 1


def test_mails_are_delivered_by_admins_alone(world: World) -> None:
    """Neither by a user nor with the publishable key."""
    assert world.refused(mail.DELIVER, token=world.sign_up()).code == "auth/forbidden"
    assert world.refused(mail.DELIVER).code == "auth/unauthorized"
