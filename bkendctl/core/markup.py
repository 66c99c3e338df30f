"""HTML of mails: putting values in once, making text of it, finding what is unsafe. Pure, and linear in time.

Looked at for the text: html2text (GPL), inscriptis (brings lxml and requests).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from html import escape, unescape
from typing import NamedTuple

VARIABLE = re.compile(r"\{\{\s*(_?[A-Za-z][A-Za-z0-9_]{0,63})\s*\}\}")
_TAG_NAME = re.compile(r"</?([A-Za-z][A-Za-z0-9]*)")
_ADDRESS = re.compile(
    r"""\b(href|src|action|background|poster|formaction)\s*=\s*("[^"]*"|'[^']*'|[^\s>]*)""", re.I
)
_HANDLER = re.compile(r"\son[a-z]+\s*=", re.I)
_SCHEME = re.compile(r"(https?://|mailto:|\{\{\s*[A-Za-z]+Link\s*\}\}|#|$)", re.I)
_SPACES = re.compile(r"[ \t\r\n\f]+")
_RAW = ("style", "script", "title", "textarea")
_BLOCKS = frozenset(
    re.findall(
        r"\w+",
        "address article aside blockquote center dd div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6 "
        "header hr main nav ol p pre section table td tr ul",
    )
)
_ACTIVE = frozenset(("script", "iframe", "object", "embed", "applet", "form", "base", "meta", "link"))


class Kind(Enum):
    """What a piece of HTML is: TEXT between tags, a TAG, or RAW (comments, content of style and script)."""

    TEXT = "text"
    TAG = "tag"
    RAW = "raw"


class Piece(NamedTuple):
    """A stretch of the source; name: of a tag in lower case, with / ahead where it closes."""

    kind: Kind
    text: str
    name: str = ""


def pieces(html: str) -> Iterator[Piece]:
    """Cut HTML up without changing it. What is not closed at the end counts as part of its tag."""
    at, last = 0, html.rfind(">")
    while at < len(html):
        start = html.find("<", at)
        text = html[at:] if start < 0 else html[at:start]
        if text:
            yield Piece(Kind.TEXT, text)
        if start < 0:
            return
        if start > last:
            yield Piece(Kind.TAG, html[start:])
            return
        if html.startswith("<!--", start):
            end = html.find("-->", start)
            at = len(html) if end < 0 else end + 3
            yield Piece(Kind.RAW, html[start:at])
            continue
        named = _TAG_NAME.match(html, start)
        if named is None and not html.startswith(("<!", "<?"), start):
            yield Piece(Kind.TEXT, "<")
            at = start + 1
            continue
        at = _end_of_tag(html, start)
        name = named[1].lower() if named else ""
        closes = html.startswith("</", start)
        yield Piece(Kind.TAG, html[start:at], f"/{name}" if closes else name)
        if name in _RAW and not closes:
            end = _closing(html, name, at)
            if end > at:
                yield Piece(Kind.RAW, html[at:end])
            at = end


def _end_of_tag(html: str, start: int) -> int:
    quote = ""
    for at in range(start, len(html)):
        character = html[at]
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character == ">":
            return at + 1
    return len(html)


def _closing(html: str, name: str, at: int) -> int:
    found = re.compile(rf"</{name}\b", re.I).search(html, at)
    return found.start() if found else len(html)


def put_in(html: str, values: Mapping[str, str], *, in_tags: frozenset[str]) -> tuple[str, list[str]]:
    """Put values in for {{names}}, once and escaped; gives the HTML and the names that were left empty.

    In tags only in_tags are put in (links, and what is ours): elsewhere a value could become an address or a
    handler (T096). In styles and scripts nothing is. A value is never looked at for names of its own (T097).
    """
    empty: dict[str, None] = {}

    def of(allowed: Callable[[str], bool]) -> Callable[[re.Match[str]], str]:
        def value(hit: re.Match[str]) -> str:
            name = hit[1]
            if name not in values or not allowed(name):
                empty[name] = None
                return ""
            return escape(values[name])

        return value

    places = {
        Kind.TEXT: of(lambda _: True),
        Kind.TAG: of(in_tags.__contains__),
        Kind.RAW: of(lambda _: False),
    }
    result = "".join(VARIABLE.sub(places[piece.kind], piece.text) for piece in pieces(html))
    return result, list(empty)


