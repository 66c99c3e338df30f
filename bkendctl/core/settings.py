"""Settings of an environment: the contract's defaults (x-defaults), and what was changed from them."""

from __future__ import annotations

import msgspec
from msgspec import Struct
from sqlalchemy import select

from bkendctl.core import schema
from bkendctl.core.database import Transaction


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
    password_policy: PasswordPolicy = msgspec.field(default_factory=PasswordPolicy)
    require_email_verification: bool = False
    lockout: Lockout = msgspec.field(default_factory=Lockout)


class SessionSettings(Struct, rename="camel"):
    """Lifetimes of tokens and sessions."""

    access_token_seconds: int = 3600
    refresh_token_seconds: int = 604_800
    session_absolute_days: int | None = None
    refresh_reuse_grace_seconds: int = 0


class Settings(Struct):
    """All sections."""

    email: EmailSettings
    sessions: SessionSettings


def load(transaction: Transaction, environment_id: str) -> Settings:
    """Read the settings of an environment."""
    table = schema.settings
    rows = transaction.all(
        select(table.c.section, table.c.stored).where(table.c.environment_id == environment_id)
    )
    stored = {row.section: row.stored for row in rows}
    return Settings(
        email=msgspec.convert(stored.get("email", {}), EmailSettings),
        sessions=msgspec.convert(stored.get("sessions", {}), SessionSettings),
    )
