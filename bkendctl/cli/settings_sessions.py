"""bkendctl settings sessions: how long tokens live, and how many requests are taken."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun
from bkendctl.cli.subject import CLEAR, typed
from bkendctl.cli.tables import Column, View
from bkendctl.cli.text import format_duration, parse_duration
from bkendctl.client.voice import Voice
from bkendctl.contract import session_settings
from bkendctl.contract.session_settings import CodeRateLimit, RateLimit, RateLimitsChange

noun = Noun("Lifetimes of tokens, and rate limits.")

CLASSES = {"default": "default", "login": "login", "login-source": "login_source", "code": "code"}
_RATE = re.compile(r"([a-z-]+)=(\d{1,9})(?:,(\d{1,9}))?/(\w+)")
_DAY = 86_400


def _limit(limit: dict[str, Any]) -> str:
    per_source = f", {limit['limitPerSource']} per source," if "limitPerSource" in limit else ""
    return f"{limit['limit']}{per_source} in {format_duration(limit['windowSeconds'])}"


VIEW = View(
    columns=(
        Column("Access token", "accessTokenSeconds", style="duration"),
        Column("Refresh token", "refreshTokenSeconds", style="duration"),
        Column("Session ends", lambda found: _end(found["sessionAbsoluteDays"])),
        Column("Reuse grace", "refreshReuseGraceSeconds", style="duration"),
        Column("Requests", lambda found: _limit(found["rateLimits"]["default"])),
        Column("Sign-ins per address", lambda found: _limit(found["rateLimits"]["login"])),
        Column("Sign-ins per source", lambda found: _limit(found["rateLimits"]["loginSource"])),
        Column("Mails", lambda found: _limit(found["rateLimits"]["code"])),
        Column("Updated", "updatedAt", style="time"),
    ),
)


def _end(days: int | None) -> str:
    return "never" if days is None else f"{days} days after the sign-in"


@noun.verb("get")
def get(ctx: Context) -> None:
    """Show the settings.

    Example: bkendctl settings sessions get -o yaml
    """
    ctx.show(ctx.call(session_settings.GET, voice=Voice.ADMIN), VIEW)


def _lifetime(help_: str) -> Any:
    return typer.Option(help=help_, metavar="DURATION")


@noun.verb("set")
def set_settings(
    ctx: Context,
    access_token_seconds: Annotated[str | None, _lifetime("Such as 900 or 15m; 60s to 1d.")] = None,
    refresh_token_seconds: Annotated[
        str | None, _lifetime("Begins anew with each rotation; 1h to 365d.")
    ] = None,
    session_absolute_days: Annotated[
        str | None, _lifetime("End of a session from its sign-in: 30, 30d, or null.")
    ] = None,
    refresh_reuse_grace_seconds: Annotated[
        str | None, _lifetime("In which a spent refresh token gives another pair; 0 to 60s.")
    ] = None,
    rate_limit: Annotated[
        list[str] | None,
        typer.Option(
            help="Of default, login, login-source or code: login=10/60s; with one per source: code=5,20/1h.",
            metavar="CLASS=LIMIT/DURATION",
        ),
    ] = None,
) -> None:
    """Change what is named.

    Lifetimes are of tokens issued from now on; rate limits count at once.

    Example: bkendctl settings sessions set --access-token-seconds 15m --rate-limit login=5/60s
    """
    limits: dict[str, Any] = dict(_class_of(ctx, text) for text in rate_limit or ())
    changes = typed(
        ctx,
        access_token_seconds=_seconds(access_token_seconds),
        refresh_token_seconds=_seconds(refresh_token_seconds),
        session_absolute_days=_days(ctx, session_absolute_days),
        refresh_reuse_grace_seconds=_seconds(refresh_reuse_grace_seconds),
        rate_limits=RateLimitsChange(**limits) if limits else None,
    )
    request = session_settings.SetSessionSettings(**changes)
    ctx.show(ctx.call(session_settings.SET, request, voice=Voice.ADMIN), VIEW)


def _seconds(text: str | None) -> int | None:
    """A number of seconds, written as such or as a duration."""
    return None if text is None else int(text) if text.isdecimal() else parse_duration(text)


def _days(ctx: Context, text: str | None) -> int | str | None:
    """A number of days, written as such or as a duration; null, or None where nothing was typed."""
    if text is None or text == CLEAR:
        return text
    if text.isdecimal():
        return int(text)
    days, rest = divmod(parse_duration(text), _DAY)
    if rest:
        ctx.refuse("--session-absolute-days is a whole number of days, or null.")
    return days


def _class_of(ctx: Context, text: str) -> tuple[str, RateLimit | CodeRateLimit]:
    """Read CLASS=LIMIT/DURATION, with LIMIT,PER-SOURCE for mails."""
    found = _RATE.fullmatch(text)
    name = found[1] if found else ""
    if found is None or name not in CLASSES or (found[3] is not None) is not (name == "code"):
        ctx.refuse(
            "--rate-limit is such as default=600/60s, login=10/60s, login-source=20/60s, code=5,20/1h."
        )
    window = _seconds(found[4]) or 0
    if found[3] is not None:
        return "code", CodeRateLimit(
            limit=int(found[2]), limit_per_source=int(found[3]), window_seconds=window
        )
    return CLASSES[name], RateLimit(limit=int(found[2]), window_seconds=window)
