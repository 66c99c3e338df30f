"""Pictures from strangers: looked at as what they claim to be and nothing else, then drawn anew.

What is kept is what was seen, encoded by us: no metadata (where it was taken, with what), no second file
behind the picture, no animation. Colours are taken as sRGB.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from io import BytesIO
from typing import TYPE_CHECKING

from bkendctl.contract.errors import Failure

if TYPE_CHECKING:
    from PIL import Image

LONGEST_SIDE = 1024
"""Larger ones are made smaller: as RGBA without any compression this still is below 5 MiB."""
MOST_PIXELS = 25_000_000
"""A telephone's picture has 12 million; decoded these are 100 MB."""
_FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/gif": "GIF", "image/webp": "WEBP"}
_HOW = {
    "JPEG": {"quality": 88, "progressive": True},
    "PNG": {},
    "GIF": {},
    "WEBP": {"quality": 88, "method": 4},
}


def redrawn(content: bytes, content_type: str) -> bytes:
    """Draw a picture anew in the type that it has: upright, at most 1024 pixels wide and high, the first of
    several frames. user/invalid-avatar for what is not of this type, is broken, or has too many pixels.
    """
    from PIL import Image, ImageOps

    # Process-wide, and what we want everywhere: also of a frame that is larger than its file's header says.
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
    name = _FORMATS[content_type]
    try:
        # No other decoder is ever tried on it.
        with Image.open(BytesIO(content), formats=(name,)) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise Failure("user/invalid-avatar", f"The picture has more than {MOST_PIXELS} pixels.")
            if name == "JPEG":
                picture.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
            picture.load()
            upright = ImageOps.exif_transpose(picture)
            plain = upright.convert("RGB" if name == "JPEG" or not upright.has_transparency_data else "RGBA")
        plain.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        return _encoded(plain, name)
    except (
        # What the decoders of Pillow let out for broken files; there is no ancestor of their own.
        OSError,
        ValueError,
        SyntaxError,
        LookupError,
        ArithmeticError,
        TypeError,
        AttributeError,
        AssertionError,
        EOFError,
        MemoryError,
        struct.error,
        zlib.error,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ):
        raise Failure("user/invalid-avatar") from None


def _encoded(picture: Image.Image, name: str) -> bytes:
    picture.info.clear()  # else profiles, comments and the like are written again
    made = BytesIO()
    picture.save(made, name, **_HOW[name])
    return made.getvalue()
