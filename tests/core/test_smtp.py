"""The connection to the mail server: its URL, TLS, passwords."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from bkendctl.contract.errors import Failure
from bkendctl.core.delivery import (
    Delivery,
)
from bkendctl.core.smtp import relay_at
from tests.certificate import certificate
from tests.conftest import World
from tests.mail_server import PASSWORD, USER, running

EVERYWHERE = pytest.mark.parametrize("world", ["embedded", "embedded-postgresql"], indirect=True)


def secured(folder: Path, monkeypatch: pytest.MonkeyPatch, *, trusted: bool = True) -> ssl.SSLContext:
    """TLS of a server on 127.0.0.1, whose certificate this process trusts, or not."""
    cert, private = certificate(folder)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, private)
    return context


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # aiosmtpd knows STARTTLS alone
@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_tls_and_password(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    """STARTTLS or TLS from the start: the mail is encrypted, its sender is known."""
    world.sign_up()
    context = secured(tmp_path, monkeypatch)
    kind = {"starttls": context} if scheme == "smtp" else {"tls": context, "auth_needs_tls": False}
    query = "?starttls=true" if scheme == "smtp" else ""
    with running(auth=True, **kind) as server:  # type: ignore[arg-type]
        relay = relay_at(f"{scheme}://{USER}:{PASSWORD}@127.0.0.1:{server.port}{query}")
        (done,) = Delivery(world.core, relay).round()
        assert (done.status, done.last_error) == ("sent", None)
        assert server.users == [(USER, PASSWORD)]
        if scheme == "smtp":
            assert server.encrypted == [True]


def _wrong_password(port: int) -> str:
    return f"smtp://{USER}:wrong-s3cret@127.0.0.1:{port}?starttls=true"


def _untrusted(port: int) -> str:
    return f"smtp://{USER}:{PASSWORD}@127.0.0.1:{port}?starttls=true"


@pytest.mark.parametrize(
    ("url", "trusted", "told"),
    [
        (_wrong_password, True, "refuses user or password (535)"),
        (_untrusted, False, "its certificate is not trusted"),
    ],
)
def test_a_server_that_is_not_let_in_or_not_trusted(
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    url: Callable[[int], str],
    trusted: bool,
    told: str,
) -> None:
    """No mail leaves; it waits, and no secret is in the reason."""
    world.sign_up()
    with running(starttls=secured(tmp_path, monkeypatch, trusted=trusted), auth=True) as server:
        (done,) = Delivery(world.core, relay_at(url(server.port))).round()
        assert done.status == "pending"
        assert told in str(done.last_error)
        assert "s3cret" not in str(done.last_error)
        assert server.envelopes == []


def test_starttls_is_not_given_up(world: World) -> None:
    """A server, or somebody in between, that does not offer it gets nothing."""
    world.sign_up()
    with running() as server:
        relay = relay_at(f"smtp://127.0.0.1:{server.port}?starttls=true")
        (done,) = Delivery(world.core, relay).round()
        assert done.status == "pending"
        assert "STARTTLS" in str(done.last_error)
        assert server.envelopes == []


@pytest.mark.parametrize(
    "url",
    [
        "", "mail.example.com", "http://mail.example.com", "smtp://", "smtp://h:99999", "smtp://h:x",
        "smtp://u:s3cret@mail.example.com?starttls=false", "smtp://user@h", "smtp://:s3cret@h",
        "smtp://h?starttls=maybe", "smtp://h?verify=no", "smtps://h?starttls=true", "smtp://h/path",
        "smtp://h?from=nobody", "smtp://h?from=a@b%0aBcc:c@d", "smtp://u:s3crét@h", "smtp://[::1", "smtp://h#s3cret",
    ],
)  # fmt: skip
def test_a_url_that_is_none_is_refused(url: str) -> None:
    """cli/usage with an example, never the secret in it."""
    with pytest.raises(Failure) as caught:
        relay_at(url)
    assert caught.value.code == "cli/usage"
    assert "s3cr" not in caught.value.message
    assert "BKENDCTL_SMTP_URL" in caught.value.message


@pytest.mark.parametrize(
    ("url", "port", "security"),
    [
        ("smtp://mail.example.com", 587, "starttls"),
        ("smtp://u:p%40ss@mail.example.com:2525?starttls=true", 2525, "starttls"),
        ("smtp://mail.example.com?starttls=false", 25, "plain"),
        ("smtps://u:p@mail.example.com", 465, "tls"),
        ("smtp://u:p@127.0.0.1:1025", 1025, "plain"),
        ("smtp://localhost:1025", 1025, "plain"),
        ("smtp://[::1]:1025", 1025, "plain"),
    ],
)
def test_a_url_is_read(url: str, port: int, security: str) -> None:
    """Encrypted beyond this machine unless it says otherwise; the password does not show."""
    relay = relay_at(url)
    assert (relay.port, relay.security) == (port, security)
    assert "p@ss" not in repr(relay)
