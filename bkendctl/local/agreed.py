"""Which keys were seen to be of a profile's environment: hashes alone, so that each is asked about once.

Laws: nothing here ever fails a command; what cannot be read or written is asked about again.
"""

from __future__ import annotations

import json
from contextlib import suppress

from bkendctl.contract.errors import Failure
from bkendctl.local.files import read_private, write_private
from bkendctl.local.paths import Paths

MARKS_KEPT = 20


def remember(paths: Paths, profile: str, mark: str) -> None:
    """Keep a mark, the newest first."""
    kept = [mark, *(each for each in recall(paths, profile) if each != mark)][:MARKS_KEPT]
    with suppress(Failure):
        write_private(paths.agreed_file(profile), json.dumps(kept).encode())


def recall(paths: Paths, profile: str) -> list[str]:
    """Give the marks of a profile; none where the file is damaged."""
    try:
        found = json.loads(read_private(paths.agreed_file(profile)) or b"[]")
    except (Failure, ValueError, RecursionError):
        return []
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def forget(paths: Paths, profile: str) -> None:
    """Remove what is kept of a profile."""
    with suppress(OSError):
        paths.agreed_file(profile).unlink(missing_ok=True)
