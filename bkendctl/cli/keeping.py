"""First keys of a new environment: kept in a profile of its own, or shown this once."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from bkendctl.cli.context import Context
from bkendctl.cli.tables import Column, View
from bkendctl.contract.environments import InitialKeys
from bkendctl.contract.errors import Failure
from bkendctl.local.profiles import Profile, check_name

NewProfile = Annotated[
    str | None,
    typer.Option(
        "--new-profile", help="Make a profile of this name and keep the keys there.", metavar="NAME"
    ),
]
KEYS = (
    Column("Publishable", "initialKeys.publishable.key"),
    Column("Secret", "initialKeys.secret.key"),
)


def check_new_profile(ctx: Context, name: str | None) -> None:
    """Refuse a profile that could not be made, before anything else is. cli/usage, cli/profile-exists."""
    if name is not None:
        if check_name(name) in ctx.profiles:
            raise Failure("cli/profile-exists", f'There is a profile "{name}" already.')
        if ctx.profile.ephemeral:
            ctx.refuse("--new-profile needs a profile to begin with: bkendctl profiles add")
        ctx.store.load(name)  # a store that cannot be used is noticed before anything is made


def chosen_profile(ctx: Context, wanted: str | None, suggested: str) -> str | None:
    """The profile that is to keep the keys: the one asked for, else offered to a person; None shows them.

    Asked ahead, so that whoever interrupts has made nothing. cli/usage, cli/profile-exists.
    """
    check_new_profile(ctx, wanted)
    suggested = re.sub(r"[^A-Za-z0-9._-]+", "-", suggested).strip("-")[:64]
    offered = (
        wanted is None
        and suggested
        and ctx.ask.can_ask
        and not (ctx.ask.yes or ctx.profile.ephemeral or suggested in ctx.profiles)
    )
    if offered and ctx.ask.confirm(f'Keep its keys in a new profile "{suggested}", rather than show them?'):
        return suggested
    return wanted


def keep(ctx: Context, name: str, keys: InitialKeys, kind: str) -> None:
    """Make a profile for the same place, another environment, with its keys; the present one stays."""
    made = Profile(
        name,
        ctx.profile.kind,
        url=ctx.profile.url,
        database=ctx.profile.database,
        project_id=keys.secret.project_id,
        environment=keys.secret.environment,
        environment_type=kind,
    )
    ctx.profiles.add(made, make_current=False)
    ctx.store.forget(name)  # what a lost profile of that name left
    ctx.store.update(name, publishable_key=keys.publishable.key, secret_key=keys.secret.key)


def show_made(ctx: Context, made: Any, view: View, kept: str | None) -> None:
    """Show what was made; its keys too, unless they are kept (-o json is the API's body either way)."""
    if kept is None:
        ctx.show(made, view._replace(columns=(*view.columns, *KEYS), quiet="initialKeys.secret.key"))
        ctx.say.note("the keys are shown this once; whoever calls with one of them is in that environment")
    else:
        ctx.show(made, view)
        ctx.say.done(f"the keys are kept; to act there: bkendctl --profile {kept} … or profiles use {kept}")
