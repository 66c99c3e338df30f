"""Users as they come from elsewhere, in batches, with what became of each."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from bkendctl.contract.fields import Email, Instant, Name, Role
from bkendctl.contract.operation import Body

OnConflict = Literal["skip", "update", "fail"]
RowStatus = Literal["created", "updated", "skipped", "failed"]
MOST_ROWS = 1_000


class HashParameters(Body, kw_only=True):
    """What Firebase's scrypt needs beside the hash; all but salt are of the project."""

    algorithm: Literal["firebase-scrypt"]
    salt: Annotated[str, Meta(max_length=128, description="base64 of at most 128 characters")]
    signer_key: Annotated[
        str, Meta(min_length=1, max_length=256, description="base64 of at most 256 characters")
    ]
    salt_separator: Annotated[str, Meta(max_length=64, description="base64 of at most 64 characters")]
    rounds: Annotated[int, Meta(ge=1, le=8, description="a whole number from 1 to 8")]
    memory_cost: Annotated[int, Meta(ge=1, le=14, description="a whole number from 1 to 14")]


class ImportAccount(Body, kw_only=True):
    """A provider's identity that signs the user in."""

    provider: Literal["google", "github"]
    provider_account_id: Annotated[str, Meta(min_length=1, max_length=254, description="1 to 254 characters")]


class ImportRow(Body, kw_only=True):
    """One user. Beyond bkend's contract: banned ones come in banned, and the last sign-in is kept."""

    email: Email
    name: Name | UnsetType = UNSET
    nickname: (
        Annotated[str, Meta(min_length=1, max_length=50, description="1 to 50 characters")] | UnsetType | None
    ) = UNSET
    role: Role | UnsetType = UNSET
    email_verified: Instant | bool | UnsetType = UNSET
    password_hash: (
        Annotated[str, Meta(min_length=20, max_length=1024, description="20 to 1024 characters")] | UnsetType
    ) = UNSET
    hash_parameters: HashParameters | UnsetType = UNSET
    totp_secret: (
        Annotated[str, Meta(pattern="^[A-Z2-7]{16,128}$", description="base32 of 16 to 128 characters")]
        | UnsetType
    ) = UNSET
    accounts: Annotated[list[ImportAccount], Meta(max_length=2, description="at most 2")] | UnsetType = UNSET
    external_id: Annotated[str, Meta(max_length=128, description="at most 128 characters")] | UnsetType = (
        UNSET
    )
    created_at: Instant | UnsetType = UNSET
    last_sign_in_at: Instant | UnsetType = UNSET
    banned: bool | UnsetType = UNSET
    banned_until: Instant | UnsetType = UNSET
    ban_reason: Annotated[str, Meta(max_length=500, description="at most 500 characters")] | UnsetType = UNSET


class ImportUsers(Body, kw_only=True):
    """Up to 1000 rows, each for itself. onConflict: what happens where the address is taken."""

    users: Annotated[
        list[ImportRow],
        Meta(min_length=1, max_length=MOST_ROWS, description="1 to 1000 users", extra={"each": "alone"}),
    ]
    on_conflict: OnConflict = "skip"
    dry_run: bool = False


class RowError(Body, kw_only=True, omit_defaults=True):
    """Why a row failed."""

    code: str
    message: str
    details: dict[str, list[str]] | UnsetType = UNSET


class ImportRowResult(Body, kw_only=True):
    """What became of a row; index: its place in the request."""

    index: int
    email: str
    external_id: str | None
    status: RowStatus
    user_id: str | None
    error: RowError | None


class ImportResult(Body, kw_only=True):
    """What became of all rows."""

    total: int
    created: int
    updated: int
    skipped: int
    failed: int
    results: list[ImportRowResult]
