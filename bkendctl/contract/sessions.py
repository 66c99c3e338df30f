"""Sessions of the caller: refresh, sign out, list, end."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from bkendctl.contract.accounts import TokenPair
from bkendctl.contract.fields import Timestamp
from bkendctl.contract.operation import Access, Body, Empty, Message, Operation
from bkendctl.contract.paging import Page, PageRequest


class Session(Body, kw_only=True):
    """One signed-in device. expiresAt moves on with each refresh."""

    id: str
    user_id: str
    user_agent: str | None
    ip_address: str | None
    device_info: str | None
    last_activity_at: Timestamp
    created_at: Timestamp
    expires_at: Timestamp
    is_current: bool


class Refresh(Body, kw_only=True):
    """Trade a refresh token for a new pair; the idempotency key makes asking again safe."""

    refresh_token: Annotated[str, Meta(min_length=1, max_length=4096, description="a refresh token")]
    idempotency_key: (
        Annotated[
            str,
            Meta(
                min_length=16,
                max_length=128,
                description="16 to 128 characters",
                extra={"header": "Idempotency-Key"},
            ),
        ]
        | UnsetType
    ) = UNSET


class EndSession(Body, kw_only=True):
    """Which session to end."""

    session_id: str


class SessionsEnded(Body, kw_only=True):
    """How many sessions ended."""

    message: str
    ended_count: int


REFRESH = Operation(
    name="sessions.refresh",
    operation_id="refresh_tokens",
    method="POST",
    path="/v1/auth/refresh",
    summary="Trade a refresh token for a new pair",
    access=Access.GUEST,
    request=Refresh,
    response=TokenPair,
    errors=("auth/invalid-refresh-token", "auth/session-expired", "auth/user-not-found"),
)

SIGN_OUT = Operation(
    name="sessions.sign_out",
    operation_id="sign_out",
    method="POST",
    path="/v1/auth/signout",
    summary="End the calling session",
    access=Access.USER,
    request=Empty,
    response=Message,
)

LIST = Operation(
    name="sessions.list",
    operation_id="list_sessions",
    method="GET",
    path="/v1/auth/sessions",
    summary="Own live sessions, latest activity first",
    access=Access.USER,
    request=PageRequest,
    response=Page[Session],
)

REVOKE = Operation(
    name="sessions.revoke",
    operation_id="end_session",
    method="DELETE",
    path="/v1/auth/sessions/{sessionId}",
    summary="End one own session, the calling one included",
    access=Access.USER,
    request=EndSession,
    response=Message,
    errors=("auth/session-not-found",),
)

REVOKE_ALL = Operation(
    name="sessions.revoke_all",
    operation_id="end_other_sessions",
    method="DELETE",
    path="/v1/auth/sessions",
    summary="End all own sessions but the calling one",
    access=Access.USER,
    request=Empty,
    response=SessionsEnded,
    extension=True,
)
