"""bkendctl public-settings: whether others see a profile, and under which slug."""

from __future__ import annotations

from typing import Annotated

import typer

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun
from bkendctl.cli.subject import Subject, User, typed
from bkendctl.cli.tables import View
from bkendctl.contract import public_settings

noun = Noun("Whether others see the profile.")

VIEW = View(quiet="slug")


@noun.verb("show")
def show(ctx: Context, user: User = None) -> None:
    """Show switch and slug.

    Example: bkendctl public-settings show
    """
    ctx.show(Subject.of(ctx, user).call(public_settings.SHOW), VIEW)


@noun.verb("set")
def set_public_settings(
    ctx: Context,
    public: Annotated[
        bool | None, typer.Option("--public/--private", help="Whether others see the profile.")
    ] = None,
    slug: Annotated[str | None, typer.Option(help="Name in a URL, or null to free it.")] = None,
    user: User = None,
) -> None:
    """Change what is named; null clears the slug.

    Example: bkendctl public-settings set --public --slug alice
    """
    changes = typed(ctx, is_public=public, slug=slug)
    ctx.show(Subject.of(ctx, user).call(public_settings.SET, **changes), VIEW)
