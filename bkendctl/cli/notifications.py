"""bkendctl notifications: what a user wants to be told."""

from __future__ import annotations

from typing import Annotated

import typer

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun
from bkendctl.cli.subject import Subject, User, typed
from bkendctl.contract import notifications

noun = Noun("What to be told, and where.")


def _switch(name: str, help_: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(f"--{name}/--no-{name}", help=help_)
    return option


@noun.verb("show")
def show(ctx: Context, user: User = None) -> None:
    """Show the switches.

    Example: bkendctl notifications show
    """
    ctx.show(Subject.of(ctx, user).call(notifications.SHOW))


@noun.verb("set")
def set_notifications(
    ctx: Context,
    service: Annotated[bool | None, _switch("service", "News about the service itself.")] = None,
    marketing: Annotated[bool | None, _switch("marketing", "Advertising.")] = None,
    push: Annotated[bool | None, _switch("push", "By push.")] = None,
    email: Annotated[bool | None, _switch("email", "By e-mail.")] = None,
    sms: Annotated[bool | None, _switch("sms", "By SMS.")] = None,
    night_time: Annotated[bool | None, _switch("night-time", "Also from 22:00 to 08:00.")] = None,
    security_alerts: Annotated[bool | None, _switch("security-alerts", "Warnings about the account.")] = None,
    user: User = None,
) -> None:
    """Change the switches that are named.

    Example: bkendctl notifications set --no-marketing --push
    """
    changes = typed(
        ctx,
        service=service,
        marketing=marketing,
        push=push,
        email=email,
        sms=sms,
        night_time=night_time,
        security_alerts=security_alerts,
    )
    ctx.show(Subject.of(ctx, user).call(notifications.SET, **changes))
