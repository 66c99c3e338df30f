"""bkendctl init: the embedded core, its first keys, and the profile that leads there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun
from bkendctl.cli.tables import Column, View
from bkendctl.contract.errors import Failure
from bkendctl.local.profiles import Profile, Profiles, check_name

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

    profile_name = check_name(ctx.option("profile") or _present_name(ctx))
    store = ctx.store
    kept = store.load(profile_name)  # what cannot be kept in the end is refused before anything is made
    with exclusive(ctx.paths.data_dir / "init.lock", busy="common/unavailable"):
        known = _known(ctx, profile_name)
        installed, url = _install(ctx, known, profile_name, name, environment, new_keys=new_keys)
        _keep_profile(ctx, known, profile_name, url, installed)
        if installed.secret_key is not None:
            keys = {"publishable_key": installed.publishable_key, "secret_key": installed.secret_key}
            kept = store.update(profile_name, **keys)
    _tell(ctx, installed, url, profile_name, has_keys=bool(kept.secret_key or kept.publishable_key))


def _present_name(ctx: Context) -> str:
    return os.environ.get("BKENDCTL_PROFILE") or ctx.profiles.current or "default"


def _known(ctx: Context, name: str) -> Profile | None:
    """The profile as it is now: another init may have made it while the lock was waited for."""
    found = next((each for each in Profiles.load(ctx.paths) if each.name == name), None)
    if found is not None and found.kind != "embedded":
        raise Failure("cli/profile-exists", f"Profile {name} leads to {found.url}.", hint="--profile NAME")
    return found


def _install(
    ctx: Context, known: Profile | None, profile_name: str, name: str, environment: str, *, new_keys: bool
) -> tuple[Installed, str]:
    from bkendctl.client.embedded import open_core
    from bkendctl.core.installation import initialize
    from bkendctl.local.addresses import without_password

    url = known.database if known is not None else f"sqlite:///{ctx.paths.database_of(profile_name)}"
    core = open_core(url, ctx.paths, create=True)
    ctx.call_on_close(core.database.close)
    wanted = known.environment if known is not None and known.environment else environment
    installed = initialize(core, name=name, environment=wanted, new_keys=new_keys)
    return installed, without_password(core.database.url)


def _keep_profile(ctx: Context, known: Profile | None, name: str, url: str, installed: Installed) -> None:
    """Store where the core is; a profile whose database was made anew gets its ids and loses its session."""
    profile = Profile(
        name,
        "embedded",
        database=url if known is None else known.database,
        project_id=installed.project_id,
        environment=installed.environment,
        environment_type=installed.environment_type,
    )
    if known == profile:
        return
    if known is not None:
        ctx.store.forget(name)
        ctx.profiles.remove(name)
    ctx.profiles.add(profile)


def _tell(ctx: Context, installed: Installed, url: str, profile_name: str, *, has_keys: bool) -> None:
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
    elif has_keys:
        ctx.say.note("the core was set up before; nothing was changed")
    else:
        ctx.say.note("the core was set up before, and this profile has no keys: bkendctl init --new-keys")
