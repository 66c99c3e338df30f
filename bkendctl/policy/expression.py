"""The expression language of permissions: conditions joined by & (binds tighter) and |."""

from __future__ import annotations

import re
from typing import NamedTuple

PLAIN = ("user", "guest", "admin", "self", "public")
_CONDITION = re.compile(r"role:(?:\*|[A-Za-z_][A-Za-z0-9_-]{0,63})|[a-z]+")
_TOKEN = re.compile(r"\s*(?:(?P<joint>[&|])|(?P<word>[^\s&|]+))")


class Caller(NamedTuple):
    """Who asks. id: None for a guest; roles: custom ones, beside the group."""

    group: str
    id: str | None = None
    roles: frozenset[str] = frozenset()

    @property
    def is_admin(self) -> bool:
        """Whether every table is open."""
        return self.group == "admin"


class Misspelt(ValueError):
    """An expression that cannot be read. column: where, counted from 1."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(f"{message} (column {column})")
        self.column = column


class Expression(NamedTuple):
    """Alternatives, each of conditions that have to hold together."""

    alternatives: tuple[tuple[str, ...], ...]

    def holds(self, caller: Caller, *, owns: bool) -> bool:
        """Whether a caller fits. owns: whether the row is the caller's."""
        return self.reason(caller, owns=owns) is not None

    def reason(self, caller: Caller, *, owns: bool) -> str | None:
        """The alternative that lets a caller in, None where none does."""
        for conditions in self.alternatives:
            if all(_holds(condition, caller, owns=owns) for condition in conditions):
                return " & ".join(conditions)
        return None

    def __str__(self) -> str:
        return " | ".join(" & ".join(conditions) for conditions in self.alternatives)


def parse(text: str) -> Expression:
    """Read an expression such as "guest | user & self". Raises Misspelt."""
    alternatives: list[tuple[str, ...]] = []
    conditions: list[str] = []
    wants_condition, place = True, 0
    while place < len(text.rstrip()):
        found = _TOKEN.match(text, place)
        assert found is not None  # every character is of a word, a joint or blank
        at = found.start("joint" if found["joint"] else "word") + 1
        if bool(found["word"]) != wants_condition:
            wanted = "a condition" if wants_condition else "& or |"
            raise Misspelt(f"{wanted} is expected before '{found[0].strip()}'", at)
        if found["word"]:
            conditions.append(_known(found["word"], at))
        elif found["joint"] == "|":
            alternatives.append(tuple(conditions))
            conditions = []
        wants_condition = not wants_condition
        place = found.end()
    if wants_condition:
        raise Misspelt("a condition is missing at the end", len(text.rstrip()) + 1)
    return Expression((*alternatives, tuple(conditions)))


def _known(word: str, at: int) -> str:
    if not _CONDITION.fullmatch(word) or not (word in PLAIN or word.startswith("role:")):
        raise Misspelt(f"'{word}' is none of {', '.join(PLAIN)}, role:NAME and role:*", at)
    return word


def _holds(condition: str, caller: Caller, *, owns: bool) -> bool:
    if condition in ("public", "guest"):
        return True
    if condition == "user":
        return caller.group in ("user", "admin")
    if condition == "admin":
        return caller.is_admin
    if condition == "self":
        return owns
    role = condition.removeprefix("role:")
    return bool(caller.roles) if role == "*" else role in caller.roles
