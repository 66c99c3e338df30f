"""The built-in texts of mails: subject, plain text, HTML. Values are put in once, escaped in HTML."""

from __future__ import annotations

import re
from html import escape
from typing import NamedTuple


class Values(NamedTuple):
    """What a mail says. link: where its button leads, none for notices; token: the same, to be typed."""

    user_name: str = ""
    project: str = ""
    link: str = ""
    token: str = ""
    inviter: str = ""
    resource: str = ""
    what: str = ""


class _Text(NamedTuple):
    subject: str
    lines: tuple[str, ...]
    button: str = ""


_NOT_YOU = "If this was not you, reset your password and look at your sessions."

_TEXTS = {
    "signup_confirmation": _Text(
        "Confirm your address for {project}",
        (
            "Hello {user_name},",
            "somebody signed up for {project} with this address.",
            "If it was you, confirm it. If it was not, do nothing: without your confirmation the address "
            "stays unproven, and asking for a new password takes the account over.",
        ),
        "Confirm my address",
    ),
    "magic_link": _Text(
        "Your link to sign in to {project}",
        (
            "Hello {user_name},",
            "somebody wants to sign in to {project} with this address.",
            "If it was you, the link signs you in, once and soon. If it was not, do nothing, and give the "
            "link to nobody.",
        ),
        "Sign in",
    ),
    "password_reset": _Text(
        "A new password for {project}",
        (
            "Hello {user_name},",
            "somebody asked for a new password for your account at {project}.",
            "If it was you, the link lets you choose one, within 24 hours. If it was not, do nothing: your "
            "password stays as it is.",
        ),
        "Choose a new password",
    ),
    "email_verification": _Text(
        "Confirm your address for {project}",
        (
            "Hello {user_name},",
            "somebody gave this address as theirs at {project}.",
            "If it was you, confirm it within 24 hours. If it was not, do nothing.",
        ),
        "Confirm my address",
    ),
    "invitation": _Text(
        "You are invited to {resource}",
        (
            "Hello {user_name},",
            "{inviter} invites you to {resource}.",
            "The invitation is open for seven days.",
        ),
        "Answer the invitation",
    ),
    "password_changed": _Text(
        "Your password was changed",
        (
            "Hello {user_name},",
            "the password of your account at {project} was changed, and all sessions ended.",
            _NOT_YOU,
        ),
    ),
    "mfa_changed": _Text(
        "Two-step sign-in was changed",
        ("Hello {user_name},", "two-step sign-in of your account at {project} was {what}.", _NOT_YOU),
    ),
    "email_changed": _Text(
        "Your address was changed",
        ("Hello {user_name},", "the address of your account at {project} was changed to {what}.", _NOT_YOU),
    ),
    "sessions_ended": _Text(
        "Your sessions were ended",
        ("Hello {user_name},", "all sessions of your account at {project} were ended: {what}.", _NOT_YOU),
    ),
}
_TYPED = "Where a token is asked for, it is:"
_BREAKS = re.compile(r"[\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+")


def compose(category: str, values: Values) -> tuple[str, str, str]:
    """Give subject, text and HTML of a mail; line breaks in values become spaces."""
    text = _TEXTS[category]
    plain = {name: _BREAKS.sub(" ", value) for name, value in values._asdict().items()}
    marked = {name: escape(value) for name, value in plain.items()}
    body = "\n\n".join(line.format(**plain) for line in text.lines)
    paragraphs = "".join(f"<p>{line.format(**marked)}</p>" for line in text.lines)
    if values.link and text.button:
        body += f"\n\n{text.button}:\n{values.link}"
        paragraphs += f'<p><a class="button" href="{marked["link"]}">{text.button}</a></p>'
    if values.token:
        body += f"\n\n{_TYPED}\n{values.token}"
        paragraphs += f"<p>{_TYPED}<br><code>{marked['token']}</code></p>"
    return text.subject.format(**plain)[:200], body + "\n", _PAGE.replace("BODY", paragraphs)


_PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    '<meta name="color-scheme" content="light dark">'
    "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:2rem auto;padding:0 1rem}"
    ".button{display:inline-block;padding:.6rem 1rem;border-radius:.4rem;background:#2457d6;color:#fff;"
    "text-decoration:none}</style></head><body>BODY</body></html>"
)
