"""Which changes of settings lower protection. One row per rule, by the dotted path of the change."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from bkendctl.core import callbacks

Rule = Callable[[Any, Any, str], bool]
"""Of the value before, the value after, and the type of the environment."""


def is_weaker(path: str, before: Any, after: Any, kind: str) -> bool:
    """Whether a change needs allowWeaken."""
    return any(rule(before, after, kind) for pattern, rule in RULES if fnmatchcase(path, pattern))


def _less(before: Any, after: Any, _kind: str) -> bool:
    return bool(after < before)


def _more(before: Any, after: Any, _kind: str) -> bool:
    """A limit in time that is raised, or given up (null)."""
    return before is not None and (after is None or after > before)


def _off(before: Any, after: Any, _kind: str) -> bool:
    return bool(before) and not after


def _more_callbacks(before: list[str], after: list[str], kind: str) -> bool:
    """More places than before. None at all means any in dev and none elsewhere (decision 42)."""
    if kind == "dev" and (not before or not after):
        return bool(before)
    return not all(any(callbacks.lies_below(url, each) for each in before) for url in after)


def _more_origins(before: list[str], after: list[str], kind: str) -> bool:
    """More origins than before; * is any, and so is none at all in dev (decision 24)."""
    anybody = kind == "dev" and not after
    before_anybody = "*" in before or (kind == "dev" and not before)
    return not before_anybody and (anybody or not set(after) <= set(before))


def _plain_http(before: Any, after: Any, _kind: str) -> bool:
    """An address that gives encryption up."""
    return str(after).startswith("http://") and not str(before).startswith("http://")


RULES: tuple[tuple[str, Rule], ...] = (
    ("email.passwordPolicy.m??Length", _less),
    ("email.passwordPolicy.require*", _off),
    ("email.passwordPolicy.rejectLeaked", _off),
    ("email.passwordPolicy.expirationDays", _more),
    ("email.magicLinkExpirationMinutes", _more),
    ("email.requireEmailVerification", _off),
    ("email.allowedCallbackUrls", _more_callbacks),
    ("email.lockout.maxFailures", _more),
    ("email.lockout.windowMinutes", _less),
    ("email.lockout.lockMinutes", _less),
    ("sessions.accessTokenSeconds", _more),
    ("sessions.refreshTokenSeconds", _more),
    ("sessions.refreshReuseGraceSeconds", _more),
    ("sessions.sessionAbsoluteDays", _more),
    ("sessions.rateLimits.*.limit*", _more),
    ("sessions.rateLimits.*.windowSeconds", _less),
    ("project.corsOrigins", _more_origins),
    ("project.publicUrl", _plain_http),
    ("oauth.*.redirectUri", _plain_http),
    ("oauth.*Url", _plain_http),
    ("oauth.*.issuer", _plain_http),
)
