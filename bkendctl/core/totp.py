"""TOTP (RFC 6238): SHA-1, 30 s, six digits, as every authenticator app takes it."""

from __future__ import annotations

from base64 import b32decode, b32encode
from typing import TYPE_CHECKING

from bkendctl.core.randomness import Randomness

if TYPE_CHECKING:
    from pyotp import TOTP

STEP_MS = 30_000
SECRET_BYTES = 20
"""RFC 4226 recommends 160 bits."""
WINDOW = 1
"""Steps accepted before and after the present one (RFC 6238, section 5.2)."""


def new_secret(randomness: Randomness) -> str:
    """A fresh secret in base32, without padding."""
    return b32encode(randomness.bytes(SECRET_BYTES)).decode().rstrip("=")


def otpauth_url(secret: str, account: str, issuer: str) -> str:
    """The URL that a QR code shows to an authenticator app."""
    from pyotp import TOTP

    return TOTP(secret).provisioning_uri(name=account, issuer_name=issuer)


def is_secret(secret: str) -> bool:
    """Whether a text is base32; some lengths are none."""
    try:
        return len(_decoded(secret)) > 0
    except ValueError:
        return False


def _decoded(secret: str) -> bytes:
    return b32decode(secret + "=" * (-len(secret) % 8))


def _totp(secret: str) -> TOTP:
    """pyotp refuses less than 112 bits, and older authenticators made 80: HMAC pads with zeros anyway."""
    from pyotp import TOTP

    return TOTP(b32encode(_decoded(secret).ljust(SECRET_BYTES, b"\0")).decode())


def code_at(secret: str, now: int, *, steps_ahead: int = 0) -> str:
    """The code of the step at an instant, or of one after it."""
    return _totp(secret).at(now // 1000, counter_offset=steps_ahead)


def matching_step(secret: str, code: str, now: int, last_step: int) -> int | None:
    """The step a code belongs to, when it is within the window and newer than the last one used.

    Steps have to rise strictly: comparing codes instead would let two neighbours be used in turns.
    """
    from pyotp.utils import strings_equal

    totp = _totp(secret)
    present = now // STEP_MS
    for step in range(present - WINDOW, present + WINDOW + 1):
        if step > last_step and strings_equal(code, totp.generate_otp(step)):
            return step
    return None
