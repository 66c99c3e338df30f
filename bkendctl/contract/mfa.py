"""The caller's second factor: TOTP (RFC 6238) and backup codes."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from bkendctl.contract.fields import MfaCode, Password, Timestamp, TotpCode
from bkendctl.contract.operation import Access, Body, Empty, Operation, RateClass


class MfaStatus(Body, kw_only=True):
    """Whether MFA is on, since when, and how many backup codes are left."""

    enabled: bool
    enrolled_at: Timestamp | None
    backup_codes_remaining: int


class Enable(Body, kw_only=True):
    """Begin a set-up; the password proves who is at the keyboard."""

    password: Password


class MfaSetup(Body, kw_only=True):
    """secret: base32; qrCodeUrl: otpauth URL to show as a QR code; ten backup codes, valid once confirmed."""

    secret: str
    qr_code_url: str
    backup_codes: list[str]


class Confirm(Body, kw_only=True):
    """The first code of the app being set up."""

    code: TotpCode


class BackupCodes(Body, kw_only=True):
    """Ten codes, each good for one sign-in."""

    backup_codes: list[str]


class Disable(Body, kw_only=True):
    """Switch MFA off; code may be left out within 5 minutes of a second factor in this session."""

    password: Password
    code: MfaCode | UnsetType = UNSET


class RegenerateBackupCodes(Body, kw_only=True):
    """Ten new backup codes; the rule for code is that of Disable."""

    password: Password
    code: MfaCode | UnsetType = UNSET


STATUS = Operation(
    name="mfa.status",
    operation_id="get_mfa_status",
    method="GET",
    path="/v1/auth/mfa",
    summary="Own MFA state",
    access=Access.USER,
    request=Empty,
    response=MfaStatus,
    extension=True,
)

ENABLE = Operation(
    name="mfa.enable",
    operation_id="begin_mfa_setup",
    method="POST",
    path="/v1/auth/mfa/enable",
    summary="Begin TOTP set-up",
    access=Access.USER,
    rate=RateClass.LOGIN,
    request=Enable,
    response=MfaSetup,
    errors=(
        "auth/account-locked",
        "auth/invalid-credentials",
        "auth/mfa-already-enabled",
        "auth/password-not-set",
    ),
)

CONFIRM = Operation(
    name="mfa.confirm",
    operation_id="confirm_mfa_setup",
    method="POST",
    path="/v1/auth/mfa/confirm",
    summary="Finish set-up with a code",
    access=Access.USER,
    rate=RateClass.LOGIN,
    request=Confirm,
    response=BackupCodes,
    errors=(
        "auth/invalid-mfa-code",
        "auth/mfa-already-enabled",
        "auth/mfa-not-enabled",
        "auth/mfa-setup-expired",
    ),
)

DISABLE = Operation(
    name="mfa.disable",
    operation_id="disable_mfa",
    method="POST",
    path="/v1/auth/mfa/disable",
    summary="Switch MFA off",
    access=Access.USER,
    rate=RateClass.LOGIN,
    request=Disable,
    response=Empty,
    errors=(
        "auth/account-locked",
        "auth/invalid-credentials",
        "auth/invalid-mfa-code",
        "auth/mfa-not-enabled",
    ),
)

REGENERATE_BACKUP_CODES = Operation(
    name="mfa.regenerate_backup_codes",
    operation_id="regenerate_backup_codes",
    method="POST",
    path="/v1/auth/mfa/backup-codes",
    summary="Ten new backup codes; the old ones stop",
    access=Access.USER,
    rate=RateClass.LOGIN,
    request=RegenerateBackupCodes,
    response=BackupCodes,
    extension=True,
    errors=(
        "auth/account-locked",
        "auth/invalid-credentials",
        "auth/invalid-mfa-code",
        "auth/mfa-not-enabled",
    ),
)
