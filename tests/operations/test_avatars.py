"""Avatars: signed URLs, what is taken as a picture, what is kept of it, and when it is gone."""

from __future__ import annotations

import random
import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image
from sqlalchemy import select

from bkendctl.contract import accounts, audit_events, avatars, profile, users
from bkendctl.contract.accounts import TokenPair
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import File, Raw, place
from bkendctl.core import schema
from bkendctl.core.clock import HOUR, MINUTE
from tests.conftest import World

UNKNOWN = "00000000-0000-4000-8000-000000000000"
NAMES = {"image/jpeg": "JPEG", "image/png": "PNG", "image/gif": "GIF", "image/webp": "WEBP"}


def picture(kind: str = "image/png", size: tuple[int, int] = (40, 30), **how: Any) -> bytes:
    """A red picture."""
    made = BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(made, NAMES[kind], **how)
    return made.getvalue()


def upload_url(world: World, user_id: str, kind: str = "image/png", **caller: Any) -> avatars.AvatarUpload:
    """Where to send one."""
    request = avatars.CreateUpload(user_id=user_id, filename="me", content_type=kind)
    return world.call(avatars.CREATE_UPLOAD, request, **caller)  # type: ignore[no-any-return]


def parts(url: str) -> dict[str, Any]:
    """The fields that are in a signed URL."""
    found = urlsplit(url)
    query = {name: value[0] for name, value in parse_qs(found.query).items()}
    key = found.path.removeprefix("/v1/avatars/")
    return {"key": key, "expires": int(query["expires"]), "signature": query["signature"]}


def sending(url: str, content: bytes, kind: str = "image/png", **changed: Any) -> avatars.Upload:
    """The request that a PUT to a URL is."""
    return avatars.Upload(**(parts(url) | changed), file=File(content=content, content_type=kind))


def put(world: World, url: str, content: bytes, kind: str = "image/png") -> avatars.AvatarStored:
    """Send a file to a URL, without any key."""
    return world.call(avatars.UPLOAD, sending(url, content, kind), key=None)  # type: ignore[no-any-return]


def refused_put(world: World, url: str, content: bytes, kind: str = "image/png", **changed: Any) -> str:
    """The code with which a file is refused."""
    request = sending(url, content, kind, **changed)
    return world.refused(avatars.UPLOAD, request, key=None).code


def fetch(world: World, url: str, **changed: Any) -> File:
    """Fetch a picture."""
    return world.call(avatars.DOWNLOAD, avatars.Download(**(parts(url) | changed)), key=None)  # type: ignore[no-any-return]


def refused_fetch(world: World, url: str, **changed: Any) -> str:
    """The code with which fetching is refused."""
    request = avatars.Download(**(parts(url) | changed))
    return world.refused(avatars.DOWNLOAD, request, key=None).code


def give(world: World, token: TokenPair, content: bytes | None = None, kind: str = "image/png") -> str:
    """Send a picture and take it as one's own; the URL in the answer."""
    mine = world.me(token).id
    upload = upload_url(world, mine, kind, token=token)
    put(world, upload.upload_url, content or picture(kind), kind)
    saved = world.call(avatars.SAVE, avatars.Save(user_id=mine, s3_key=upload.key), token=token)
    assert saved.image
    return str(saved.image)


def kept(world: World) -> list[str]:
    """The names of the files that are kept."""
    folder = Path(world.core.files.name)  # type: ignore[union-attr]
    return sorted(each.name for each in folder.glob("*")) if folder.exists() else []


def test_a_picture_is_sent_taken_and_seen_wherever_the_user_is(world: World) -> None:
    """The URL is in the answers of me, users, profile and lists, and works (decision 91)."""
    token = world.sign_up()
    mine = world.me(token).id
    upload = upload_url(world, mine, token=token)
    assert upload.url == upload.upload_url
    stored = put(world, upload.upload_url, picture(size=(2000, 1000)))
    assert (stored.key, stored.content_type) == (upload.key, "image/png")
    assert world.me(token).image is None
    saved = world.call(avatars.SAVE, avatars.Save(user_id=mine, s3_key=upload.key), token=token)
    found = fetch(world, saved.image)
    assert (found.content_type, len(found.content)) == ("image/png", stored.size)
    with Image.open(BytesIO(found.content)) as seen:
        assert (seen.format, seen.size) == ("PNG", (1024, 512))
    shown = (
        world.me(token),
        world.call(users.GET, users.UserId(user_id=mine), key="sk"),
        world.call(profile.SHOW, users.UserId(user_id=mine), token=token),
        *world.call(users.LIST, key="sk").items,
        *world.call(users.EXPORT, key="sk"),
    )
    assert {each.image for each in shown} == {saved.image}
    events = world.call(audit_events.LIST, audit_events.ListEvents(target_id=mine), key="sk").items
    assert {"avatars.create-upload", "avatars.upload", "avatars.save"} <= {each.action for each in events}
    assert "signature" not in str(events)


