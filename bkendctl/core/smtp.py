"""The mail server that takes what leaves: its URL, the connection to it, and what its answers mean.

By smtplib: delivery is one thread that waits, so that an asynchronous client (aiosmtplib) would add a
dependency and no speed. Which mail is sent when is delivery.py's.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from ipaddress import ip_address
from typing import Literal
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from bkendctl.contract.errors import Failure

TIMEOUT_SECONDS = 20
"""For connecting, and for each answer. RFC 5321 4.5.3.2 waits for minutes; here a mail is tried again."""
SUBMISSION_PORT, PLAIN_PORT, TLS_PORT = 587, 25, 465
ERROR_LENGTH = 300
EXAMPLE = "BKENDCTL_SMTP_URL='smtp://user:password@smtp.example.com:587?starttls=true'"
_SECRETS = re.compile(r"https?://\S+|[A-Za-z0-9_\-+/=]{24,}")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class Refused(Exception):
    """This mail is not taken, however often it is tried."""


class Later(Exception):
    """This mail was not taken now. cut: the connection is of no use any more."""

    def __init__(self, why: str, *, cut: bool = False) -> None:
        super().__init__(why)
        self.cut = cut


@dataclass(frozen=True)
class Relay:
    """A mail server. sender: From of the mails whose environment has none of its own."""

    host: str
    port: int
    security: Literal["plain", "starttls", "tls"]
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    sender: str = ""

    def connect(self, timeout_seconds: float = TIMEOUT_SECONDS) -> smtplib.SMTP:
        """Connect, encrypt with the certificate checked, sign in. Later, saying what went wrong."""
        try:
            return self._connected(timeout_seconds)
        except smtplib.SMTPAuthenticationError as error:  # whose words may repeat what was sent
            raise Later(f"{self.host} refuses user or password ({error.smtp_code})", cut=True) from None
        except smtplib.SMTPNotSupportedError as error:
            raise Later(f"{self.host}: {error}", cut=True) from None
        except smtplib.SMTPResponseException as error:
            raise Later(f"{self.host}: {_said(error.smtp_code, error.smtp_error)}", cut=True) from None
        except (
            OSError,
            ValueError,
        ) as error:  # smtplib's other errors are OSErrors; odd host names ValueErrors
            raise Later(f"{self.host}: {_reason(error)}", cut=True) from None

    def _connected(self, timeout_seconds: float) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self.host, self.port, timeout=timeout_seconds, context=context
            )
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=timeout_seconds)
        try:
            if self.security == "starttls":
                server.starttls(
                    context=context
                )  # refused where not offered: nobody in between switches it off
            server.ehlo_or_helo_if_needed()
            if self.user:
                server.login(self.user, self.password)
        except (OSError, ValueError):
            server.close()
            raise
        return server


def send(server: smtplib.SMTP, message: EmailMessage, sender: str, recipient: str) -> None:
    """Hand one message over, from and to a bare address. Refused, Later."""
    try:
        server.send_message(message, sender, [recipient])
    except smtplib.SMTPRecipientsRefused as error:
        _judge(*error.recipients[recipient])
    except smtplib.SMTPSenderRefused as error:  # a fault of the set-up, which somebody mends
        raise Later(f"sender refused: {_said(error.smtp_code, error.smtp_error)}") from None
    except smtplib.SMTPNotSupportedError:
        raise Refused("the mail server takes no addresses beyond ASCII (SMTPUTF8)") from None
    except smtplib.SMTPResponseException as error:
        _judge(error.smtp_code, error.smtp_error)
    except OSError as error:
        raise Later(_reason(error), cut=True) from None


def leave(server: smtplib.SMTP) -> None:
    """Say goodbye; a server that does not answer is left all the same."""
    with suppress(OSError):
        server.quit()
    server.close()


def _judge(code: int, words: bytes | str) -> None:
    """A 5xx is for good, all else for now (RFC 5321 4.2.1); after a 421 the server hangs up."""
    said = _said(code, words)
    if 500 <= code < 600:
        raise Refused(said)
    raise Later(said, cut=code == 421)


def _said(code: int, words: bytes | str) -> str:
    """What a server answered, on one line and without what may be a token of ours that it repeats."""
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return _SECRETS.sub("…", _CONTROLS.sub(" ", f"{code} {text}")).strip()[:ERROR_LENGTH]


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError) or "timed out" in str(error):  # smtplib wraps some
        return "no answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"[:ERROR_LENGTH]
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return "the connection was cut"
    return _said(0, getattr(error, "strerror", None) or type(error).__name__).removeprefix("0 ")


def relay_at(url: str) -> Relay:
    """Read BKENDCTL_SMTP_URL: smtp://user:password@host:587?starttls=true&from=no-reply@example.com or smtps://.

    Encrypted unless the server is this machine or starttls=false; a password never travels in clear to
    another. cli/usage, never quoting the URL.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
        query = parse_qs(parts.query, strict_parsing=bool(parts.query), keep_blank_values=True)
    except ValueError:
        raise _unusable("is no URL of a mail server") from None
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise _unusable("begins with smtp:// or smtps:// and names a host")
    if parts.path not in ("", "/") or parts.fragment or set(query) - {"starttls", "from"}:
        raise _unusable("has no path, and after ? only starttls and from")
    security = _security(parts, query.get("starttls", []))
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if bool(user) != bool(password) or not (user + password).isascii():
        raise _unusable("has user and password or neither, of ASCII characters")
    if user and security == "plain" and not _is_this_machine(parts.hostname):
        raise _unusable("sends no password without TLS: starttls=true, or smtps://")
    usual = {"plain": PLAIN_PORT, "starttls": SUBMISSION_PORT, "tls": TLS_PORT}[security]
    sender = query.get("from", [""])[0]
    if sender and ("@" not in sender or _CONTROLS.search(sender)):
        raise _unusable("has an address after from=")
    return Relay(parts.hostname, port or usual, security, user, password, sender)


def _security(parts: SplitResult, starttls: list[str]) -> Literal["plain", "starttls", "tls"]:
    if len(starttls) > 1 or set(starttls) - {"true", "false"}:
        raise _unusable("has starttls=true or starttls=false")
    if parts.scheme == "smtps":
        if starttls == ["true"]:
            raise _unusable("is encrypted from the start with smtps://: leave starttls out")
        return "tls"
    if not starttls:
        return "plain" if _is_this_machine(parts.hostname or "") else "starttls"
    return "starttls" if starttls == ["true"] else "plain"


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _unusable(why: str) -> Failure:
    return Failure("cli/usage", f"BKENDCTL_SMTP_URL {why}.", hint=EXAMPLE)
