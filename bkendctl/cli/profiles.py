"""bkendctl profiles: where commands go."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun
from bkendctl.cli.tables import KEEP, Column, View
from bkendctl.contract.errors import Failure
from bkendctl.local import agreed, recent
from bkendctl.local.addresses import server_url
from bkendctl.local.profiles import Profile, check_name

if TYPE_CHECKING:
    from bkendctl.client.connect import Backend

noun = Noun("Where commands go.")

ENVIRONMENT_TYPES = ("dev", "staging", "prod")
"""Environments that are named as their type; of others a secret key is told it."""

INTRODUCTION_SECONDS = 5.0

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
        bool, typer.Option("--api-key-stdin", help="Read API keys from stdin, a line each.")
    ] = False,
) -> None:
    """Add a profile for a server and make it current.

    Of each kind of key there may be one, a line each; the server tells what environment they are of.

    Example: bkendctl profiles add prod --url https://auth.example.com --api-key-stdin < keys
    """
    from bkendctl.cli.prompt import read_secret_stdin

    keys = _keys(ctx, read_secret_stdin("--api-key-stdin")) if api_key_stdin else {}
    if check_name(name) in ctx.profiles:
        raise Failure("cli/profile-exists", f'There is a profile "{name}" already.')
    ctx.store.load(name)  # a store that cannot be used is noticed before anything is made
    profile = _introduced(ctx, Profile(name, "remote", url=server_url(url)), keys)
    ctx.profiles.add(profile)
    ctx.store.forget(name)  # what a lost profile of that name left must not go to this server
    if keys:
        ctx.store.update(name, **keys)
    ctx.output.show(_shown(ctx, profile), MANY._replace(columns=ONE.columns[:5]))


def _keys(ctx: Context, text: str) -> dict[str, str]:
    """Keys by the field that holds them."""
    fields = {"pk_": "publishable_key", "sk_": "secret_key"}
    found: dict[str, str] = {}
    for line in text.split():
        field = fields.get(line[:3])
        if field is None or field in found:
            ctx.refuse("An API key begins with pk_ or sk_, and there is at most one of each.")
        found[field] = line
    return found


def _introduced(ctx: Context, profile: Profile, keys: dict[str, str]) -> Profile:
    """The profile with what the server tells of its keys; refused ones are refused here.

    A server that cannot be reached now, or does not tell (bkend's own), is taken as it is.
    """
    from bkendctl.client.connect import connect
    from bkendctl.contract import keys as contract
    from bkendctl.contract.operation import Raw

    backend = connect(profile, ctx.paths, timeout_seconds=INTRODUCTION_SECONDS)
    ctx.call_on_close(backend.close)
    seen = set()
    for key in keys.values():
        try:
            told = backend.execute(contract.CURRENT, Raw(headers={"x-api-key": key}))
        except Failure as failure:
            if failure.code == "cli/network":
                ctx.say.warn(f"{failure.message} The profile is added all the same.")
                return profile
            if failure.code == "cli/not-offered":
                return profile
            raise
        seen.add((told.project_id, told.environment))
    if len(seen) > 1:
        ctx.refuse("The two keys are of different environments.")
    for project_id, environment in seen:
        kind = environment if environment in ENVIRONMENT_TYPES else None
        if kind is None and "secret_key" in keys:
            kind = _type_of(backend, keys["secret_key"], project_id, environment)
        profile = profile._replace(project_id=project_id, environment=environment, environment_type=kind)
    return profile


def _type_of(backend: Backend, secret_key: str, project_id: str, environment: str) -> str | None:
    """The type of an environment that is not named as it; None where the server does not tell."""
    from bkendctl.contract import environments
    from bkendctl.contract.operation import Raw

    raw = Raw(path={"projectId": project_id}, headers={"x-api-key": secret_key})
    try:
        listed = backend.execute(environments.LIST, raw)
    except Failure:
        return None
    return next((each.environment_type for each in listed.items if each.environment == environment), None)


@noun.verb("remove")
def remove(ctx: Context, name: Known) -> None:
    """Remove a profile and its credentials, not its database.

    Example: bkendctl profiles remove prod --yes
    """
    profile = ctx.profiles.get(name)
    ctx.confirm(f"Remove the profile {name} and the credentials kept for it?", local=True)
    ctx.store.forget(name)
    recent.forget(ctx.paths, name)
    agreed.forget(ctx.paths, name)
    ctx.profiles.remove(name)
    ctx.output.show({"message": f"Profile {profile.name} was removed."})
    if profile.database:
        sys.stdout.flush()
        ctx.say.note(f"its database stays: {profile.database}")
