"""Proving an address by mail: after sign-up, later, and a new one in place of the old."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from bkendctl.contract.accounts import MessageEmail
from bkendctl.contract.fields import Email, MailedToken, Url
from bkendctl.contract.operation import Access, Body, Operation, RateClass


class Send(Body, kw_only=True):
    """Which address; callbackUrl: page of the app that receives the browser."""

    email: Email
    callback_url: Url | UnsetType = UNSET


class Confirm(Body, kw_only=True):
    """The mailed token and the address it was mailed to."""

    email: Email
    token: MailedToken


class Confirmed(Body, kw_only=True):
    """The address is proven."""

    message: str
    verified: Literal[True] = True


SEND = Operation(
    name="verifications.send",
    operation_id="send_email_verification",
    method="POST",
    path="/v1/auth/email/verify/send",
    summary="Mail a token that proves an address",
    access=Access.OPTIONAL_USER,
    rate=RateClass.CODE,
    request=Send,
    response=MessageEmail,
    errors=("auth/already-verified", "auth/invalid-email"),
)

RESEND = Operation(
    name="verifications.resend",
    operation_id="resend_email_verification",
    method="POST",
    path="/v1/auth/email/verify/resend",
    summary="Mail the proving token again",
    access=Access.OPTIONAL_USER,
    rate=RateClass.CODE,
    request=Send,
    response=MessageEmail,
    errors=("auth/already-verified", "auth/invalid-email"),
)

CONFIRM = Operation(
    name="verifications.confirm",
    operation_id="confirm_email_verification",
    method="POST",
    path="/v1/auth/email/verify/confirm",
    summary="Prove an address with the mailed token",
    access=Access.GUEST,
    rate=RateClass.LOGIN,
    request=Confirm,
    response=Confirmed,
    errors=(
        "auth/email-already-exists",
        "auth/invalid-email",
        "auth/verification-token-expired",
        "auth/verification-token-not-found",
    ),
)

RESEND_SIGN_UP = Operation(
    name="verifications.resend_sign_up",
    operation_id="resend_signup_verification",
    method="POST",
    path="/v1/auth/signup/email/resend",
    summary="Mail the sign-up confirmation again",
    access=Access.GUEST,
    rate=RateClass.CODE,
    request=Send,
    response=MessageEmail,
    errors=("auth/already-verified", "auth/invalid-email"),
)
