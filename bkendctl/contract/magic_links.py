"""Signing in by a mailed link. Asking for one is sign-up and sign-in with method magiclink (accounts.py)."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType, field

from bkendctl.contract.accounts import TokenPair
from bkendctl.contract.fields import MfaCode
from bkendctl.contract.operation import Access, Body, Operation, RateClass

PAGE = "/magic-link"
"""The server's own page for people without an app behind the link."""


class NewUserTokenPair(TokenPair, kw_only=True):
    """is_new_user: whether the link made the user; the one name on the wire that is not camelCase."""

    is_new_user: bool = field(name="is_new_user")


class Complete(Body, kw_only=True):
    """The token of the link; mfaCode where the user has a second factor."""

    token: Annotated[str, Meta(min_length=16, max_length=512, description="16 to 512 characters")]
    mfa_code: MfaCode | UnsetType = UNSET


COMPLETE = Operation(
    name="magic_links.complete",
    operation_id="complete_magic_link",
    method="POST",
    path="/v1/auth/email/callback",
    summary="Trade a magic-link token for tokens",
    access=Access.GUEST,
    rate=RateClass.LOGIN,
    request=Complete,
    response=NewUserTokenPair,
    errors=(
        "auth/account-banned",
        "auth/invalid-mfa-code",
        "auth/magiclink-disabled",
        "auth/mfa-backup-codes-exhausted",
        "auth/mfa-required",
    ),
)
