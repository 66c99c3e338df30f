"""Avatars: signed URLs for sending and fetching, and the one that is in use (ADR avatars).

A URL is bound to key, user, type, greatest length and expiry, by a hash under a key of this installation. A
file is stored under a new name at each sending, outside of any transaction; rows say which one counts, and
those that count no longer are noted in the same transaction and removed after it.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from functools import partial
from typing import Any, Protocol
from urllib.parse import urlsplit

from sqlalchemy import Row, delete, select

from bkendctl.contract import avatars as contract
from bkendctl.contract.accounts import User
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import File, Message, Raw
from bkendctl.contract.users import UserId
from bkendctl.core import schema
from bkendctl.core.call import Call, environment_by_id
from bkendctl.core.clock import HOUR, MINUTE, SECOND, wire
from bkendctl.core.dispatch import handles
from bkendctl.core.pictures import redrawn

UPLOAD_MS = 15 * MINUTE
DOWNLOAD_MS = 24 * HOUR
KEPT_SECONDS = 300
"""How long a browser may show a picture without asking whether it still is one."""
PATH = "/v1/avatars/"
_OWN = "avatar:"
"""Begins users.image where the picture is ours; others are https URLs."""
_table, _dropped, _users = schema.avatars, schema.dropped_files, schema.users
_ENDING = {"image/jpeg": "jpg", "image/png": "png", "image/gif": "gif", "image/webp": "webp"}


class Files(Protocol):
    """Where the files are kept: a folder of this machine, or a bucket."""

    name: str
    is_shared: bool

    def write(self, name: str, content: bytes) -> None:
        """Keep a file."""

    def read(self, name: str) -> bytes | None:
        """A file, None where there is none."""

    def remove(self, name: str) -> None:
        """Remove a file; fine where there is none."""


def image_url(call: Call, image: str | None) -> str | None:
    """What users.image is for others: an own picture by a URL that works for a day, any other as it is."""
    if image is None or not image.startswith(_OWN):
        return image
    key = image.removeprefix(_OWN)
    # Of one hour the same: a browser that was given it twice has the picture already.
    expires = (call.now + DOWNLOAD_MS) // HOUR * HOUR // SECOND
    return _url(call, key, expires, _signature(call, "download", key, "", expires))


def _url(call: Call, key: str, expires: int, signature: str) -> str:
    return f"{_base(call)}{PATH}{key}?expires={expires}&signature={signature}"


def _base(call: Call) -> str:
    """Without a public URL that of a server on this machine: an answer has to hold some URL."""
    from bkendctl.core.runtime import DEV_PUBLIC_URL

    return call.public_url or DEV_PUBLIC_URL


def _signature(call: Call, purpose: str, key: str, user_id: str, expires: int) -> str:
    limits = (_type_of(key), str(contract.MOST_BYTES))
    return call.core.vault.keyed_hash(f"avatar-{purpose}", key, user_id, *limits, str(expires))


def _same(wanted: str, signature: str) -> bool:
    """Compare in constant time, whatever was sent."""
    return hmac.compare_digest(wanted.encode(), signature.encode("utf-8", "surrogateescape"))


def _type_of(key: str) -> str:
    return contract.ENDINGS[key.rpartition(".")[2]]


@handles(contract.CREATE_UPLOAD)
def create_upload(call: Call, request: contract.CreateUpload) -> contract.AvatarUpload:
    """Give a URL to send one picture of one type to."""
    from bkendctl.core import users

    kind = request.content_type
    if not isinstance(kind, str):
        _, dot, ending = request.filename.rpartition(".")
        kind = contract.ENDINGS.get(dot and ending.lower())  # type: ignore[assignment]
    if not isinstance(kind, str):
        endings = ", ".join(f".{ending}" for ending in contract.ENDINGS)
        details = {"contentType": [f"is required where the file's name does not end in {endings}"]}
        raise Failure("common/invalid-parameters", details=details)
    user = users.by_id(call, request.user_id)
    key = f"{call.new_id()}.{_ENDING[kind]}"
    expires_at = (call.now + UPLOAD_MS) // SECOND * SECOND
    row = {"key": key, "environment_id": call.environment_id, "user_id": user.id, "expires_at": expires_at}
    call.tx.insert(_table, row)
    call.about("user", user.id, avatar=key)
    expires = expires_at // SECOND
    url = _url(call, key, expires, _signature(call, "upload", key, user.id, expires))
    return contract.AvatarUpload(upload_url=url, url=url, key=key, expires_at=wire(expires_at))


def _admit(call: Call, raw: Raw) -> None:
    """Refuse a file to a URL that takes none, before it is read: auth/invalid-token, auth/token-expired."""
    expires, signature = raw.query.get("expires", ""), raw.query.get("signature", "")
    if expires.isascii() and expires.isdigit() and len(expires) < 13:
        _require_open(call, raw.path["key"], int(expires), signature)


def _require_open(call: Call, key: str, expires: int, signature: str) -> Row[Any]:
    """The row of an upload URL that still takes a file, its environment entered.

    Whoever sends again before it was saved replaces what was sent: an answer may have been lost.
    """
    with call.reading():
        row = _row(call, key)
    wanted = "" if row is None else _signature(call, "upload", key, row.user_id, expires)
    if row is None or not _same(wanted, signature) or row.expires_at != expires * SECOND:
        raise Failure("auth/invalid-token", "The URL is not one that was given out.")
    if row.expires_at <= call.now:
        raise Failure("auth/token-expired", "The URL has expired.")
    if row.saved_at is not None:
        raise Failure("auth/invalid-token", "The picture that was sent to this URL is in use.")
    return row


def _row(call: Call, key: str) -> Row[Any] | None:
    """The row of a key; its environment is the call's from here on."""
    row = call.tx.row(_table, key=key)
    if row is not None:
        environment = environment_by_id(call.tx, row.environment_id)
        assert environment is not None
        call.enter(environment)
    return row


