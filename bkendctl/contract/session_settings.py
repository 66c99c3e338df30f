"""Settings of sessions: how long tokens live, and how many requests are taken."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from bkendctl.contract.fields import Timestamp
from bkendctl.contract.operation import Access, Body, Change, Empty, Operation

AccessSeconds = Annotated[int, Meta(ge=60, le=86_400, description="a whole number from 60 to 86400")]
RefreshSeconds = Annotated[
    int, Meta(ge=3600, le=31_536_000, description="a whole number from 3600 to 31536000")
]
AbsoluteDays = Annotated[int, Meta(ge=1, le=365, description="a whole number from 1 to 365, or null")]
GraceSeconds = Annotated[int, Meta(ge=0, le=60, description="a whole number from 0 to 60")]
Requests = Annotated[int, Meta(ge=1, le=1_000_000, description="a whole number from 1 to 1000000")]
WindowSeconds = Annotated[int, Meta(ge=1, le=86_400, description="a whole number from 1 to 86400")]


class RateLimit(Body, kw_only=True):
    """So many requests in a window."""

    limit: Requests
    window_seconds: WindowSeconds


class CodeRateLimit(Body, kw_only=True):
    """limit: per address that is mailed to."""

    limit: Requests
    limit_per_source: Requests
    window_seconds: WindowSeconds


class RateLimits(Body, kw_only=True):
    """What counts now, by class (x-rate-limit-classes)."""

    default: RateLimit
    login: RateLimit
    login_source: RateLimit
    code: CodeRateLimit


class SessionSettings(Body, kw_only=True):
    """sessionAbsoluteDays: counted from the sign-in, null for no end. The lifetime of a refresh token begins
    anew with each rotation; within the grace a spent one gives another pair."""

    access_token_seconds: int
    refresh_token_seconds: int
    session_absolute_days: int | None
    refresh_reuse_grace_seconds: int
    rate_limits: RateLimits
    updated_at: Timestamp


class RateLimitsChange(Change, kw_only=True):
    """A class is given whole; the others stay."""

    default: RateLimit | UnsetType = UNSET
    login: RateLimit | UnsetType = UNSET
    login_source: RateLimit | UnsetType = UNSET
    code: CodeRateLimit | UnsetType = UNSET


class SetSessionSettings(Body, kw_only=True):
    """Merged into what is stored. Lifetimes are of tokens issued from now on; rate limits count at once."""

    access_token_seconds: AccessSeconds | UnsetType = UNSET
    refresh_token_seconds: RefreshSeconds | UnsetType = UNSET
    session_absolute_days: AbsoluteDays | UnsetType | None = UNSET
    refresh_reuse_grace_seconds: GraceSeconds | UnsetType = UNSET
    rate_limits: RateLimitsChange | UnsetType = UNSET


GET = Operation(
    name="session_settings.get",
    operation_id="get_session_settings",
    method="GET",
    path="/v1/auth-config/sessions",
    summary="Lifetimes and rate limits",
    access=Access.ADMIN,
    scope="auth-config:read",
    request=Empty,
    response=SessionSettings,
    extension=True,
)

SET = Operation(
    name="session_settings.set",
    operation_id="update_session_settings",
    method="PATCH",
    path="/v1/auth-config/sessions",
    summary="Change lifetimes and rate limits",
    access=Access.ADMIN,
    scope="auth-config:update",
    request=SetSessionSettings,
    response=SessionSettings,
    extension=True,
)
