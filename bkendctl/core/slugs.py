"""Slugs: the URL labels of organizations and projects, made from their names where none is given."""

from __future__ import annotations

import re
from collections.abc import Collection

LONGEST = 50


def slug_of(name: str, kind: str) -> str:
    """A label of 3 to 50 characters made from a name, with what it is of where that leaves too little."""
    label = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:LONGEST].strip("-")
    return label if len(label) >= 3 else f"{label or 'my'}-{kind}"


def free_slug(name: str, kind: str, taken: Collection[str]) -> str:
    """The label of a name, counted on where others have it."""
    label = slug_of(name, kind)
    found, number = label, 1
    while found in taken:
        number += 1
        ending = f"-{number}"
        found = label[: LONGEST - len(ending)].rstrip("-") + ending
    return found
