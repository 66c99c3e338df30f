"""What a pattern cannot say of a text, by the format its field names; gives the one form that is stored."""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec import ValidationError

from bkendctl.contract.fields import NO_REPLY
from bkendctl.core.clock import instant_of, wire

# What nearly every address is; email-validator, which takes 30 us, gives each of these back in lower case
# (tests/core/test_decoding.py compares).
_PLAIN_EMAIL = re.compile(
    r"(?=[^@]{1,64}@)[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@(?=.{4,63}\Z)(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+"
    r"(?!(?:alt|arpa|example|internal|invalid|local|localhost|onion|test)\Z)[a-z]{2,}",
    re.ASCII | re.IGNORECASE,
)


def email_of(text: str) -> str:
    """An address in its one stored form. ValidationError for what is none."""
    if _PLAIN_EMAIL.fullmatch(text):
        return text.lower()
    from email_validator import EmailNotValidError, validate_email

    try:
        # Names such as alice@corp.test are for tests; a bare host is none, which is checked below.
        address = validate_email(
            text, check_deliverability=False, globally_deliverable=False, test_environment=True
        ).normalized
    except EmailNotValidError:
        raise ValidationError("must be an e-mail address") from None
    if "." not in address.rpartition("@")[2] or len(address) > 254:
        raise ValidationError("must be an e-mail address")
    return address.lower()


def sender_of(text: str) -> str:
    """An address that mails come from, or the built-in one. ValidationError."""
    return text if text == NO_REPLY else email_of(text)


def instant(text: str) -> str:
    """An instant as it is written on the wire. ValidationError."""
    try:
        return wire(instant_of(text))
    except (ValueError, OverflowError):
        raise ValidationError("must be an instant such as 2026-01-31T12:00:00Z (RFC 3339)") from None


FORMATS: dict[str, Callable[[str], str]] = {"email": email_of, "sender": sender_of, "instant": instant}
