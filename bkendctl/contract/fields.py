"""The field types that several nouns share. A Meta's description completes the sentence "must be …".

Formats that a pattern cannot express (email, instant) are checked by the decoder, by name.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

Email: TypeAlias = Annotated[
    str, Meta(max_length=254, description="an e-mail address", extra={"format": "email"})
]
NO_REPLY = "no-reply@bkendctl.invalid"
"""The sender of mails until one is set; leads nowhere (RFC 2606)."""
Sender: TypeAlias = Annotated[
    str, Meta(max_length=254, description="an e-mail address", extra={"format": "sender"})
]
Password: TypeAlias = Annotated[str, Meta(min_length=1, max_length=1024, description="1 to 1024 characters")]
Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=100, description="1 to 100 characters")]
Uuid: TypeAlias = Annotated[
    str,
    Meta(
        pattern="^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
        description="an id (a UUID in lower case)",
    ),
]
Timestamp: TypeAlias = str
"""A UTC instant with milliseconds and Z, as answered."""
Instant: TypeAlias = Annotated[
    str,
    Meta(
        max_length=64,
        description="an instant such as 2026-01-31T12:00:00Z (RFC 3339)",
        extra={"format": "instant"},
    ),
]
"""An RFC 3339 instant with any offset, as sent; decoding leaves it in the answered form."""
Url: TypeAlias = Annotated[str, Meta(max_length=2048, description="an http or https URL")]
PageNumber: TypeAlias = Annotated[
    int, Meta(ge=1, le=1_000_000, description="a whole number from 1 to 1000000")
]
Limit: TypeAlias = Annotated[int, Meta(ge=1, le=100, description="a whole number from 1 to 100")]
MailedToken: TypeAlias = Annotated[str, Meta(min_length=1, max_length=512, description="1 to 512 characters")]
MfaCode: TypeAlias = Annotated[
    str, Meta(pattern="^([0-9]{6}|[A-Za-z0-9]{8})$", description="a six-digit code or a backup code")
]
TotpCode: TypeAlias = Annotated[str, Meta(pattern="^[0-9]{6}$", description="six digits")]
Scope: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^(\*|[A-Za-z_][A-Za-z0-9_-]{0,63}):(\*|create|read|update|delete|list)$",
        description="table:operation, such as posts:read or *:list",
    ),
]
Description: TypeAlias = Annotated[str, Meta(max_length=500, description="at most 500 characters")]
Slug: TypeAlias = Annotated[
    str,
    Meta(
        pattern="^[a-z0-9](?:[a-z0-9-]{1,48}[a-z0-9])$",
        min_length=3,
        max_length=50,
        description="3 to 50 of a-z, 0-9 and hyphen, no hyphen at its ends",
    ),
]
EnvironmentName: TypeAlias = Annotated[
    str, Meta(pattern="^[a-z][a-z0-9-]{0,31}$", description="an environment's name, such as dev")
]

Role: TypeAlias = Literal["admin", "user", "guest"]
OrganizationRole: TypeAlias = Literal["owner", "admin", "member", "billing"]
OAuthProvider: TypeAlias = Literal["google", "github"]
AccountProvider: TypeAlias = Literal["email", "google", "github"]
EnvironmentType: TypeAlias = Literal["dev", "staging", "prod", "custom"]
OnboardingStatus: TypeAlias = Literal["pending", "in_progress", "completed", "skipped"]
UserStatus: TypeAlias = Literal["active", "banned", "deleted"]
MailCategory: TypeAlias = Literal[
    "signup_confirmation",
    "password_reset",
    "magic_link",
    "email_verification",
    "invitation",
    "password_changed",
    "mfa_changed",
    "email_changed",
    "sessions_ended",
]
