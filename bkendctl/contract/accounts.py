"""The caller's own account: sign up, sign in, who am I, change the password, withdraw."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, UnsetType

from bkendctl.contract.fields import (
    AccountProvider,
    Email,
    MailedToken,
    MfaCode,
    Name,
    OnboardingStatus,
    Password,
    Role,
    Timestamp,
    Url,
    UserStatus,
)
from bkendctl.contract.operation import Access, Body, Empty, Message, Operation, RateClass


class TokenPair(Body, kw_only=True):
    """What a sign-in gives. expiresIn: seconds the access token lives."""

    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a scheme, no secret
    expires_in: int


class MessageEmail(Body, kw_only=True):
    """Text for people, and the address it is about."""

    message: str
    email: str


class LinkedAccount(Body, kw_only=True):
    """One way of signing in that is attached to a user."""

    id: str
    user_id: str
    provider: AccountProvider
    provider_account_id: str
    email: str | None
    connected_at: Timestamp


class User(Body, kw_only=True):
    """A user as the user itself or an admin sees it; what is only for admins is UNSET for the user itself."""

    id: str
    role: Role
    name: str
    nickname: str | None
    email: str
    email_verified: Timestamp | None
    image: str | None
    onboarding_status: OnboardingStatus
    mfa_enabled: bool
    last_sign_in_at: Timestamp | None
    status: UserStatus | UnsetType = UNSET
    banned_until: Timestamp | UnsetType | None = UNSET
    ban_reason: str | UnsetType | None = UNSET
    deleted_at: Timestamp | UnsetType | None = UNSET
    accounts: list[LinkedAccount] | UnsetType = UNSET
    created_at: Timestamp
    updated_at: Timestamp


class SignUp(Body, kw_only=True):
    """Create a user by password, or ask for a magic link that leads to callbackUrl."""

    method: Literal["password", "magiclink"]
    email: Email
    password: Password | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    callback_url: Url | UnsetType = UNSET

    @classmethod
    def by_choice(cls, given: dict[str, Any]) -> dict[str, bool]:
        """What each method needs; the fields of the other one are ignored."""
        by_link = given.get("method") == "magiclink"
        return {"callbackUrl": by_link, "password": not by_link, "name": not by_link}


class SignIn(Body, kw_only=True):
    """Sign in by password, or ask for a magic link; by password where none is named."""

    method: Literal["password", "magiclink"] = "password"
    email: Email
    password: Password | UnsetType = UNSET
    mfa_code: MfaCode | UnsetType = UNSET
    callback_url: Url | UnsetType = UNSET

    @classmethod
    def by_choice(cls, given: dict[str, Any]) -> dict[str, bool]:
        """What each method needs; the fields of the other one are ignored."""
        by_link = given.get("method") == "magiclink"
        return {"callbackUrl": by_link, "password": not by_link}


class ConfirmSignUp(Body, kw_only=True):
    """The values of the link in the sign-up confirmation; callbackUrl: where it sends the browser."""

    token: MailedToken
    email: Email
    callback_url: Url | UnsetType = UNSET


class Verified(Body, kw_only=True):
    """Proof of an address."""

    verified: Literal[True] = True
    email: str


class SignUpConfirmed(Body, kw_only=True):
    """The one answer in an envelope (contract: confirm_signup_verification)."""

    success: Literal[True] = True
    data: Verified


class ChangePassword(Body, kw_only=True):
    """Change the own password."""

    current_password: Password
    new_password: Password


SIGN_UP = Operation(
    name="accounts.sign_up",
    operation_id="sign_up_email",
    method="POST",
    path="/v1/auth/email/signup",
    summary="Create a user by password, or ask for a magic link",
    access=Access.GUEST,
    rate=RateClass.LOGIN,
    request=SignUp,
    response=TokenPair | MessageEmail,  # type: ignore[arg-type]
    status=201,
    errors=(
        "auth/email-already-exists",
        "auth/email-auth-disabled",
        "auth/invalid-email",
        "auth/invalid-password-format",
        "auth/magiclink-disabled",
        "auth/too-many-code-requests",
        "auth/weak-password",
    ),
)

SIGN_IN = Operation(
    name="accounts.sign_in",
    operation_id="sign_in_email",
    method="POST",
    path="/v1/auth/email/signin",
    summary="Sign in by password, or ask for a magic link",
    access=Access.GUEST,
    rate=RateClass.LOGIN,
    request=SignIn,
    response=TokenPair | MessageEmail,  # type: ignore[arg-type]
    errors=(
        "auth/account-banned",
        "auth/account-locked",
        "auth/email-auth-disabled",
        "auth/email-not-verified",
        "auth/invalid-credentials",
        "auth/invalid-email",
        "auth/invalid-mfa-code",
        "auth/magiclink-disabled",
        "auth/mfa-backup-codes-exhausted",
        "auth/mfa-required",
        "auth/password-expired",
        "auth/too-many-code-requests",
    ),
)

CONFIRM_SIGN_UP = Operation(
    name="accounts.confirm_sign_up",
    operation_id="confirm_signup_verification",
    method="GET",
    path="/v1/auth/signup/email/confirm",
    summary="Prove the address with the link of the sign-up confirmation",
    access=Access.PUBLIC,
    writes=True,
    redirects="a browser with a callbackUrl: on to it, with verified, email and, of a refusal, error",
    request=ConfirmSignUp,
    response=SignUpConfirmed,
    errors=("auth/invalid-email", "auth/verification-token-expired", "auth/verification-token-not-found"),
)

GET_ME = Operation(
    name="accounts.get_me",
    operation_id="get_me",
    method="GET",
    path="/v1/auth/me",
    summary="The calling user",
    access=Access.USER,
    request=Empty,
    response=User,
)

CHANGE_PASSWORD = Operation(
    name="accounts.change_password",
    operation_id="change_password",
    method="POST",
    path="/v1/auth/password/change",
    summary="Change the own password",
    access=Access.USER,
    rate=RateClass.LOGIN,
    request=ChangePassword,
    response=Message,
    errors=(
        "auth/account-locked",
        "auth/invalid-password",
        "auth/invalid-password-format",
        "auth/password-not-set",
        "auth/same-as-previous-password",
        "auth/weak-password",
    ),
)

WITHDRAW = Operation(
    name="accounts.withdraw",
    operation_id="withdraw_account",
    method="DELETE",
    path="/v1/auth/withdraw",
    summary="Delete the own account",
    access=Access.USER,
    request=Empty,
    response=Message,
    errors=("organization/last-owner", "user/last-admin"),
)
