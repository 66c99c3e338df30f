"""What mails say: built-in texts in three languages, own ones in their place, the design around both."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any, NamedTuple

from bkendctl.core import markup

LANGUAGES = ("en", "ko", "ja")
LINKS = {
    "signup_confirmation": "verifyLink",
    "email_verification": "verifyLink",
    "password_reset": "resetLink",
    "magic_link": "magicLink",
    "invitation": "invitationLink",
}
"""The variable that holds a category's link; notices have none."""
CATEGORIES = (*LINKS, "password_changed", "mfa_changed", "email_changed", "sessions_ended")
LONGEST_SUBJECT = 200
_BREAKS = re.compile(r"[\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+")
_DOCUMENT = re.compile(r"<(!doctype|html)\b", re.I)
_IN_TAGS = frozenset(LINKS.values())
_LEAST_LUMINANCE_FOR_DARK_TEXT = 0.179
"""Above it black has the better contrast, below it white (WCAG 2.2, relative luminance)."""


class Values(NamedTuple):
    """What a mail says. link: where its button leads, none for notices; token: the same, to be typed.

    change: what happened, for notices, one of `changes` in mail_words; detail: its value. locale: the
    reader's, such as ko-KR.
    """

    user_name: str = ""
    project: str = ""
    link: str = ""
    token: str = ""
    inviter: str = ""
    resource: str = ""
    change: str = ""
    detail: str = ""
    locale: str | None = None


class Template(NamedTuple):
    """Subject and HTML, with {{names}}. The HTML is a document, or what goes into the built-in design."""

    subject: str
    body: str


class Design(NamedTuple):
    """What the built-in design takes from the settings."""

    sender: str
    logo_url: str | None
    brand_color: str


class Rendered(NamedTuple):
    """A mail as it goes out. empty: names that nothing was put in for."""

    subject: str
    text: str
    html: str
    empty: list[str]


def one_line(text: str) -> str:
    """A text without line breaks of any kind, which could end a header (T098)."""
    return _BREAKS.sub(" ", text)


def names_in(category: str) -> tuple[str, ...]:
    """The variables of a category (facts of its mail): who it goes to, its link, who invites to what."""
    link = (LINKS[category],) if category in LINKS else ()
    invitation = ("inviterName", "resourceName") if category == "invitation" else ()
    return ("userName", "userEmail", *invitation, *link)


def language_of(locale: str | None) -> str:
    """The language for a reader's locale; English where there are no texts for it."""
    tag = (locale or "").replace("_", "-").partition("-")[0].lower()
    return tag if tag in LANGUAGES else "en"


@cache
def words(language: str) -> dict[str, Any]:
    """The texts of a language."""
    text = files("bkendctl.core").joinpath(f"mail_words/{language}.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


@cache
def _layout() -> str:
    return files("bkendctl.core").joinpath("mail_words/layout.html").read_text(encoding="utf-8")


def built_in(category: str, language: str, change: str = "", *, token: bool = False) -> Template:
    """The built-in text; names with _ are ours. change: what a notice tells; token: where a mail has one."""
    said, text = words(language), words(language)[category]
    lines = [said["hello"], *text["lines"]]
    if category not in LINKS:
        lines += [said["changes"][change]] if change else []
        lines.append(said["not_you"])
    paragraphs = [f"<p>{line}</p>" for line in lines]
    if category in LINKS:
        paragraphs.append(f'<p><a class="button" href="{{{{{LINKS[category]}}}}}">{text["button"]}</a></p>')
    if token:
        paragraphs.append(f"<p>{said['typed']}<br><code>{{{{_token}}}}</code></p>")
    return Template(text["subject"], "\n".join(paragraphs))


def to_be_edited(category: str, language: str, project: str) -> Template:
    """The built-in text as a start for an own one: with the names of the contract alone."""
    template = built_in(category, language)
    ours = {"_project": project}
    named = {name: f"{{{{{name}}}}}" for name in names_in(category)}
    subject, _ = markup.put_in_line(template.subject, named | {"_project": _inert(project)})
    body, _ = markup.put_in(template.body, named | ours, in_tags=_IN_TAGS)
    if "{{" in project:
        body = body.replace(escape(project), escape(project).replace("{", "&#123;"))
    return Template(subject, body)


def _inert(text: str) -> str:
    """A text in which nothing looks like a variable."""
    return text.replace("{{", "{ {")


def render(
    template: Template, category: str, recipient: str, values: Values, design: Design, *, own: bool
) -> Rendered:
    """Put the values in: once, escaped in HTML, in one line of the subject. own: not a built-in text.

    Links that are not http or https are left out (T096).
    """
    language = language_of(values.locale)
    given = {name: one_line(value) for name, value in _given(category, recipient, values).items()}
    known = given if own else given | _ours(values)
    subject, of_subject = markup.put_in_line(template.subject, known)
    body, of_body = markup.put_in(template.body, known, in_tags=_IN_TAGS)
    empty = [*dict.fromkeys((*of_subject, *of_body))]
    subject = one_line(subject)[:LONGEST_SUBJECT]
    html = body
    if not _DOCUMENT.search(template.body):
        footer, _ = markup.put_in(words(language)["footer"], given | _ours(values), in_tags=_IN_TAGS)
        html = _framed(body, footer, subject, language, design)
    return Rendered(subject, markup.text_of(body), html, empty)


def _given(category: str, recipient: str, values: Values) -> dict[str, str]:
    """The variables of the contract with their values."""
    given = {"userName": values.user_name, "userEmail": recipient}
    if category == "invitation":
        given |= {"inviterName": values.inviter, "resourceName": values.resource}
    if category in LINKS and values.link.startswith(("https://", "http://")):
        given[LINKS[category]] = values.link
    return given


def _ours(values: Values) -> dict[str, str]:
    ours = {"_project": values.project, "_token": values.token, "_detail": values.detail}
    return {name: one_line(value) for name, value in ours.items()}


def _framed(body: str, footer: str, subject: str, language: str, design: Design) -> str:
    """The design around a text."""
    sender, color = escape(design.sender), design.brand_color
    head = sender
    if design.logo_url:
        head = f'<img src="{escape(design.logo_url)}" alt="{sender}" height="40">'
    dark = _luminance(color) > _LEAST_LUMINANCE_FOR_DARK_TEXT
    ready: Mapping[str, str] = {
        "_language": language,
        "_subject": escape(subject),
        "_brand": color,
        "_on_brand": "#111111" if dark else "#ffffff",
        "_brand_edge": "#00000022" if dark else "#ffffff55",
        "_head": head,
        "_content": body,
        "_footer": footer,
    }
    return markup.VARIABLE.sub(lambda hit: ready[hit[1]], _layout())


def _luminance(color: str) -> float:
    """Relative luminance of #rrggbb, 0 to 1 (WCAG 2.2)."""
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
