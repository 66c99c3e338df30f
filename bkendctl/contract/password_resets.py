"""A new password for who forgot the old one, by mail."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from bkendctl.contract.fields import Email, MailedToken, Password, Url
from bkendctl.contract.operation import Access, Body, Message, Operation, RateClass


class Request(Body, kw_only=True):
    """Whose password; callbackUrl: page of the app that takes the new one."""

    email: Email
    callback_url: Url | UnsetType = UNSET


class Confirm(Body, kw_only=True):
    """The mailed token, the address it was mailed to, and the new password."""

    email: Email
    token: MailedToken
    new_password: Password


REQUEST = Operation(
    name="password_resets.request",
    operation_id="request_password_reset",
    method="POST",
    path="/v1/auth/password/reset/request",
    summary="Mail a reset link",
    access=Access.GUEST,
    rate=RateClass.CODE,
    request=Request,
    response=Message,
    errors=("auth/email-auth-disabled", "auth/invalid-email"),
)

CONFIRM = Operation(
    name="password_resets.confirm",
    operation_id="confirm_password_reset",
    method="POST",
    path="/v1/auth/password/reset/confirm",
    summary="Set a new password with a reset token",
    access=Access.GUEST,
    rate=RateClass.LOGIN,
    request=Confirm,
    response=Message,
    errors=(
        "auth/account-not-found",
        "auth/invalid-email",
        "auth/invalid-password-format",
        "auth/same-as-previous-password",
        "auth/verification-token-expired",
        "auth/verification-token-not-found",
        "auth/weak-password",
    ),
)
