"""Keys of access tokens: one signs, those before it still verify, retired ones do neither."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from bkendctl.contract.fields import Timestamp
from bkendctl.contract.operation import Access, Body, Empty, Operation

Algorithm = Literal["ES256", "RS256", "EdDSA", "HS256"]


class SigningKey(Body, kw_only=True):
    """A key without its private half. HS256 keys are not in the key set."""

    kid: str
    algorithm: Algorithm
    status: Literal["signing", "verifying", "retired"]
    created_at: Timestamp
    retired_at: Timestamp | None


class SigningKeys(Body, kw_only=True):
    """All of them, the signing one first."""

    items: list[SigningKey]


class Rotate(Body, kw_only=True):
    """algorithm: the present key's when left out."""

    algorithm: Algorithm | UnsetType = UNSET


class KeyId(Body, kw_only=True):
    """Which key."""

    kid: Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{1,64}$", description="1 to 64 letters, digits, - and _")]


LIST = Operation(
    name="signing_keys.list",
    operation_id="list_signing_keys",
    method="GET",
    path="/v1/signing-keys",
    summary="Keys that sign access tokens",
    access=Access.ADMIN,
    scope="signing-keys:list",
    request=Empty,
    response=SigningKeys,
    extension=True,
)

ROTATE = Operation(
    name="signing_keys.rotate",
    operation_id="rotate_signing_key",
    method="POST",
    path="/v1/signing-keys",
    summary="Sign with a new key from now on",
    access=Access.ADMIN,
    scope="signing-keys:create",
    request=Rotate,
    response=SigningKey,
    status=201,
    extension=True,
)

RETIRE = Operation(
    name="signing_keys.retire",
    operation_id="retire_signing_key",
    method="POST",
    path="/v1/signing-keys/{kid}/retire",
    summary="Refuse the tokens of a key at once",
    access=Access.ADMIN,
    scope="signing-keys:update",
    request=KeyId,
    response=SigningKey,
    extension=True,
    errors=("signing-key/in-use", "signing-key/not-found"),
)
