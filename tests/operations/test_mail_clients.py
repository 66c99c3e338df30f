"""Mails as their readers get them: over a real mail server, read by a client library that others wrote."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import pytest
from imap_tools import MailMessage

from bkendctl.contract import (
    accounts,
    invitations,
    magic_links,
    mail,
    password_resets,
    template_settings,
    verifications,
)
from bkendctl.core.smtp import relay_at
from tests.conftest import PASSWORD, World
from tests.mail_server import MailServer, running
from tests.operations.mailed import ALICE, by_link

SHOP = "김철수의 상점 & Söhne"
NEW = "An0ther-horse!"


@pytest.fixture
def inbox(world: World) -> Iterator[MailServer]:
    """A mail server that the world's mails go to."""
    with running() as server:
        world.core.relay = relay_at(f"smtp://127.0.0.1:{server.port}")
        yield server


def newest(world: World, inbox: MailServer) -> tuple[MailMessage, dict[str, str]]:
    """Have what waits delivered; the one mail with a link as a client reads it, and what that carries.

    The link stands in the HTML and in the text, and its token in the text by itself.
    """
    known = len(inbox.envelopes)
    assert world.call(mail.DELIVER, key="sk").failed == 0
    came = [MailMessage.from_bytes(each.original_content or b"") for each in inbox.envelopes[known:]]
    ((read, link),) = [(each, word) for each in came for word in each.text.split() if "token=" in word]
    assert f'href="{link.replace("&", "&amp;")}"' in read.html
    values = dict(parse_qsl(urlsplit(link).query))
    assert values["token"] in read.text.split()
    assert (read.to, read.cc, read.bcc, read.attachments) == ((values["email"],), (), (), [])
    world.clock.advance(1)
    return read, values


def test_each_flow_goes_on_with_what_a_mail_client_reads(world: World, inbox: MailServer) -> None:
    """Sign-up, verification, magic link, reset and invitation, from a sender whose name is not ASCII."""
    settings = template_settings.SetTemplateSettings(sender_name=SHOP, sender_email="shop@acme.example")
    world.call(template_settings.SET, settings, key="sk")
    token = world.sign_up(name="아라")
    read, values = newest(world, inbox)
    assert read.from_values is not None
    assert (read.from_values.name, read.from_values.email) == (SHOP, "shop@acme.example")
    assert "아라" in read.text
    assert read.date.timestamp() * 1000 == world.clock.now() - 1
    world.call(verifications.SEND, verifications.Send(email=ALICE), token=token)
    _, values = newest(world, inbox)
    world.call(verifications.CONFIRM, verifications.Confirm(**values))
    assert world.me(token).email_verified is not None
    world.call(accounts.SIGN_IN, by_link())
    _, values = newest(world, inbox)
    pair = world.call(magic_links.COMPLETE, magic_links.Complete(token=values["token"]))
    assert world.me(pair).email == ALICE
    world.call(password_resets.REQUEST, password_resets.Request(email=ALICE))
    _, values = newest(world, inbox)
    world.call(password_resets.CONFIRM, password_resets.Confirm(**values, new_password=NEW))
    assert world.refusal(world.sign_in, ALICE, PASSWORD) == "auth/invalid-credentials"
    wanted = {"resource_type": "project", "resource_id": world.installed.project_id}
    invited = invitations.Create(**wanted, resource_role="member", email="bob@example.com")
    world.call(invitations.CREATE, invited, key="sk")
    _, values = newest(world, inbox)
    accepted = invitations.Accept(token=values["token"])
    assert world.call(invitations.ACCEPT, accepted).status == "accepted"
