"""What a profile's last lists showed, so that completion need not ask a backend.

E-mails are personal data: only the page shown last is kept, 0600, for a week, and none after a sign-out.
Laws: only plain words get in, so that none can command a shell; nothing here ever fails a command.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from bkendctl.contract.errors import Failure
from bkendctl.local.files import read_private, write_private
from bkendctl.local.paths import Paths

SECONDS_KEPT = 7 * 86_400
VALUES_KEPT = 100
"""Of one kind; the largest page there is."""

_LABEL_LENGTH = 40
# An address may be `$(x)@example.com` or begin with a hyphen, and whoever signs up chooses it.
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9@._+-]{0,253}")


def remember(paths: Paths, profile: str, kind: str, values: Iterable[tuple[str, str]]) -> None:
    """Keep values and labels in place of those of this kind before; what is no plain word is left out."""
    kept = [[value, _label(label)] for value, label in values if _PLAIN.fullmatch(value)][:VALUES_KEPT]
    content = _fresh(paths, profile) | {kind: {"at": time.time(), "values": kept}}
    with suppress(Failure):
        write_private(paths.recent_file(profile), json.dumps(content).encode())


def recall(paths: Paths, profile: str, kind: str) -> list[tuple[str, str]]:
    """Give values and labels of a kind; none where none are kept, they are old, or the file is damaged."""
    with suppress(KeyError, TypeError, ValueError):
        found = [(str(value), _label(str(label))) for value, label in _fresh(paths, profile)[kind]["values"]]
        return [(value, label) for value, label in found if _PLAIN.fullmatch(value)]
    return []


def forget(paths: Paths, profile: str) -> None:
    """Remove what is kept of a profile."""
    with suppress(OSError):
        paths.recent_file(profile).unlink(missing_ok=True)


def _fresh(paths: Paths, profile: str) -> dict[str, Any]:
    """What is kept and not too old; a file with nothing else is removed."""
    try:
        content = json.loads(read_private(paths.recent_file(profile)) or b"{}")
        since = time.time() - SECONDS_KEPT
        fresh = {kind: each for kind, each in content.items() if since < each["at"] <= time.time()}
    except (Failure, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}
    if content and not fresh:
        forget(paths, profile)
    return fresh


def _label(text: str) -> str:
    """Letters, digits and harmless marks; anything else, which a shell or terminal may act on, as a ?."""
    return "".join(each if each.isalnum() or each in " .,@()/+_-" else "?" for each in text[:_LABEL_LENGTH])
