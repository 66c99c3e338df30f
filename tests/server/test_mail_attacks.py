"""Mails under attack: who names another host in a request, and a mail server that keeps everybody waiting."""

from __future__ import annotations

import threading

import httpx
import pytest
from sqlalchemy import select

from bkendctl.contract import accounts, invitations, password_resets, verifications
from bkendctl.core import schema
from bkendctl.core.smtp import relay_at
from bkendctl.server import mailing
from tests.conftest import PASSWORD, World
from tests.mail_server import MailServer, running
from tests.operations.mailed import ALICE, told

EVIL = "evil.example"
FORGED = {
    "host": EVIL,
    "x-forwarded-host": EVIL,
    "x-forwarded-server": EVIL,
    "x-original-host": EVIL,
    "x-host": EVIL,
    "x-forwarded-proto": "http",
    "forwarded": f"host={EVIL};proto=http",
    "origin": f"https://{EVIL}",
    "referer": f"https://{EVIL}/",
}
SIGN_UP = {"method": "password", "email": ALICE, "password": PASSWORD, "name": "Alice"}


def ask(world: World, path: str, body: dict[str, object], key: str, **more: str) -> int:
    """Post with forged headers; the status."""
    assert world.server is not None
    headers = FORGED | {"x-api-key": key} | more
    return httpx.post(f"{world.server.url}{path}", json=body, headers=headers, trust_env=False).status_code


def test_links_lead_to_the_configured_address_alone(world: World) -> None:
    """T092: whatever Host, Forwarded and their kin say, in sign-up, reset, verification and invitation."""
    world.core.public_url = "https://auth.demo.example"
    assert ask(world, accounts.SIGN_UP.path, SIGN_UP, world.pk) == 201
    token = world.sign_in().access_token
    project = {"resourceType": "project", "resourceId": world.installed.project_id, "resourceRole": "member"}
    for path, body, key, more in (
        (password_resets.REQUEST.path, {"email": ALICE}, world.pk, {}),
        (verifications.RESEND_SIGN_UP.path, {"email": ALICE}, world.pk, {}),
        (verifications.SEND.path, {"email": ALICE}, world.pk, {"authorization": f"Bearer {token}"}),
        (invitations.CREATE.path, project | {"email": "bob@example.com"}, world.sk, {}),
    ):
        assert ask(world, path, body, key, **more) in (200, 201), path
    mails = world.mails()
    assert {mail.category for mail in mails} == {
        "signup_confirmation", "password_reset", "email_verification", "invitation"
    }  # fmt: skip
    for mail in mails:
        assert EVIL not in mail.text + mail.html + "".join(mail.links)
        assert all(link.startswith("https://auth.demo.example/") for link in mail.links)


def test_without_a_configured_address_nothing_is_sent(world: World) -> None:
    """T092: outside dev the mail is held, and the header fills no gap."""
    prod = world.beside("live", "prod")
    world.core.public_url = None
    assert ask(prod, accounts.SIGN_UP.path, SIGN_UP, prod.pk) == 201
    with running() as server:
        assert mailing.Delivery(world.core, relay_at(f"smtp://127.0.0.1:{server.port}")).round() == []
        assert server.envelopes == []
    with world.core.database.read() as transaction:
        (row,) = transaction.all(select(schema.outbox))
    assert row.status == "held"
    assert EVIL.encode() not in row.body


def test_a_mail_server_that_hangs_holds_up_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """T103: while it has the worker wait, requests are answered, known and unknown alike, and mails queue."""
    monkeypatch.setattr(mailing, "STOP_SECONDS", 0.1)
    has_one = threading.Event()

    def hang(_envelope: object) -> str:
        has_one.set()
        return MailServer.HANG

    with running() as server:
        server.on_data = hang
        worker = mailing.Mailing(world.core, relay_at(f"smtp://127.0.0.1:{server.port}"))
        worker.start()
        try:
            world.sign_up()
            assert has_one.wait(20)
            known, unknown = (
                told(world, password_resets.REQUEST, password_resets.Request(email=email))
                for email in (ALICE, "nobody@example.com")
            )
            assert known == unknown
            waiting = {mail.category: (mail.status, mail.attempts) for mail in world.mails()}
            assert waiting == {"signup_confirmation": ("pending", 1), "password_reset": ("pending", 0)}
            assert server.envelopes == []
        finally:
            worker.stop()
    again = {mail.category: mail.status for mail in world.mails()}
    assert again == dict.fromkeys(waiting, "pending")
