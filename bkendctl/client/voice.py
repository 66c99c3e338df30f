"""As whom an operation is asked for. Apart from speaker.py, which loads what speaking needs."""

from __future__ import annotations

from enum import StrEnum


class Voice(StrEnum):
    """A guest has a key alone, a user a session, key is the secret key."""

    GUEST = "guest"
    USER = "user"
    KEY = "key"
    ADMIN = "admin"
    """The secret key when the profile has one, else the signed-in user."""