def _store(call: Call, request: contract.Upload) -> tuple[str, int]:
    """Look at the picture and store it under a name that is noted first, for whatever happens in between."""
    row = _require_open(call, request.key, request.expires, request.signature)
    if len(request.file.content) > contract.MOST_BYTES:
        raise Failure("user/avatar-too-large")
    kind = request.file.content_type.partition(";")[0].strip().lower()
    if kind != _type_of(request.key):
        raise Failure("user/invalid-avatar", f"The URL is for {_type_of(request.key)}, not {kind[:100]!r}.")
    content = redrawn(request.file.content, kind)
    name = call.new_id()
    with call.core.database.write(call.environment_id) as transaction:
        _note(transaction, call, name)
        live = transaction.row(_table, key=row.key)
        if live is None or live.saved_at is not None:
            raise Failure("auth/invalid-token")
    files(call).write(name, content)
    return name, len(content)


def files(call: Call) -> Files:
    """Where this installation keeps files. common/unavailable where it was given no place."""
    if call.core.files is None:
        raise Failure("common/unavailable")
    return call.core.files


@handles(contract.UPLOAD, before=_store, draws=True, admits=_admit)
def upload(call: Call, request: contract.Upload, stored: tuple[str, int]) -> contract.AvatarStored:
    """Take the stored file as what was sent; not yet in use."""
    name, size = stored
    row = call.tx.row(_table, key=request.key)
    if row is None or row.saved_at is not None:
        raise Failure("auth/invalid-token")
    if row.file is not None:
        drop(call, row.file)
    call.tx.run(delete(_dropped).where(_dropped.c.file == name))
    call.tx.update(_table, {"file": name, "stored_at": call.now}, key=row.key)
    call.about("user", row.user_id, avatar=row.key)
    return contract.AvatarStored(key=row.key, content_type=_type_of(row.key), size=size)  # type: ignore[arg-type]


@handles(contract.SAVE)
def save(call: Call, request: contract.Save) -> User:
    """Use an uploaded picture; the earlier one is removed."""
    from bkendctl.core import users

    user = users.by_id(call, request.user_id)
    call.about("user", user.id, avatar=request.s3_key)
    image = taken(call, user, request.s3_key)
    return users.shown(call, users.rewritten(call, user, image=image), for_admin=call.is_admin)


