"""Avatars: a signed URL to send a picture to, taking it as one's own, and fetching it by a signed URL."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias, get_args

from msgspec import UNSET, Meta, UnsetType

from bkendctl.contract.accounts import User
from bkendctl.contract.fields import Timestamp
from bkendctl.contract.operation import Access, Body, File, Message, Operation
from bkendctl.contract.users import UserId

MOST_BYTES = 5_242_880
"""avatarMaxBytes of the contract (x-defaults)."""
ContentType: TypeAlias = Literal["image/jpeg", "image/png", "image/gif", "image/webp"]
TYPES: tuple[str, ...] = get_args(ContentType)
ENDINGS = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
}
"""What the ending of a file's name says about it."""
AvatarKey: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\.(jpg|png|gif|webp)$",
        description="the key of an uploaded avatar",
    ),
]
Expires: TypeAlias = Annotated[
    int, Meta(ge=0, le=2**40, description="a whole number", extra={"place": "query"})
]
Signature: TypeAlias = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_-]{43,86}$", description="a signature", extra={"place": "query"})
]


class CreateUpload(UserId, kw_only=True):
    """filename alone is enough where its ending says the type."""

    filename: Annotated[str, Meta(min_length=1, max_length=255, description="1 to 255 characters")]
    content_type: ContentType | UnsetType = UNSET


class AvatarUpload(Body, kw_only=True):
    """Where to send the file; url is the same as upload_url."""

    upload_url: str
    url: str
    key: str
    expires_at: Timestamp


class Save(UserId, kw_only=True):
    """s3_key: the key of an upload of the same user, whose file was sent."""

    s3_key: AvatarKey


class Upload(Body, kw_only=True):
    """What an upload URL is made of, and the file."""

    key: AvatarKey
    expires: Expires
    signature: Signature
    file: File


class AvatarStored(Body, kw_only=True):
    """The picture as it is kept, not yet in use."""

    key: str
    content_type: ContentType
    size: int


class Download(Body, kw_only=True):
    """What a download URL is made of."""

    key: AvatarKey
    expires: Expires
    signature: Signature


CREATE_UPLOAD = Operation(
    name="avatars.create_upload",
    operation_id="create_avatar_upload_url",
    method="POST",
    path="/v1/users/{userId}/avatar/upload-url",
    summary="Signed URL for sending an avatar",
    access=Access.SELF_OR_ADMIN,
    scope="users:update",
    request=CreateUpload,
    response=AvatarUpload,
    errors=("user/not-found",),
)

SAVE = Operation(
    name="avatars.save",
    operation_id="save_avatar",
    method="PATCH",
    path="/v1/users/{userId}/avatar",
    summary="Use an uploaded file as avatar",
    access=Access.SELF_OR_ADMIN,
    scope="users:update",
    request=Save,
    response=User,
    errors=("user/avatar-not-found", "user/not-found"),
)

REMOVE = Operation(
    name="avatars.remove",
    operation_id="delete_avatar",
    method="DELETE",
    path="/v1/users/{userId}/avatar",
    summary="Remove the avatar",
    access=Access.SELF_OR_ADMIN,
    scope="users:update",
    request=UserId,
    response=Message,
    errors=("user/not-found",),
)

UPLOAD = Operation(
    name="avatars.upload",
    operation_id="upload_avatar",
    method="PUT",
    path="/v1/avatars/{key}",
    summary="Send the avatar file to the signed URL",
    access=Access.PUBLIC,
    extension=True,
    request=Upload,
    response=AvatarStored,
    media=TYPES,
    file_bytes=MOST_BYTES,
    too_large="user/avatar-too-large",
    errors=("auth/invalid-token", "auth/token-expired", "user/avatar-too-large", "user/invalid-avatar"),
)

DOWNLOAD = Operation(
    name="avatars.download",
    operation_id="download_avatar",
    method="GET",
    path="/v1/avatars/{key}",
    summary="Fetch an avatar by signed URL",
    access=Access.PUBLIC,
    extension=True,
    request=Download,
    response=File,
    media=TYPES,
    errors=("auth/invalid-token", "auth/token-expired", "user/avatar-not-found"),
)