def put_in_line(line: str, values: Mapping[str, str]) -> tuple[str, list[str]]:
    """As put_in for one line of plain text, such as a subject."""
    empty = [name for name in VARIABLE.findall(line) if name not in values]
    return VARIABLE.sub(lambda hit: values.get(hit[1], ""), line), empty


def faults(html: str) -> list[str]:
    """What has no place in a mail: addresses that are not http, https or mailto, scripts, forms, handlers."""
    found: dict[str, None] = {}
    for piece in pieces(html):
        if piece.kind is not Kind.TAG:
            continue
        if piece.name in _ACTIVE and not _is_harmless(piece):
            found[f"must not have <{piece.name}>"] = None
        if _HANDLER.search(piece.text):
            found["must not have event handlers"] = None
        for name, quoted in _ADDRESS.findall(piece.text):
            address = unescape(quoted.strip("\"'")).strip()
            if not _SCHEME.match(address):
                found[f"{name.lower()} must be an http, https or mailto address, not {address[:60]}"] = None
    return list(found)


def _is_harmless(piece: Piece) -> bool:
    """Whether a meta tag does no more than tell of the text."""
    return piece.name == "meta" and "http-equiv" not in piece.text.lower()


def text_of(html: str) -> str:
    """What a mail says without HTML: paragraphs, lists, and each link's address after its words."""
    writer = _Writer()
    for piece in pieces(html):
        if piece.kind is Kind.TEXT:
            writer.say(unescape(piece.text))
        elif piece.kind is Kind.TAG:
            writer.tag(piece)
    return writer.text()


def links_of(html: str) -> list[str]:
    """Where a mail leads to: each http and https address once, in order."""
    anchors = (piece.text for piece in pieces(html) if piece.kind is Kind.TAG and piece.name == "a")
    found = (_attribute(anchor, "href").strip() for anchor in anchors)
    return [*dict.fromkeys(link for link in found if link.lower().startswith(("http://", "https://")))]


class _Writer:
    """Collects paragraphs of plain text."""

    def __init__(self) -> None:
        self._paragraphs: list[str] = []
        self._line = ""
        self._link = ""
        self._link_begins = 0
        self._hidden = 0

    def say(self, text: str) -> None:
        if not self._hidden:
            self._line += _SPACES.sub(" ", text)

    def tag(self, piece: Piece) -> None:
        name = piece.name.removeprefix("/")
        if name == "head":
            self._hidden = 0 if piece.name.startswith("/") else 1
        elif name == "br":
            self._line = self._line.rstrip(" ") + "\n"
        elif name == "li":
            self._end()
            self._line = "" if piece.name == "/li" else "- "
        elif name == "img" and (alt := _attribute(piece.text, "alt")):
            self.say(alt)
        elif piece.name == "a":
            self._link, self._link_begins = _attribute(piece.text, "href"), len(self._line)
        elif piece.name == "/a":
            self._end_link()
        elif name in _BLOCKS:
            self._end()

    def _end_link(self) -> None:
        words = self._line[self._link_begins :].strip()
        if self._link.startswith(("http://", "https://")) and words != self._link:
            alone = not self._line[: self._link_begins].strip()
            self._line += f":\n{self._link}" if alone and words else f" ({self._link})"
        self._link = ""

    def _end(self) -> None:
        lines = [line.strip(" ") for line in self._line.split("\n")]
        paragraph = "\n".join(lines).strip("\n")
        if paragraph:
            self._paragraphs.append(paragraph)
        self._line = ""

    def text(self) -> str:
        """All of it, a blank line between paragraphs."""
        self._end()
        return "\n\n".join(self._paragraphs) + "\n"


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf"""\b{name}\s*=\s*("[^"]*"|'[^']*'|[^\s>]+)""", tag, re.I)
    return unescape(found[1].strip("\"'")) if found else ""
