"""The languages of the pages, and which of them a browser or a user wants."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from bkendctl.contract.errors import ERRORS, Failure

TAGS = ("en", "ko", "ja")
_LINKS = ("auth/verification-token-not-found", "auth/invalid-token")
_LATE = ("auth/verification-token-expired", "auth/token-expired")


class Language(NamedTuple):
    """Texts by key. tag: for the lang attribute."""

    tag: str
    texts: dict[str, str]

    def __call__(self, key: str, **values: Any) -> str:
        """A text with its values put in, not yet escaped."""
        return self.texts[key].format(**values)

    def error(self, failure: Failure) -> str:
        """What a failure means to a person, and when to try again."""
        key = f"error.{failure.code}"
        text = self.texts.get(key) or ERRORS[failure.code].message
        if failure.retry_after and failure.retry_after > 1:
            text += " " + self("retry_in", minutes=-(-failure.retry_after // 60))
        return text

    def of_link(self, failure: Failure) -> tuple[str, str]:
        """Title and text where a link itself is refused."""
        for codes, key in ((_LINKS, "error.link"), (_LATE, "error.late")):
            if failure.code in codes:
                return self(key), self(f"{key}_text")
        return self("error.title"), self.error(failure)


@cache
def language(tag: str) -> Language:
    """A language by its tag, one of TAGS."""
    text = files("bkendctl.server.pages").joinpath(f"words/{tag}.json").read_text(encoding="utf-8")
    return Language(tag, json.loads(text))


def of_locale(locale: str | None) -> Language | None:
    """The language of a user's locale such as ko-KR; None where there are no texts for it."""
    tag = (locale or "").replace("_", "-").partition("-")[0].lower()
    return language(tag) if tag in TAGS else None


def accepted(header: str) -> Language:
    """The language an Accept-Language header likes best (RFC 9110, section 12.5.4); else English."""
    best, weight = "en", 0.0
    for part in header[:256].split(","):
        wanted, _, quality = part.strip().partition(";")
        found = of_locale(wanted.strip())
        try:
            liked = float(quality.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if found is not None and weight < liked <= 1:
            best, weight = found.tag, liked
    return language(best)