def taken(call: Call, user: Row[Any], key: str) -> str:
    """What users.image is to hold for an own upload; all others are dropped. user/avatar-not-found."""
    row = call.tx.row(_table, key=key, user_id=user.id)
    if row is None or row.stored_at is None:
        raise Failure("user/avatar-not-found")
    call.tx.update(_table, {"saved_at": row.saved_at or call.now}, key=key)
    if user.image != _OWN + key:
        drop_image(call, user)
    return _OWN + key


def taken_from_url(call: Call, user: Row[Any], url: str) -> str | None:
    """As taken, for the URL of an own upload, its query ignored; None for any other URL."""
    if not url.startswith(_base(call) + PATH):
        return None
    return taken(call, user, urlsplit(url).path.rpartition("/")[2])


@handles(contract.REMOVE)
def remove(call: Call, request: UserId) -> Message:
    """Remove the avatar, or a provider's picture; fine without one."""
    from bkendctl.core import users

    user = users.by_id(call, request.user_id)
    call.about("user", user.id)
    drop_image(call, user)
    if user.image is not None:
        users.rewritten(call, user, image=None)
    return Message(message="There is no avatar any more.")


def drop_image(call: Call, user: Row[Any]) -> None:
    """Drop the file that users.image names, if it is ours; the caller writes the column."""
    if user.image is not None and user.image.startswith(_OWN):
        _drop_all(call, _table.c.key == user.image.removeprefix(_OWN))


def drop_all(call: Call, user: Row[Any]) -> None:
    """Drop every file of a user, in use or not: none outlives it."""
    _drop_all(call, _table.c.user_id == user.id)


def _drop_all(call: Call, which: Any) -> None:
    for row in call.tx.all(select(_table).where(which)):
        if row.file is not None:
            drop(call, row.file)
    call.tx.run(delete(_table).where(which))


def drop(call: Call, name: str) -> None:
    """Note that a file is not needed, and remove it once that is certain; purging does where it fails."""
    _note(call.tx, call, name)
    call.afterwards.append(lambda: _remove(call, name))


def drop_with_environments(call: Call, ids: Sequence[str]) -> None:
    """Remove every file of environments once they are gone; no row is left then to note one in."""
    tables = (_table, _dropped)
    found = [call.tx.all(select(each.c.file).where(each.c.environment_id.in_(ids))) for each in tables]
    names = [row.file for rows in found for row in rows if row.file is not None]
    if (kept := call.core.files) is not None:
        call.afterwards.extend(partial(try_to_remove, kept, name) for name in names)


def try_to_remove(kept: Files, name: str) -> bool:
    """Remove a file; whether that worked."""
    try:
        kept.remove(name)
    except Failure:
        return False
    return True


def _note(transaction: Any, call: Call, name: str) -> None:
    row = {"file": name, "environment_id": call.environment_id, "dropped_at": call.now}
    transaction.insert(_dropped, row)


def _remove(call: Call, name: str) -> None:
    if call.core.files is None or not try_to_remove(call.core.files, name):
        return  # what was asked for is done; purging tries again
    with call.core.database.write(call.environment_id) as transaction:
        transaction.run(delete(_dropped).where(_dropped.c.file == name))


def _fetch(call: Call, request: contract.Download) -> File:
    """Read a picture that is in use, outside of any transaction."""
    wanted = _signature(call, "download", request.key, "", request.expires)
    if not _same(wanted, request.signature):
        raise Failure("auth/invalid-token", "The URL is not one that was given out.")
    with call.reading():
        row = _row(call, request.key)
        user = None if row is None else call.tx.row(_users, id=row.user_id)
    if request.expires * SECOND <= call.now:
        raise Failure("auth/token-expired", "The URL has expired.")
    in_use = user is not None and user.deleted_at is None and user.image == _OWN + request.key
    content = files(call).read(row.file) if row is not None and row.file and in_use else None
    if content is None:
        raise Failure("user/avatar-not-found")
    return File(content=content, content_type=_type_of(request.key), seconds=KEPT_SECONDS)


@handles(contract.DOWNLOAD, before=_fetch)
def download(_call: Call, _request: contract.Download, found: File) -> File:
    """Give a picture that is in use, to whoever has its URL."""
    return found
