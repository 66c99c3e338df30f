"""bkendctl profile avatar: the picture beside a user's name."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun
from bkendctl.cli.progress import progress_bar
from bkendctl.cli.subject import Subject, User
from bkendctl.client.voice import Voice
from bkendctl.contract import avatars, profile
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import File, place

noun = Noun("The picture beside a user's name.")

Picture = Annotated[Path, typer.Argument(help="JPEG, PNG, GIF or WebP, up to 5 MiB.", metavar="FILE")]
Target = Annotated[Path, typer.Argument(help="New file; - for stdout.", metavar="FILE")]


@noun.verb("set")
def set_avatar(ctx: Context, file: Picture, user: User = None) -> None:
    """Send a picture and use it.

    It is drawn anew, at most 1024 pixels wide and high, without metadata and without animation.

    Example: bkendctl profile avatar set portrait.jpg
    """
    content = _read(file)
    kind = avatars.ENDINGS.get(file.suffix[1:].lower())
    if kind is None:
        ctx.refuse("The file's name has to end in .jpg, .png, .gif or .webp.")
    whose = Subject.of(ctx, user)
    upload = whose.call(avatars.CREATE_UPLOAD, filename=file.name[-255:], content_type=kind)
    _send(ctx, upload, File(content=content, content_type=kind))
    shown = whose.call(avatars.SAVE, s3_key=upload.key)
    _draw(ctx, content)
    ctx.show({"id": shown.id, "image": shown.image})


@noun.verb("get")
def get_avatar(ctx: Context, file: Target, user: User = None) -> None:
    """Write the picture to a file.

    Example: bkendctl profile avatar get portrait.png
    """
    url = Subject.of(ctx, user).call(profile.SHOW).image
    if url is None:
        raise Failure("user/avatar-not-found", "There is no avatar.", hint="bkendctl profile avatar set FILE")
    content = ctx.call(avatars.DOWNLOAD, avatars.Download(**_parts(url)), voice=Voice.GUEST).content
    if str(file) == "-":
        sys.stdout.buffer.write(content)
        return
    try:
        with file.open("xb") as new:
            new.write(content)
    except OSError as error:
        raise Failure("cli/file", f"{file} cannot be written: {error.strerror}.") from None
    ctx.say.done(f"wrote {file} ({len(content)} bytes)")
    _draw(ctx, content)


@noun.verb("remove")
def remove_avatar(ctx: Context, user: User = None) -> None:
    """Remove the picture; fine without one.

    Example: bkendctl profile avatar remove
    """
    ctx.show(Subject.of(ctx, user).call(avatars.REMOVE))


def _read(file: Path) -> bytes:
    """A file, as much of it as shows that it is too large. cli/file, user/avatar-too-large."""
    try:
        with file.open("rb") as source:
            content = source.read(avatars.MOST_BYTES + 1)
    except OSError as error:
        raise Failure("cli/file", f"{file} cannot be read: {error.strerror}.") from None
    if len(content) > avatars.MOST_BYTES:
        raise Failure("user/avatar-too-large")
    return content


def _send(ctx: Context, upload: avatars.AvatarUpload, file: File) -> None:
    request = place(avatars.UPLOAD, avatars.Upload(**_parts(upload.upload_url), file=file))
    with progress_bar("sending", silent=ctx.output.quiet) as tell:
        request.told = tell
        ctx.call(avatars.UPLOAD, request, voice=Voice.GUEST)


def _parts(url: str) -> dict[str, Any]:
    """The fields in a signed URL of ours. cli/not-offered for any other, whoever sent it."""
    from urllib.parse import parse_qs, urlsplit

    found = urlsplit(url)
    query = parse_qs(found.query)
    key = found.path.rpartition("/")[2]
    try:
        return {"key": key, "expires": int(query["expires"][0]), "signature": query["signature"][0]}
    except (KeyError, ValueError):
        raise Failure("cli/not-offered", f"The picture is at another address: {url[:300]}", hint="") from None


def _draw(ctx: Context, content: bytes) -> None:
    """Show the picture beside what is said, where a person sees it."""
    if not ctx.output.quiet and ctx.output.format == "table":
        from bkendctl.cli.picture import draw

        draw(sys.stderr, content)
