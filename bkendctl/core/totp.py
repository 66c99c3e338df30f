"""TOTP (RFC 6238): SHA-1, 30 s, six digits, as every authenticator app takes it."""

from __future__ import annotations

from base64 import b32decode, b32encode

from bkendctl.core.randomness import Randomness

STEP_MS = 30_000
SECRET_BYTES = 20
"""RFC 4226 recommends 160 bits."""
LEAST_BYTES = 15
WINDOW = 1
"""Steps accepted before and after the present one (RFC 6238, section 5.2)."""


def new_secret(randomness: Randomness) -> str:
    """A fresh secret in base32, without padding."""
    return b32encode(randomness.bytes(SECRET_BYTES)).decode().rstrip("=")


def lengthened(secret: str) -> str:
    """A secret from elsewhere in a form that pyotp takes, which asks for 112 bits: the same key to HMAC.

    HMAC fills its key with zeros itself (RFC 2104). Many apps were given 80 bits. ValueError for no base32.
    """
    key = b32decode(secret + "=" * (-len(secret) % 8))
    return b32encode(key.ljust(LEAST_BYTES, b"\0")).decode().rstrip("=")


def otpauth_url(secret: str, account: str, issuer: str) -> str:
    """The URL that a QR code shows to an authenticator app."""
    from pyotp import TOTP

    return TOTP(secret).provisioning_uri(name=account, issuer_name=issuer)


def code_at(secret: str, now: int, *, steps_ahead: int = 0) -> str:
    """The code of the step at an instant, or of one after it."""
    from pyotp import TOTP

    return TOTP(secret).at(now // 1000, counter_offset=steps_ahead)


def matching_step(secret: str, code: str, now: int, last_step: int) -> int | None:
    """The step a code belongs to, when it is within the window and newer than the last one used.

    Steps have to rise strictly: comparing codes instead would let two neighbours be used in turns.
    """
    from pyotp import TOTP
    from pyotp.utils import strings_equal

    totp = TOTP(secret)
    present = now // STEP_MS
    for step in range(present - WINDOW, present + WINDOW + 1):
        if step > last_step and strings_equal(code, totp.generate_otp(step)):
            return step
    return None
