"""Settings of an environment: the contract's defaults (x-defaults), and what was changed from them."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import bindparam, select

from bkendctl.core import schema
from bkendctl.core.transaction import Transaction


class PasswordPolicy(Struct, rename="camel"):
    """What a new password has to be; lengths in characters, expiration in days."""

    min_length: int = 8
    max_length: int = 128
    require_uppercase: bool = True
    require_lowercase: bool = True
    require_numbers: bool = True
    require_special_chars: bool = True
    reject_leaked: bool = True
    expiration_days: int | None = None


class Lockout(Struct, rename="camel"):
    """After how many failures in a window sign-in is locked for how long (x-lock)."""

    max_failures: int = 5
    window_minutes: int = 15
    lock_minutes: int = 15


class EmailSettings(Struct, rename="camel"):
    """Sign-in by e-mail."""

    enabled: bool = True
    magic_link_enabled: bool = True
    magic_link_expiration_minutes: int = 15
    allowed_callback_urls: list[str] = msgspec.field(default_factory=list)
    password_policy: PasswordPolicy = msgspec.field(default_factory=PasswordPolicy)
    require_email_verification: bool = False
    lockout: Lockout = msgspec.field(default_factory=Lockout)


class RateLimit(Struct, rename="camel"):
    """So many requests in a window."""

    limit: int
    window_seconds: int


class CodeRateLimit(RateLimit, rename="camel"):
    """limit is per address that is mailed to."""

    limit_per_source: int


DEV_FACTOR = 20
"""How much higher the defaults are in dev (devRateLimitFactor)."""


class RateLimits(Struct, rename="camel"):
    """Each class's limit, None where it is the default (x-rate-limit-classes)."""

    default: RateLimit | None = None
    login: RateLimit | None = None
    login_source: RateLimit | None = None
    code: CodeRateLimit | None = None

    def in_effect(self, name: str, environment_type: str) -> RateLimit | CodeRateLimit:
        """The limit of a class in an environment of a type."""
        chosen: RateLimit | CodeRateLimit | None = getattr(self, name)
        if chosen is not None:
            return chosen
        factor = DEV_FACTOR if environment_type == "dev" else 1
        if name == "code":
            return CodeRateLimit(5 * factor, 3600, 20 * factor)
        return RateLimit({"default": 600, "login": 10, "login_source": 20}[name] * factor, 60)


class SessionSettings(Struct, rename="camel"):
    """Lifetimes of tokens and sessions, and rate limits."""

    access_token_seconds: int = 3600
    refresh_token_seconds: int = 604_800
    session_absolute_days: int | None = None
    refresh_reuse_grace_seconds: int = 0
    rate_limits: RateLimits = msgspec.field(default_factory=RateLimits)


class Settings(Struct):
    """All sections."""

    email: EmailSettings
    sessions: SessionSettings


def convert(stored: dict[str, Any]) -> SessionSettings:
    """Read the stored settings of sessions."""
    return msgspec.convert(stored, SessionSettings)


_table = schema.settings
_STORED = select(_table.c.section, _table.c.stored).where(
    _table.c.environment_id == bindparam("environment"), _table.c.section.in_(("email", "sessions"))
)


def load(transaction: Transaction, environment_id: str) -> Settings:
    """Read the settings of an environment."""
    rows = transaction.all(_STORED, environment=environment_id)
    stored = {row.section: row.stored for row in rows}
    return Settings(
        email=msgspec.convert(stored.get("email", {}), EmailSettings),
        sessions=convert(stored.get("sessions", {})),
    )
