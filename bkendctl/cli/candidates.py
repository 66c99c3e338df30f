"""`bkendctl completion values KIND [PREFIX [PROFILE]]`: what may be typed there; value, tab, label.

Asked at each TAB, so it reads files alone: no parser, no backend, no question, no word on stderr.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress

from bkendctl.contract.errors import Failure
from bkendctl.local import recent
from bkendctl.local.paths import paths
from bkendctl.local.profiles import Profiles


def answer(arguments: Sequence[str]) -> int:
    """Print what begins with the prefix; nothing where nothing is known or anything is wrong. Always 0."""
    kind, prefix, profile = (*arguments, "", "", "")[:3]
    lines: list[str] = []
    with suppress(Failure, OSError):
        lines = [
            f"{value}\t{label}\n"
            for value, label in _values(kind, profile)
            if value.lower().startswith(prefix.lower())
        ]
    sys.stdout.write("".join(lines))
    return 0


def _values(kind: str, profile: str) -> list[tuple[str, str]]:
    profiles = Profiles.load(paths())
    if kind == "profiles":
        return [(each.name, each.kind) for each in profiles]
    chosen = profiles.resolve(profile)
    return [] if chosen.ephemeral else recent.recall(profiles.paths, chosen.name, kind)
