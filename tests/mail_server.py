"""A real mail server on loopback that does as it is told, and keeps what it takes."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "courier", "s3cret-of-smtp"


class MailServer:
    """Handler of aiosmtpd. on_recipient, on_data: what to answer instead of taking a mail; HANG waits for
    the end, CUT drops the connection.
    """

    HANG, CUT = "hang", "cut"

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.encrypted: list[bool] = []
        self.users: list[object] = []
        self.on_recipient: Callable[[str], str | None] = lambda _address: None
        self.on_data: Callable[[Envelope], str | None] = lambda _envelope: None
        self.port = 0
        self.taken = threading.Event()

    @property
    def messages(self) -> list[EmailMessage]:
        """What was taken, read by the standard library."""
        return [
            message_from_bytes(each.original_content or b"", policy=policy.default)  # type: ignore[misc]
            for each in self.envelopes
        ]

    @property
    def recipients(self) -> list[str]:
        """To whom, in the order of arrival."""
        return [recipient for each in self.envelopes for recipient in each.rcpt_tos]

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        """Take a recipient, or not."""
        refusal = self.on_recipient(address)
        if refusal is None:
            envelope.rcpt_tos.append(address)
        return refusal or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a message, or not."""
        refusal = self.on_data(envelope)
        if refusal == self.HANG:
            await asyncio.Event().wait()
        if refusal == self.CUT:
            assert server.transport is not None
            server.transport.abort()
            return "451 never heard"
        if refusal is None:
            self.envelopes.append(envelope)
            self.taken.set()
            self.encrypted.append(session.ssl is not None)
            self.users.append(session.auth_data)
        return refusal or "250 taken"

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any
    ) -> AuthResult:
        """Let in who has PASSWORD."""
        given = isinstance(data, LoginPassword) and (data.login.decode(), data.password.decode())
        return AuthResult(success=given == (USER, PASSWORD), handled=False, auth_data=given)


@contextmanager
def running(
    *,
    starttls: ssl.SSLContext | None = None,
    tls: ssl.SSLContext | None = None,
    auth: bool = False,
    auth_needs_tls: bool = True,
    **more: Any,
) -> Iterator[MailServer]:
    """Serve on a free port of 127.0.0.1 until the block ends."""
    handler = MailServer()
    handler.port = free_port()
    if auth:
        more |= {"authenticator": handler.authenticate, "auth_required": True}
        more |= {"auth_require_tls": auth_needs_tls}
    controller = Controller(
        handler, hostname="127.0.0.1", port=handler.port, ssl_context=tls, tls_context=starttls, **more
    )
    controller.start()
    try:
        yield handler
    finally:
        controller.stop()


def free_port() -> int:
    """A port of loopback that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
