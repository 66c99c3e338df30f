"""bkendctl templates settings: sender, logo and colour of mails."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun
from bkendctl.cli.subject import CLEAR
from bkendctl.cli.tables import Column, View
from bkendctl.client.voice import Voice
from bkendctl.contract import template_settings

noun = Noun("Sender, logo and colour of mails; whether own texts go out.")

ONE = View(
    columns=(
        Column("Sender", "senderEmail"),
        Column("Name", "senderName"),
        Column("Logo", "logoUrl"),
        Column("Colour", "brandColor"),
        Column("Own texts in use", "overrideDefaults"),
        Column("Updated", "updatedAt", style="time"),
    ),
)


@noun.verb("get")
def get(ctx: Context) -> None:
    """Show the settings.

    Example: bkendctl templates settings get
    """
    ctx.show(ctx.call(template_settings.GET, voice=Voice.ADMIN), ONE)


@noun.verb("set")
def set_settings(
    ctx: Context,
    sender_email: Annotated[
        str | None, typer.Option(help="Address mails come from.", metavar="EMAIL")
    ] = None,
    sender_name: Annotated[str | None, typer.Option(help="Name mails come from.")] = None,
    logo_url: Annotated[
        str | None, typer.Option(help="Picture at the top; null clears.", metavar="URL")
    ] = None,
    brand_color: Annotated[str | None, typer.Option(help="Colour of buttons.", metavar="#RRGGBB")] = None,
    override_defaults: Annotated[
        bool | None,
        typer.Option("--override-defaults/--no-override-defaults", help="Whether own texts go out."),
    ] = None,
) -> None:
    """Change what is named.

    Example: bkendctl templates settings set --sender-name Acme --brand-color "#0a7d5a"
    """
    options: dict[str, Any] = {
        "sender_email": sender_email,
        "sender_name": sender_name,
        "logo_url": logo_url,
        "brand_color": brand_color,
        "override_defaults": override_defaults,
    }
    changes = {name: value for name, value in options.items() if value is not None}
    if not changes:
        ctx.refuse("Nothing to change was named.", hint="bkendctl templates settings set --help")
    if logo_url == CLEAR:
        changes["logo_url"] = None
    request = template_settings.SetTemplateSettings(**changes)
    ctx.show(ctx.call(template_settings.SET, request, voice=Voice.ADMIN), ONE)