def test_the_type_is_that_of_the_name_where_none_is_given(world: World) -> None:
    """Two web clients send the file's name alone (decision 93); a name that says nothing needs the type."""
    user = world.make_user("bea@example.com")
    for name, ending in (("me.JPG", "jpg"), ("me.jpeg", "jpg"), ("a.b.webp", "webp"), ("x.gif", "gif")):
        request = avatars.CreateUpload(user_id=user.id, filename=name)
        assert world.call(avatars.CREATE_UPLOAD, request, key="sk").key.endswith(f".{ending}")
    for name in ("me", "me.svg", "me.png.exe", "png"):
        refusal = world.refused(
            avatars.CREATE_UPLOAD, avatars.CreateUpload(user_id=user.id, filename=name), key="sk"
        )
        assert list(refusal.details or ()) == ["contentType"]
    nul = Raw(path={"userId": user.id}, body={"filename": "a\0.png"})
    assert world.refused(avatars.CREATE_UPLOAD, nul, key="sk").code == "common/invalid-parameters"


def test_an_upload_url_takes_what_it_was_made_for(world: World) -> None:
    """Changed key, expiry or signature, another's key, a late or a used one: nothing is taken (T132)."""
    token = world.sign_up()
    mine = world.me(token).id
    first, other = (upload_url(world, mine, token=token) for _ in range(2))
    sent = parts(first.upload_url)
    for changed in (
        {"key": other.key},
        {"key": first.key.replace(".png", ".gif")},
        {"key": f"{UNKNOWN}.png"},
        {"expires": sent["expires"] + 1},
        {"signature": "A" * 64},
        {"signature": parts(other.upload_url)["signature"]},
    ):
        assert refused_put(world, first.upload_url, picture(), **changed) == "auth/invalid-token", changed
    for bad in ("x" * 42, "é" * 64, ""):
        raw = place(avatars.UPLOAD, sending(first.upload_url, picture(), signature=bad))
        assert world.refused(avatars.UPLOAD, raw, key=None).code in (
            "common/invalid-parameters",
            "auth/invalid-token",
        )
    put(world, first.upload_url, picture())
    again = put(world, first.upload_url, picture(size=(10, 10)))  # the answer to the first may have been lost
    saved = world.call(avatars.SAVE, avatars.Save(user_id=mine, s3_key=first.key), token=token)
    assert len(fetch(world, saved.image).content) == again.size
    assert refused_put(world, first.upload_url, picture()) == "auth/invalid-token"
    assert refused_fetch(world, first.upload_url) == "auth/invalid-token"
    world.clock.advance(15 * MINUTE)
    assert refused_put(world, other.upload_url, picture()) == "auth/token-expired"
    assert len(kept(world)) == 1


def test_a_key_that_is_not_ones_own_or_holds_no_file_is_refused(world: World) -> None:
    """Paths, others' keys and unsent ones leave the image as it is (T131)."""
    alice, bob = world.sign_up(), world.sign_up("bob@example.com")
    mine, his = world.me(alice).id, world.me(bob).id
    before = give(world, alice)
    sent = upload_url(world, his, token=bob)
    put(world, sent.upload_url, picture())
    unsent = upload_url(world, mine, token=alice)
    for key, code in (
        (sent.key, "user/avatar-not-found"),
        (unsent.key, "user/avatar-not-found"),
        (f"{UNKNOWN}.png", "user/avatar-not-found"),
        ("../../x", "common/invalid-parameters"),
        ("/etc/passwd", "common/invalid-parameters"),
        (f"other/{sent.key}", "common/invalid-parameters"),
        (f"{unsent.key}\0", "common/invalid-parameters"),
    ):
        raw = Raw(path={"userId": mine}, body={"s3Key": key})
        assert world.refused(avatars.SAVE, raw, token=alice).code == code, key
    assert world.me(alice).image == before
    assert world.refused(avatars.SAVE, avatars.Save(user_id=his, s3_key=sent.key), token=alice).code == (
        "user/forbidden"
    )


def chunk(name: bytes, data: bytes) -> bytes:
    """A part of a PNG."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_of(width: int, height: int, *more: bytes) -> bytes:
    """A PNG that says it is so large, with next to nothing in it."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(b"\0" * 100))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(more) + body + chunk(b"IEND", b"")


