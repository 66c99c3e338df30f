"""bkendctl profiles: where commands go."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun
from bkendctl.cli.tables import KEEP, Column, View
from bkendctl.local import recent
from bkendctl.local.profiles import Profile, check_name

noun = Noun("Where commands go.")

Known = Annotated[str, typer.Argument(help="Profile's name.", metavar="PROFILE")]

MANY = View(
    columns=(
        Column("Name", "name", KEEP),
        Column("Current", lambda profile: "current" if profile["current"] else "", 9),
        Column("Kind", "kind", 8),
        Column("Environment", "environment", 7),
        Column("Where", lambda profile: profile["url"] or profile["database"], 6),
    ),
    quiet="name",
    noun="profiles",
)
ONE = View(
    columns=(
        Column("Name", "name"),
        Column("Kind", "kind"),
        Column("Where", lambda profile: profile["url"] or profile["database"]),
        Column("Project", "projectId"),
        Column("Environment", "environment"),
        Column("Credentials in", "store"),
        Column("Holds", "holds"),
        Column("Signed in as", "email"),
    ),
    quiet="name",
)


def _shown(ctx: Context, profile: Profile) -> dict[str, Any]:
    return {
        "name": profile.name,
        "current": profile.name == ctx.profiles.current,
        "kind": profile.kind,
        "url": profile.url,
        "database": profile.database,
        "projectId": profile.project_id,
        "environment": profile.environment,
        "environmentType": profile.environment_type,
    }


@noun.verb("list")
def list_profiles(ctx: Context) -> None:
    """List profiles; the current one is marked.

    Example: bkendctl profiles list
    """
    ctx.output.show([_shown(ctx, profile) for profile in ctx.profiles], MANY)


@noun.verb("show")
def show(
    ctx: Context,
    name: Annotated[str | None, typer.Argument(help="Profile's name.", metavar="PROFILE")] = None,
) -> None:
    """Show a profile, and where its credentials are kept.

    Example: bkendctl profiles show
    """
    profile = ctx.profiles.get(name) if name else ctx.profile
    credentials = ctx.store.load(profile.name)
    held = {
        "publishable key": credentials.publishable_key,
        "secret key": credentials.secret_key,
        "session": credentials.access_token,
        "TOTP secret": credentials.totp_secret,
    }
    more = {
        "store": ctx.store.name,
        "holds": [what for what, value in held.items() if value],
        "email": credentials.email,
    }
    ctx.output.show(_shown(ctx, profile) | more, ONE)


@noun.verb("use")
def use(ctx: Context, name: Known) -> None:
    """Make a profile current.

    Example: bkendctl profiles use default
    """
    ctx.output.show(_shown(ctx, ctx.profiles.use(name)), MANY._replace(columns=ONE.columns[:5]))


@noun.verb("add")
def add(
    ctx: Context,
    name: Annotated[str, typer.Argument(help="Name of the new profile.")],
    url: Annotated[
        str, typer.Option("--url", help="Server's address; https, or http on this machine.", metavar="URL")
    ],
    api_key_stdin: Annotated[
        bool, typer.Option("--api-key-stdin", help="Read an API key from stdin.")
    ] = False,
) -> None:
    """Add a profile for a server and make it current.

    Example: bkendctl profiles add prod --url https://auth.example.com --api-key-stdin < key
    """
    from bkendctl.cli.prompt import read_secret_stdin

    key = read_secret_stdin("--api-key-stdin").strip() if api_key_stdin else None
    if key is not None and not key.startswith(("pk_", "sk_")):
        ctx.refuse("An API key begins with pk_ or sk_.")
    if check_name(name) not in ctx.profiles:
        ctx.store.forget(name)  # what a lost profile of that name left must not go to this server
    profile = ctx.profiles.add(Profile(name, "remote", url=url))
    if key is not None:
        field = "secret_key" if key.startswith("sk_") else "publishable_key"
        ctx.store.update(name, **{field: key})
    ctx.output.show(_shown(ctx, profile), MANY._replace(columns=ONE.columns[:5]))


@noun.verb("remove")
def remove(ctx: Context, name: Known) -> None:
    """Remove a profile and its credentials, not its database.

    Example: bkendctl profiles remove prod --yes
    """
    profile = ctx.profiles.get(name)
    ctx.confirm(f"Remove the profile {name} and the credentials kept for it?")
    ctx.store.forget(name)
    recent.forget(ctx.paths, name)
    ctx.profiles.remove(name)
    ctx.output.show({"message": f"Profile {profile.name} was removed."})
    if profile.database:
        sys.stdout.flush()
        ctx.say.note(f"its database stays: {profile.database}")
