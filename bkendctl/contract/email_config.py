"""Settings of sign-in by e-mail: password policy, magic link, lock, and where links may lead."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from bkendctl.contract.fields import Timestamp, Url
from bkendctl.contract.operation import Access, Body, Change, Empty, Operation

MinLength = Annotated[int, Meta(ge=6, le=128, description="a whole number from 6 to 128")]
MaxLength = Annotated[int, Meta(ge=8, le=128, description="a whole number from 8 to 128")]
ExpirationDays = Annotated[int, Meta(ge=1, le=3650, description="a whole number from 1 to 3650, or null")]
Minutes = Annotated[int, Meta(ge=1, le=1440, description="a whole number from 1 to 1440")]
MaxFailures = Annotated[int, Meta(ge=3, le=100, description="a whole number from 3 to 100")]
CallbackUrls = Annotated[list[Url], Meta(max_length=20, description="at most 20 URLs")]


class PasswordPolicy(Body, kw_only=True):
    """What a new password has to be. rejectLeaked: refuse those on lists of leaked and common ones.

    expirationDays: age at which a password must be reset, null for never.
    """

    min_length: int
    max_length: int
    require_uppercase: bool
    require_lowercase: bool
    require_numbers: bool
    require_special_chars: bool
    reject_leaked: bool
    expiration_days: int | None


class Lockout(Body, kw_only=True):
    """After how many failures in a window sign-in is locked for how long (x-lock)."""

    max_failures: int
    window_minutes: int
    lock_minutes: int


class EmailConfig(Body, kw_only=True):
    """enabled: e-mail methods as a whole. allowedCallbackUrls: origins or URL prefixes; none: any in dev."""

    enabled: bool
    password_policy: PasswordPolicy
    magic_link_enabled: bool
    magic_link_expiration_minutes: int
    require_email_verification: bool
    allowed_callback_urls: list[str]
    lockout: Lockout
    updated_at: Timestamp


class PasswordPolicyChange(Change, kw_only=True):
    """What is named changes."""

    min_length: MinLength | UnsetType = UNSET
    max_length: MaxLength | UnsetType = UNSET
    require_uppercase: bool | UnsetType = UNSET
    require_lowercase: bool | UnsetType = UNSET
    require_numbers: bool | UnsetType = UNSET
    require_special_chars: bool | UnsetType = UNSET
    reject_leaked: bool | UnsetType = UNSET
    expiration_days: ExpirationDays | UnsetType | None = UNSET


class LockoutChange(Change, kw_only=True):
    """What is named changes."""

    max_failures: MaxFailures | UnsetType = UNSET
    window_minutes: Minutes | UnsetType = UNSET
    lock_minutes: Minutes | UnsetType = UNSET


class SetEmailConfig(Body, kw_only=True):
    """Merged into what is stored, nested objects too; lists are replaced."""

    enabled: bool | UnsetType = UNSET
    password_policy: PasswordPolicyChange | UnsetType = UNSET
    magic_link_enabled: bool | UnsetType = UNSET
    magic_link_expiration_minutes: Minutes | UnsetType = UNSET
    require_email_verification: bool | UnsetType = UNSET
    allowed_callback_urls: CallbackUrls | UnsetType = UNSET
    lockout: LockoutChange | UnsetType = UNSET


GET = Operation(
    name="email_config.get",
    operation_id="get_email_config",
    method="GET",
    path="/v1/auth-config/email",
    summary="E-mail sign-in settings",
    access=Access.ADMIN,
    scope="auth-config:read",
    request=Empty,
    response=EmailConfig,
    extension=True,
)

SET = Operation(
    name="email_config.set",
    operation_id="update_email_config",
    method="PATCH",
    path="/v1/auth-config/email",
    summary="Change e-mail sign-in settings",
    access=Access.ADMIN,
    scope="auth-config:update",
    request=SetEmailConfig,
    response=EmailConfig,
    extension=True,
)
