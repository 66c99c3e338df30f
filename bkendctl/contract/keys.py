"""API keys: publishable (pk_) and secret (sk_), both sent as X-API-Key."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from bkendctl.contract.fields import EnvironmentName, Instant, Limit, Name, Scope, Timestamp
from bkendctl.contract.operation import Access, Body, Empty, Message, Operation
from bkendctl.contract.paging import Page, PageRequest

KeyType = Literal["publishable", "secret"]
KeyStatus = Literal["active", "expired", "revoked"]
StatusFilter = Literal["active", "expired", "revoked", "all"]


class ApiKey(Body, kw_only=True):
    """A key without its secret. scopes: empty means no limit."""

    id: str
    type: KeyType
    name: str
    masked_key: str
    project_id: str
    environment: str
    scopes: list[str]
    status: KeyStatus
    expires_at: Timestamp | None
    revoked_at: Timestamp | None
    last_used_at: Timestamp | None
    created_by: str | None
    created_at: Timestamp


class ApiKeyWithSecret(ApiKey, kw_only=True):
    """A key just made; key is shown this once."""

    key: str


class Create(Body, kw_only=True):
    """environment: of the same project, else the caller's; expiresAt: in the future, null for never."""

    type: KeyType
    name: Name
    scopes: Annotated[list[Scope], Meta(max_length=100, description="at most 100 scopes")] = []  # noqa: RUF012 - msgspec copies it
    expires_at: Instant | None = None
    environment: EnvironmentName | UnsetType = UNSET


class ListKeys(PageRequest, kw_only=True):
    """environment: the caller's when left out; status: active when left out."""

    limit: Limit = 20
    environment: EnvironmentName | UnsetType = UNSET
    type: KeyType | UnsetType = UNSET
    status: StatusFilter = "active"


class KeyId(Body, kw_only=True):
    """Which key."""

    key_id: str


class Rotate(Body, kw_only=True):
    """graceSeconds: how long the old key works on; expiresAt: of the new one, the old one's when left out."""

    key_id: str
    grace_seconds: Annotated[int, Meta(ge=0, le=604_800, description="a whole number from 0 to 604800")] = 0
    expires_at: Instant | UnsetType | None = UNSET


LIST = Operation(
    name="keys.list",
    operation_id="list_api_keys",
    method="GET",
    path="/v1/api-keys",
    summary="Keys of the project, newest first",
    access=Access.ADMIN,
    scope="api-keys:list",
    request=ListKeys,
    response=Page[ApiKey],
    extension=True,
)

CREATE = Operation(
    name="keys.create",
    operation_id="create_api_key",
    method="POST",
    path="/v1/api-keys",
    summary="Make a key",
    access=Access.ADMIN,
    scope="api-keys:create",
    request=Create,
    response=ApiKeyWithSecret,
    status=201,
    extension=True,
    errors=("data/environment-not-found",),
)

CURRENT = Operation(
    name="keys.current",
    operation_id="get_current_api_key",
    method="GET",
    path="/v1/api-keys/current",
    summary="The calling key, masked",
    access=Access.GUEST,
    request=Empty,
    response=ApiKey,
    extension=True,
)

GET = Operation(
    name="keys.get",
    operation_id="get_api_key",
    method="GET",
    path="/v1/api-keys/{keyId}",
    summary="One key, masked",
    access=Access.ADMIN,
    scope="api-keys:read",
    request=KeyId,
    response=ApiKey,
    extension=True,
    errors=("api-key/not-found",),
)

REVOKE = Operation(
    name="keys.revoke",
    operation_id="revoke_api_key",
    method="DELETE",
    path="/v1/api-keys/{keyId}",
    summary="Revoke a key at once",
    access=Access.ADMIN,
    scope="api-keys:delete",
    request=KeyId,
    response=Message,
    extension=True,
    errors=("api-key/not-found",),
)

ROTATE = Operation(
    name="keys.rotate",
    operation_id="rotate_api_key",
    method="POST",
    path="/v1/api-keys/{keyId}/rotate",
    summary="Put a new key in an old one's place",
    access=Access.ADMIN,
    scope="api-keys:update",
    request=Rotate,
    response=ApiKeyWithSecret,
    status=201,
    extension=True,
    errors=("api-key/already-revoked", "api-key/not-found"),
)