def hostile() -> dict[str, tuple[bytes, str]]:
    """What is no picture of its type, or one that costs too much."""
    rest = random.Random(7).randbytes
    bomb = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"\0" * 80_000_000, 9))
    return {
        "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "image/png"),
        "HTML": (b"<!doctype html><script>alert(1)</script>", "image/png"),
        "script behind a GIF's name": (b"GIF89a/*" + rest(20) + b"*/=alert(1)", "image/gif"),
        "another type": (picture("image/gif"), "image/png"),
        "a BMP": (b"BM" + rest(200), "image/png"),
        "nothing": (b"", "image/png"),
        "its beginning": (picture("image/jpeg", size=(400, 400))[:300], "image/jpeg"),
        "50000 x 50000": (png_of(50_000, 50_000), "image/png"),
        "25 000 001 pixels": (png_of(25_000_001, 1), "image/png"),
        "a bomb of text": (png_of(10, 10, bomb), "image/png"),
        "a WebP without end": (b"RIFF\xff\xff\xff\x7fWEBPVP8L" + rest(40), "image/webp"),
    }


def test_what_is_no_picture_is_refused_and_nothing_of_it_kept(world: World) -> None:
    """Other types, broken ones and bombs answer 400, more than 5 MiB 413 (T133)."""
    token = world.sign_up()
    mine = world.me(token).id
    for name, (content, kind) in hostile().items():
        url = upload_url(world, mine, kind, token=token).upload_url
        assert refused_put(world, url, content, kind) == "user/invalid-avatar", name
    url = upload_url(world, mine, token=token).upload_url
    assert refused_put(world, url, picture(), "image/gif") == "user/invalid-avatar"
    assert refused_put(world, url, picture(), "text/html") == "user/invalid-avatar"
    large = picture() + bytes(avatars.MOST_BYTES)
    assert refused_put(world, url, large) == "user/avatar-too-large"
    assert kept(world) == []


def test_nothing_but_the_picture_is_kept(world: World) -> None:
    """No place where it was taken, no comment, no file behind it; it is turned upright, of several frames
    the first is kept."""
    token = world.sign_up()
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    exif[0x010F] = "SECRET-CAMERA"
    told = picture("image/jpeg", (60, 20), exif=exif, comment=b"SECRET") + b"<script>SECRET</script>"
    found = fetch(world, give(world, token, told, "image/jpeg"))
    with Image.open(BytesIO(found.content)) as seen:
        assert (seen.format, seen.size, dict(seen.getexif())) == ("JPEG", (20, 60), {})
    assert b"SECRET" not in found.content
    frames = [Image.new("P", (8, 8), colour) for colour in (1, 2, 3)]
    moving = BytesIO()
    frames[0].save(moving, "GIF", save_all=True, append_images=frames[1:])
    for content, kind in ((moving.getvalue(), "image/gif"), (picture("image/webp"), "image/webp")):
        found = fetch(world, give(world, token, content, kind))
        with Image.open(BytesIO(found.content)) as seen:
            assert (seen.get_format_mimetype(), getattr(seen, "n_frames", 1)) == (kind, 1)
    clear = BytesIO()
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(clear, "PNG")
    with Image.open(BytesIO(fetch(world, give(world, token, clear.getvalue())).content)) as seen:
        assert seen.convert("RGBA").getpixel((0, 0))[3] == 0  # type: ignore[index]


def outcome(world: World, request: avatars.Upload) -> str:
    """What becomes of a file that may be good or not."""
    try:
        world.call(avatars.UPLOAD, request, key=None)
    except Failure as failure:
        return failure.code
    return "taken"


def test_no_damaged_picture_brings_the_server_down(world: World) -> None:
    """Whatever bits of a picture are wrong, it is a picture or it is refused."""
    token = world.sign_up()
    mine = world.me(token).id
    chance = random.Random(42)
    for kind in NAMES:
        whole = picture(kind, size=(20, 20))
        url = upload_url(world, mine, kind, token=token).upload_url
        for _ in range(12):
            damaged = bytearray(whole)
            for _ in range(chance.randint(1, 6)):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            cut = bytes(damaged[: chance.randint(10, len(damaged))])
            assert outcome(world, sending(url, cut, kind)) in ("taken", "user/invalid-avatar")


