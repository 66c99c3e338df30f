"""bkendctl providers email: password policy, magic link, lock, and where links may lead."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun
from bkendctl.cli.subject import CLEAR, named, typed
from bkendctl.cli.tables import Column, View
from bkendctl.client.voice import Voice
from bkendctl.contract import email_config
from bkendctl.contract.email_config import LockoutChange, PasswordPolicyChange
from bkendctl.contract.operation import Change

noun = Noun("Sign-in by e-mail: password policy, magic link, lock.")

VIEW = View(
    columns=(
        Column("Enabled", "enabled"),
        Column("Magic link", "magicLinkEnabled"),
        Column("Magic link minutes", "magicLinkExpirationMinutes", style="number"),
        Column("Address has to be verified", "requireEmailVerification"),
        Column("Callback URLs", "allowedCallbackUrls"),
        Column("Password length", lambda config: _length(config["passwordPolicy"])),
        Column("Upper case", "passwordPolicy.requireUppercase"),
        Column("Lower case", "passwordPolicy.requireLowercase"),
        Column("Digit", "passwordPolicy.requireNumbers"),
        Column("Special character", "passwordPolicy.requireSpecialChars"),
        Column("Refuse leaked ones", "passwordPolicy.rejectLeaked"),
        Column("Password expires", lambda config: _expiry(config["passwordPolicy"])),
        Column("Lock", lambda config: _lock(config["lockout"])),
        Column("Updated", "updatedAt", style="time"),
    ),
)


def _length(policy: dict[str, Any]) -> str:
    return f"{policy['minLength']} to {policy['maxLength']}"


def _expiry(policy: dict[str, Any]) -> str:
    days = policy["expirationDays"]
    return "never" if days is None else f"after {days} days"


def _lock(lockout: dict[str, Any]) -> str:
    failures, window, minutes = lockout["maxFailures"], lockout["windowMinutes"], lockout["lockMinutes"]
    return f"{minutes} min after {failures} failures in {window} min"


@noun.verb("get")
def get(ctx: Context) -> None:
    """Show the settings.

    Example: bkendctl providers email get -o yaml
    """
    ctx.show(ctx.call(email_config.GET, voice=Voice.ADMIN), VIEW)


Switch = bool | None


def _n(help_: str) -> Any:
    return typer.Option(help=help_, metavar="N")


def _on(help_: str) -> Any:
    return typer.Option(help=help_)


CallbackUrl = Annotated[
    list[str] | None,
    typer.Option(help="Origin or prefix that links may lead to; repeat it, or null.", metavar="URL"),
]
Days = Annotated[
    str | None, typer.Option(help="Age at which a password must be reset, or null.", metavar="N|null")
]


@noun.verb("set")
def set_config(
    ctx: Context,
    enabled: Annotated[Switch, _on("E-mail methods as a whole.")] = None,
    magic_link_enabled: Annotated[Switch, _on("Sign-in by a mailed link.")] = None,
    magic_link_expiration_minutes: Annotated[int | None, _n("1 to 1440.")] = None,
    require_email_verification: Annotated[Switch, _on("Signing in needs a proven address.")] = None,
    allowed_callback_url: CallbackUrl = None,
    min_length: Annotated[int | None, _n("Of passwords: 6 to 128.")] = None,
    max_length: Annotated[int | None, _n("Of passwords: 8 to 128.")] = None,
    require_uppercase: Annotated[Switch, _on("Passwords have an upper-case letter.")] = None,
    require_lowercase: Annotated[Switch, _on("Passwords have a lower-case letter.")] = None,
    require_numbers: Annotated[Switch, _on("Passwords have a digit.")] = None,
    require_special_chars: Annotated[Switch, _on("Passwords have a special character.")] = None,
    reject_leaked: Annotated[Switch, _on("Refuse leaked and common passwords.")] = None,
    expiration_days: Days = None,
    max_failures: Annotated[int | None, _n("Failures that lock: 3 to 100.")] = None,
    window_minutes: Annotated[int | None, _n("Window of failures: 1 to 1440.")] = None,
    lock_minutes: Annotated[int | None, _n("How long it locks: 1 to 1440.")] = None,
) -> None:
    """Change what is named, from the next request on.

    Passwords that exist stay good under a stricter policy.

    Example: bkendctl providers email set --min-length 12 --no-magic-link-enabled
    """
    words = locals() | {
        "expiration_days": _days(ctx, expiration_days),
        "allowed_callback_urls": [] if allowed_callback_url == [CLEAR] else allowed_callback_url,
    }
    policy, lockout = (_part(words, kind) for kind in (PasswordPolicyChange, LockoutChange))
    words |= {"password_policy": policy, "lockout": lockout}
    changes = typed(ctx, **{name: words[name] for name in email_config.SetEmailConfig.__struct_fields__})
    ctx.show(ctx.call(email_config.SET, email_config.SetEmailConfig(**changes), voice=Voice.ADMIN), VIEW)


def _part(words: dict[str, Any], kind: type[Change]) -> Change | None:
    """The nested object that some of the options make; None where none of them was typed."""
    found = named(**{name: words[name] for name in kind.__struct_fields__})
    return kind(**found) if found else None


def _days(ctx: Context, text: str | None) -> int | str | None:
    """A number, null, or None where nothing was typed."""
    if text is None or text == CLEAR:
        return text
    if not text.isdecimal():
        ctx.refuse("--expiration-days is a number of days, or null.")
    return int(text)
