"""bkendctl invitations: invite, answer, take back."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from shell import ALICE, Shell

BOB = "bob@example.com"


def invite(shell: Shell, *more: str) -> tuple[str, str]:
    """Invite Bob and give the invitation's id and token."""
    made = shell.json("invitations", "create", BOB, "--no-send", *more)
    return made["id"], parse_qs(urlsplit(made["link"]).query)["token"][0]


def test_an_invitation_is_mailed(ready: Shell) -> None:
    """It goes to the profile's project; the link is in the mail, not in the answer."""
    made = ready.json("invitations", "create", BOB, "--role", "admin", "--name", "Bob")
    assert "link" not in made
    assert made["resourceId"] == ready.json("profiles", "show")["projectId"]
    assert (made["status"], made["resourceRole"], made["name"]) == ("pending", "admin", "Bob")
    mails = ready.json("mail", "list", "--to", BOB, "--category", "invitation")["items"]
    assert "token=" in mails[0]["links"][0]


def test_the_link_is_printed_instead(ready: Shell) -> None:
    """--no-send mails nothing; -q is the link alone."""
    link = ready.ok("invitations", "create", BOB, "--no-send", "-q").out
    assert link.startswith("http")
    assert ready.json("mail", "list")["items"] == []


def test_an_organization_is_invited_to(ready: Shell) -> None:
    """--organization with its roles; not both kinds at once."""
    organization = ready.json("init")["organizationId"]
    made = ready.json("invitations", "create", BOB, "--organization", organization, "--role", "billing")
    assert made["resourceType"] == "organization"
    both = ("--organization", organization, "--project", organization)
    ready.refused(2, "cli/usage", "invitations", "create", BOB, *both)


def test_an_invitation_is_accepted_once(alice: Shell) -> None:
    """The token joins the invited user; another address, a used token and an unknown one are refused."""
    made = alice.json("invitations", "create", ALICE)
    mails = alice.json("mail", "list", "--category", "invitation")["items"]
    token = parse_qs(urlsplit(mails[0]["links"][0]).query)["token"][0]
    accept = ("invitations", "accept", "--token", "-")
    alice.refused(3, "auth/invalid-token", *accept, "--email", BOB, stdin=token)
    assert alice.json(*accept, "--email", ALICE, stdin=token)["status"] == "accepted"
    alice.refused(10, "auth/invitation-already-accepted", *accept, stdin=token)
    alice.refused(3, "auth/invalid-token", *accept, stdin="nonsense")
    assert alice.json("invitations", "get", made["id"][:8])["status"] == "accepted"


def test_an_invitation_is_declined(ready: Shell) -> None:
    """A note on stderr for people, the API's empty body as JSON; it cannot be accepted after."""
    id_, token = invite(ready)
    said = ready.ok("invitations", "reject", "--token", token, "--email", BOB)
    assert (said.out, "declined" in said.err) == ("", True)
    assert ready.json("invitations", "get", id_)["status"] == "rejected"
    _, token = invite(ready)
    assert ready.json("invitations", "reject", "--token", token, "--email", BOB) == {}


def test_an_invitation_is_taken_back(ready: Shell) -> None:
    """Asked before; its token does nothing any more."""
    id_, token = invite(ready)
    ready.refused(2, "cli/usage", "invitations", "revoke", id_[:8])
    ready.ok("invitations", "revoke", id_[:8], "--yes")
    assert ready.json("invitations", "list", "--status", "revoked")["items"][0]["id"] == id_
    said = ready("invitations", "accept", "--token", token)
    assert said.status == 5


def test_an_expired_invitation_is_sent_again(ready: Shell) -> None:
    """After seven days exit 5 and the advice to resend, which mails a new token."""
    id_, token = invite(ready)
    ready.pass_time(8 * 86_400)
    accept = ("invitations", "accept", "--token", token)
    assert "resend" in ready.refused(5, "auth/invitation-expired", *accept)["hint"]
    assert ready.json("invitations", "resend", id_)["status"] == "pending"
    assert len(ready.json("mail", "list", "--to", BOB)["items"]) == 1
    ready.refused(3, "auth/invalid-token", *accept)


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (["create", "nobody"], 10, "auth/invalid-email"),
        (["create", "x@example.com", "--role", "king"], 10, "common/invalid-parameters"),
        (["create", "x@example.com", "--project", "00000000-0000-4000-8000-000000000000"], 5,
         "project/not-found"),
        (["get", "00000000"], 5, "auth/invitation-not-found"),
        (["get", "00000000-0000-4000-8000-000000000000"], 5, "auth/invitation-not-found"),
        (["list", "--status", "lost"], 10, "common/invalid-parameters"),
        (["accept"], 2, "cli/usage"),
    ],
)  # fmt: skip
def test_what_is_refused(arguments: list[str], status: int, code: str, ready: Shell) -> None:
    """Each with its code, and no invitation made."""
    ready.refused(status, code, "invitations", *arguments)
    assert ready.json("invitations", "list")["items"] == []


def test_an_open_invitation_is_not_doubled(ready: Shell) -> None:
    """Exit 6 and the advice to resend."""
    invite(ready)
    error = ready.refused(6, "auth/invitation-already-pending", "invitations", "create", BOB)
    assert "resend" in error["hint"]
