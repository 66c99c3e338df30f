"""bkendctl onboarding: how far a user is in the first run of an app."""

from __future__ import annotations

from typing import Annotated

import typer

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun, one_of
from bkendctl.cli.subject import CLEAR, Subject, User, typed
from bkendctl.contract import onboarding
from bkendctl.contract.fields import OnboardingStatus

noun = Noun("Progress in the first run of an app.")


@noun.verb("show")
def show(ctx: Context, user: User = None) -> None:
    """Show how far it is.

    Example: bkendctl onboarding show --jq .onboardingStatus
    """
    ctx.show(Subject.of(ctx, user).call(onboarding.SHOW))


@noun.verb("set")
def set_onboarding(
    ctx: Context,
    status: Annotated[
        str | None, typer.Option(help="How far it is.", metavar=one_of(OnboardingStatus))
    ] = None,
    step: Annotated[str | None, typer.Option(help="The step at hand, or null.")] = None,
    completed_step: Annotated[
        list[str] | None,
        typer.Option(help="A step that is done; name each of them. null: none."),
    ] = None,
    user: User = None,
) -> None:
    """Change what is named; completed steps are replaced as a whole.

    Example: bkendctl onboarding set --status in_progress --step team --completed-step name
    """
    done = [] if completed_step == [CLEAR] else completed_step or None
    changes = typed(ctx, onboarding_status=status, current_step=step, completed_steps=done)
    ctx.show(Subject.of(ctx, user).call(onboarding.SET, **changes))
