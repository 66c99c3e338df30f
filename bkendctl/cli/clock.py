"""bkendctl clock: move a dev environment's time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun
from bkendctl.cli.tables import Column, View
from bkendctl.cli.text import parse_duration, parse_instant
from bkendctl.client.voice import Voice
from bkendctl.contract import dev_clock

noun = Noun("Move the dev environment's clock.")

VIEW = View(
    columns=(Column("Now", "now", style="text"), Column("Moved by", "offsetSeconds", style="duration")),
    quiet="now",
)


@noun.verb("show")
def show(ctx: Context) -> None:
    """Show the environment's time, and how far it is off.

    Example: bkendctl clock show
    """
    ctx.show(_present(ctx), VIEW)


@noun.verb("advance")
def advance(
    ctx: Context, by: Annotated[str, typer.Argument(help="Duration, such as 1h.", metavar="DURATION")]
) -> None:
    """Move the clock on by a duration.

    Example: bkendctl clock advance 1h
    """
    _move(ctx, _present(ctx).offset_seconds + parse_duration(by))


@noun.verb("set")
def set_clock(
    ctx: Context, to: Annotated[str, typer.Argument(help="Instant, ISO-8601.", metavar="INSTANT")]
) -> None:
    """Set the clock to an instant.

    Example: bkendctl clock set 2027-01-01T00:00:00Z
    """
    now = datetime.now(UTC)
    _move(ctx, round((parse_instant(to, now) - now).total_seconds()))


@noun.verb("reset")
def reset(ctx: Context) -> None:
    """Go back to real time.

    Example: bkendctl clock reset --yes
    """
    _move(ctx, 0)


def _present(ctx: Context) -> dev_clock.DevClock:
    return ctx.call(dev_clock.SHOW, voice=Voice.ADMIN)  # type: ignore[no-any-return]


def _move(ctx: Context, offset_seconds: int) -> None:
    """Move it, and the noted expiry of our own token along with it."""
    before = _present(ctx).offset_seconds
    if offset_seconds < before:
        ctx.confirm("Moving the clock back ends all sessions of the environment. Move it?")
    moved = ctx.call(dev_clock.SET, dev_clock.SetClock(offset_seconds=offset_seconds), voice=Voice.ADMIN)
    if not ctx.profile.ephemeral:
        expires_at = ctx.store.load(ctx.profile.name).expires_at
        if expires_at is not None:
            ctx.store.update(ctx.profile.name, expires_at=expires_at - (offset_seconds - before))
    ctx.show(moved, VIEW)
    if offset_seconds < before:
        ctx.say.note("all sessions have ended: bkendctl login")
