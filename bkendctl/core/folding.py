"""Case folding of searches: the same letters on SQLite, in its trigram index, and on PostgreSQL."""

from __future__ import annotations

_DOTTED = "i\u0307"
"""What a capital I with a dot becomes in lower case."""

_INDEX_FOLDS = (range(0x0180), range(0x0386, 0x03CF), range(0x0400, 0x0528), range(0x1E00, 0x1F00))
"""Cased letters that SQLite's tokenizer folds as we do; it knows none of Unicode's later scripts."""


def folded(text: str | None) -> str | None:
    """Lower case of every letter; dotted I counts as i, and a sigma is a sigma at the end of a word too.

    SQLite's own lower() knows ASCII alone. On PostgreSQL a function of this name does the same.
    """
    if text is None or text.isascii():
        return text and text.lower()
    return text.lower().replace(_DOTTED, "i").replace("\u03c2", "\u03c3")


def longest_indexed(text: str) -> str:
    """The longest part of a folded text whose letters SQLite's tokenizer folds as we do."""
    kept = "".join(letter if _is_indexed(letter) else "\0" for letter in text)
    return max(kept.split("\0"), key=len)


def _is_indexed(letter: str) -> bool:
    if letter.upper() == letter and letter.lower() == letter:
        return letter != "\u0307"
    return any(ord(letter) in span for span in _INDEX_FOLDS)
