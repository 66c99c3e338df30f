"""bkendctl init: the embedded core, its first keys, and the profile that leads there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun
from bkendctl.cli.tables import Column, View
from bkendctl.contract.errors import Failure
from bkendctl.local.profiles import Profile

if TYPE_CHECKING:
    from bkendctl.core.installation import Installed

noun = Noun("Make the embedded core.")

# The longest title leaves 67 of 80 cells: a whole key.
VIEW = View(
    columns=(
        Column("Org", "organizationId"),
        Column("Project", "projectId"),
        Column("Environment", "environment"),
        Column("Publishable", "publishableKey"),
        Column("Secret", "secretKey"),
        Column("Database", "database"),
        Column("Profile", "profile"),
    ),
    quiet="secretKey",
)


@noun.verb("init")
def init(
    ctx: Context,
    name: Annotated[
        str, typer.Option(help="Name of organization and project.", metavar="NAME")
    ] = "My project",
    environment: Annotated[str, typer.Option(help="Environment to make or join.", metavar="NAME")] = "dev",
    new_keys: Annotated[bool, typer.Option("--new-keys", help="Issue a fresh pair of keys.")] = False,
) -> None:
    """Make the embedded core: database, organization, project, environment, master key, first keys.

    Done again it changes nothing. The keys are shown this once and kept in the credential store.

    Example: bkendctl init --name Acme
    """
    from bkendctl.local.locks import exclusive

    profile_name = ctx.option("profile") or _present_name(ctx)
    known = next((each for each in ctx.profiles if each.name == profile_name), None)
    if known is not None and known.kind != "embedded":
        raise Failure(
            "cli/profile-exists", f"Profile {profile_name} leads to {known.url}.", hint="--profile NAME"
        )
    store = ctx.store
    with exclusive(ctx.paths.data_dir / "init.lock", busy="common/unavailable"):
        installed, url = _install(ctx, known, name, environment, new_keys=new_keys)
        if known is None:
            _add_profile(ctx, profile_name, url, installed)
    if installed.secret_key is not None:
        store.update(profile_name, publishable_key=installed.publishable_key, secret_key=installed.secret_key)
    _tell(ctx, installed, url, profile_name)


def _present_name(ctx: Context) -> str:
    return ctx.profiles.current or "default"


def _install(
    ctx: Context, known: Profile | None, name: str, environment: str, *, new_keys: bool
) -> tuple[Installed, str]:
    from bkendctl.client.embedded import open_core
    from bkendctl.core.installation import initialize

    core = open_core(known.database if known else None, ctx.paths, create=True)
    wanted = known.environment if known is not None and known.environment else environment
    url = core.database.url
    return initialize(core, name=name, environment=wanted, new_keys=new_keys), url


def _add_profile(ctx: Context, name: str, url: str, installed: Installed) -> None:
    profile = Profile(
        name,
        "embedded",
        database=url,
        project_id=installed.project_id,
        environment=installed.environment,
        environment_type=installed.environment_type,
    )
    try:
        ctx.profiles.add(profile)
    except Failure as failure:
        if failure.code != "cli/profile-exists":  # another init was a moment faster
            raise


def _tell(ctx: Context, installed: Installed, url: str, profile_name: str) -> None:
    body: dict[str, Any] = {
        "created": installed.created,
        "organizationId": installed.organization_id,
        "projectId": installed.project_id,
        "environment": installed.environment,
        "publishableKey": installed.publishable_key,
        "secretKey": installed.secret_key,
        "database": url,
        "profile": profile_name,
    }
    ctx.show(body, VIEW)
    if installed.created:
        ctx.say.done("the core is ready; next: bkendctl signup you@example.com")
    elif installed.secret_key is not None:
        ctx.say.done("a fresh pair of keys was issued; the old ones stay valid until revoked")
    else:
        ctx.say.note("the core was set up before; nothing was changed")
