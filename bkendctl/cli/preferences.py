"""bkendctl preferences: language, time zone, theme."""

from __future__ import annotations

from typing import Annotated

import typer

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun, one_of
from bkendctl.cli.subject import CLEAR, Subject, User, typed
from bkendctl.contract import preferences

noun = Noun("Language, time zone and theme.")


@noun.verb("show")
def show(ctx: Context, user: User = None) -> None:
    """Show what was chosen.

    Example: bkendctl preferences show -o json
    """
    ctx.show(Subject.of(ctx, user).call(preferences.SHOW))


@noun.verb("set")
def set_preferences(
    ctx: Context,
    locale: Annotated[str | None, typer.Option(help="Language tag such as ko or en-GB, or null.")] = None,
    timezone: Annotated[str | None, typer.Option(help="IANA name such as Asia/Seoul, or null.")] = None,
    theme: Annotated[
        str | None, typer.Option(help="Theme; null clears.", metavar=f"{one_of(preferences.Theme)}|{CLEAR}")
    ] = None,
    user: User = None,
) -> None:
    """Change what is named; null clears a value.

    Example: bkendctl preferences set --locale ko --timezone Asia/Seoul --theme null
    """
    changes = typed(ctx, locale=locale, timezone=timezone, theme=theme)
    ctx.show(Subject.of(ctx, user).call(preferences.SET, **changes))
