"""Users of the environment, as an admin manages them and as a user sees itself."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from bkendctl.contract.accounts import User
from bkendctl.contract.fields import (
    AccountProvider,
    Email,
    Instant,
    Limit,
    Name,
    PageNumber,
    Password,
    Role,
    Timestamp,
)
from bkendctl.contract.operation import Access, Body, Message, Operation
from bkendctl.contract.paging import Page, PageRequest, Pagination
from bkendctl.contract.sessions import Session, SessionsEnded
from bkendctl.contract.user_import import ImportResult, ImportUsers

SearchField = Literal["name", "nickname", "email"]
SortField = Literal["createdAt", "updatedAt", "name", "email", "role"]
StatusFilter = Literal["active", "banned", "deleted", "all"]


class SocialLinks(Body, kw_only=True):
    """Where else a user is found, by URL."""

    github: str | None = None
    twitter: str | None = None
    linkedin: str | None = None


class PublicUser(Body, kw_only=True):
    """What other signed-in users see of a user whose profile is public."""

    id: str
    name: str
    nickname: str | None
    image: str | None
    bio: str | None
    social_links: SocialLinks | None
    slug: str | None
    created_at: Timestamp


class ListUsers(Body, kw_only=True):
    """Filters and order. Either page, or the cursor of the page before with the rest unchanged."""

    page: PageNumber | UnsetType = UNSET
    cursor: (
        Annotated[str, Meta(max_length=512, description="the nextCursor of the page before")] | UnsetType
    ) = UNSET
    limit: Limit = 20
    search: Annotated[str, Meta(max_length=200, description="at most 200 characters")] | UnsetType = UNSET
    search_type: SearchField | UnsetType = UNSET
    sort_by: SortField = "createdAt"
    sort_direction: Literal["asc", "desc"] = "desc"
    include_accounts: bool = False
    role: Role | UnsetType = UNSET
    status: StatusFilter | UnsetType = UNSET
    provider: AccountProvider | UnsetType = UNSET
    mfa: bool | UnsetType = UNSET
    last_sign_in_before: Instant | UnsetType = UNSET
    last_sign_in_after: Instant | UnsetType = UNSET
    created_before: Instant | UnsetType = UNSET
    created_after: Instant | UnsetType = UNSET


class UserPage(Body, kw_only=True):
    """One page of users; nextCursor is null at the end."""

    items: list[User]
    pagination: Pagination
    next_cursor: str | None


class ExportUsers(Body, kw_only=True):
    """Which users; all but deleted ones when status is left out."""

    role: Role | UnsetType = UNSET
    status: StatusFilter | UnsetType = UNSET
    include_accounts: bool = False


class CreateUser(Body, kw_only=True):
    """Make a user without sign-up; without password it signs in by link or provider or after a reset."""

    name: Name
    email: Email
    role: Role = "user"
    password: Password | UnsetType = UNSET
    email_verified: bool = False


class UserId(Body, kw_only=True):
    """Which user."""

    user_id: str


class UpdateUser(UserId, kw_only=True):
    """Rename a user."""

    name: Name | UnsetType = UNSET


class SetRole(UserId, kw_only=True):
    """The role to give."""

    role: Role


class Ban(UserId, kw_only=True):
    """until: end of the ban, none when left out."""

    reason: Annotated[str, Meta(max_length=500, description="at most 500 characters")] | UnsetType = UNSET
    until: Instant | UnsetType = UNSET


class ListUserSessions(PageRequest, kw_only=True):
    """Whose sessions."""

    user_id: str


LIST = Operation(
    name="users.list",
    operation_id="list_users",
    method="GET",
    path="/v1/users",
    summary="All users of the environment",
    access=Access.ADMIN,
    scope="users:list",
    request=ListUsers,
    response=UserPage,
)

EXPORT = Operation(
    name="users.export",
    operation_id="export_users",
    method="GET",
    path="/v1/users/export",
    summary="All users as a stream",
    access=Access.ADMIN,
    scope="users:list",
    request=ExportUsers,
    response=User,
    streams=True,
    extension=True,
)

IMPORT = Operation(
    name="users.import",
    operation_id="import_users",
    method="POST",
    path="/v1/users/import-batch",
    summary="Bring in up to 1000 users with their password hashes",
    access=Access.ADMIN,
    scope="users:create",
    request=ImportUsers,
    response=ImportResult,
    extension=True,
)

CREATE = Operation(
    name="users.create",
    operation_id="create_user",
    method="POST",
    path="/v1/users",
    summary="Make a user without sign-up",
    access=Access.ADMIN,
    scope="users:create",
    request=CreateUser,
    response=User,
    status=201,
    errors=(
        "auth/email-already-exists",
        "auth/invalid-email",
        "auth/invalid-password-format",
        "auth/weak-password",
        "user/invalid-name",
        "user/invalid-role",
    ),
)

GET = Operation(
    name="users.get",
    operation_id="get_user",
    method="GET",
    path="/v1/users/{userId}",
    summary="One user",
    access=Access.SELF_OR_ADMIN,
    any_signed_in=True,
    scope="users:read",
    request=UserId,
    response=User | PublicUser,  # type: ignore[arg-type]
    errors=("user/not-found",),
)

UPDATE = Operation(
    name="users.update",
    operation_id="update_user",
    method="PATCH",
    path="/v1/users/{userId}",
    summary="Rename a user",
    access=Access.SELF_OR_ADMIN,
    scope="users:update",
    request=UpdateUser,
    response=User,
    errors=("user/invalid-name", "user/not-found"),
)

DELETE = Operation(
    name="users.delete",
    operation_id="delete_user",
    method="DELETE",
    path="/v1/users/{userId}",
    summary="Soft-delete a user",
    access=Access.SELF_OR_ADMIN,
    scope="users:delete",
    request=UserId,
    response=Message,
    errors=("organization/last-owner", "user/last-admin", "user/not-found"),
)

SET_ROLE = Operation(
    name="users.set_role",
    operation_id="change_user_role",
    method="PATCH",
    path="/v1/users/{userId}/role",
    summary="Set a user's role",
    access=Access.ADMIN,
    scope="users:update",
    request=SetRole,
    response=User,
    errors=("user/invalid-role", "user/last-admin", "user/not-found"),
)

BAN = Operation(
    name="users.ban",
    operation_id="ban_user",
    method="POST",
    path="/v1/users/{userId}/ban",
    summary="Ban a user and end its sessions",
    access=Access.ADMIN,
    scope="users:update",
    request=Ban,
    response=User,
    extension=True,
    errors=("user/last-admin", "user/not-found"),
)

UNBAN = Operation(
    name="users.unban",
    operation_id="unban_user",
    method="POST",
    path="/v1/users/{userId}/unban",
    summary="Lift a ban",
    access=Access.ADMIN,
    scope="users:update",
    request=UserId,
    response=User,
    extension=True,
    errors=("user/not-found",),
)

RESTORE = Operation(
    name="users.restore",
    operation_id="restore_user",
    method="POST",
    path="/v1/users/{userId}/restore",
    summary="Bring back a soft-deleted user",
    access=Access.ADMIN,
    scope="users:update",
    request=UserId,
    response=User,
    extension=True,
    errors=("auth/email-already-exists", "user/not-found"),
)

SESSIONS = Operation(
    name="users.sessions",
    operation_id="list_user_sessions",
    method="GET",
    path="/v1/users/{userId}/sessions",
    summary="Live sessions of a user",
    access=Access.ADMIN,
    scope="users:read",
    request=ListUserSessions,
    response=Page[Session],
    extension=True,
    errors=("user/not-found",),
)

REVOKE_SESSIONS = Operation(
    name="users.revoke_sessions",
    operation_id="end_user_sessions",
    method="DELETE",
    path="/v1/users/{userId}/sessions",
    summary="End all sessions of a user",
    access=Access.ADMIN,
    scope="users:update",
    request=UserId,
    response=SessionsEnded,
    extension=True,
    errors=("user/not-found",),
)

RESET_MFA = Operation(
    name="users.reset_mfa",
    operation_id="reset_user_mfa",
    method="DELETE",
    path="/v1/users/{userId}/mfa",
    summary="Switch MFA off for a user who lost the device",
    access=Access.ADMIN,
    scope="users:update",
    request=UserId,
    response=Message,
    extension=True,
    errors=("auth/mfa-not-enabled", "user/not-found"),
)