def test_a_picture_is_gone_with_its_removal_replacement_and_deletion(world: World) -> None:
    """Its URL answers 404 at once, and no file is left (T132, T137)."""
    token = world.sign_up()
    mine = users.UserId(user_id=world.me(token).id)
    first = give(world, token)
    second = give(world, token, picture(size=(9, 9)))
    assert refused_fetch(world, first) == "user/avatar-not-found"
    assert len(kept(world)) == 1
    assert world.call(avatars.REMOVE, mine, token=token).message
    assert refused_fetch(world, second) == "user/avatar-not-found"
    assert (world.me(token).image, kept(world)) == (None, [])
    assert world.call(avatars.REMOVE, mine, token=token).message
    third = give(world, token)
    pending = upload_url(world, mine.user_id, token=token).upload_url
    sent = upload_url(world, mine.user_id, token=token).upload_url
    put(world, sent, picture())
    world.call(accounts.WITHDRAW, token=token)
    assert refused_fetch(world, third) == "user/avatar-not-found"
    assert {refused_put(world, url, picture()) for url in (pending, sent)} == {"auth/invalid-token"}
    assert kept(world) == []
    again = world.sign_up()
    assert world.me(again).id != mine.user_id
    assert world.me(again).image is None
    restored = world.make_user("bea@example.com")
    world.call(profile.SET, profile.SetProfile(user_id=restored.id, image="https://x.example/a"), key="sk")
    world.call(users.DELETE, users.UserId(user_id=restored.id), key="sk")
    assert world.call(users.RESTORE, users.UserId(user_id=restored.id), key="sk").image is None
    with world.core.database.read() as transaction:
        assert transaction.all(select(schema.dropped_files)) == []


def test_a_download_url_works_for_a_day_and_for_its_picture_alone(world: World) -> None:
    """Signed afresh at each read; another key, a changed expiry, a day later: refused."""
    token = world.sign_up()
    url = give(world, token)
    other = give(world, world.sign_up("bob@example.com"))
    assert refused_fetch(world, url, key=parts(other)["key"]) == "auth/invalid-token"
    assert refused_fetch(world, url, expires=parts(url)["expires"] + 60) == "auth/invalid-token"
    world.clock.advance(24 * HOUR)
    assert refused_fetch(world, url) == "auth/token-expired"
    assert fetch(world, world.me(world.sign_in()).image or "").content


def test_an_own_upload_named_as_image_becomes_the_avatar(world: World) -> None:
    """As two web clients do it, the query ignored (decision 90); others' URLs are kept as they are."""
    token = world.sign_up()
    mine = world.me(token).id
    upload = upload_url(world, mine, token=token)
    bare = upload.upload_url.partition("?")[0]
    wanted = profile.SetProfile(user_id=mine, image=bare)
    assert world.refused(profile.SET, wanted, token=token).code == "user/avatar-not-found"
    put(world, upload.upload_url, picture())
    taken = world.call(profile.SET, wanted, token=token)
    assert fetch(world, taken.image).content
    same = world.call(profile.SET, profile.SetProfile(user_id=mine, image=taken.image), token=token)
    assert fetch(world, same.image).content
    foreign = "https://images.example.com/v1/avatars/me.png"
    changed = world.call(profile.SET, profile.SetProfile(user_id=mine, image=foreign), token=token)
    assert (changed.image, kept(world)) == (foreign, [])
    assert refused_fetch(world, taken.image) == "user/avatar-not-found"


@pytest.mark.parametrize("world", ["http"], indirect=True)
def test_a_picture_is_served_as_nothing_but_a_picture(world: World) -> None:
    """Fixed type, no sniffing, sandboxed, a download when opened, kept for minutes by one browser (T133)."""
    import httpx

    path = give(world, world.sign_up()).partition("8787")[2]
    assert world.server is not None
    with httpx.Client(base_url=world.server.url) as browser:
        found = browser.get(path)
        head = browser.head(path)
        later = browser.put(path, content=b"x" * 10, headers={"content-type": "image/png"})
    told = {
        "content-type": "image/png",
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; sandbox",
        "content-disposition": "attachment",
        "cache-control": "private, max-age=300",
        "cross-origin-resource-policy": "cross-origin",
    }
    assert found.content.startswith(b"\x89PNG")
    for answer in (found, head):
        assert told.items() <= dict(answer.headers).items()
        assert int(answer.headers["content-length"]) == len(found.content)
    assert later.json()["error"]["code"] == "auth/invalid-token"


@pytest.mark.parametrize("world", ["http"], indirect=True)
def test_nobody_waits_for_a_file_that_is_refused_anyway(world: World) -> None:
    """A signature that is wrong is told before the file has come."""
    import socket

    assert world.server is not None
    address = urlsplit(world.server.url)
    upload = parts(upload_url(world, world.me(world.sign_up()).id, key="sk").upload_url)
    wanted = f"/v1/avatars/{upload['key']}?expires={upload['expires']}&signature={'A' * 64}"
    with socket.create_connection((str(address.hostname), address.port or 0), timeout=30) as line:
        about = "Host: x\r\nContent-Type: image/png\r\nContent-Length: 5000000"
        head = f"PUT {wanted} HTTP/1.1\r\n{about}\r\n\r\n"
        line.sendall(head.encode() + b"x" * 100)
        assert line.recv(1000).startswith(b"HTTP/1.1 401 ")
