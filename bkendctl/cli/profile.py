"""bkendctl profile: what a user tells about itself."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from bkendctl.cli import profile_avatar
from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun, one_of
from bkendctl.cli.subject import CLEAR, Subject, User, typed
from bkendctl.contract import profile

noun = Noun("The user's public profile; connections are `profiles`.")
noun.add_typer(profile_avatar.noun, name="avatar")


@noun.verb("show")
def show(ctx: Context, user: User = None) -> None:
    """Show a profile.

    Of other users a public one is shown, without what is private.

    Example: bkendctl profile show
    """
    ctx.show(Subject.of(ctx, user).call(profile.SHOW))


@noun.verb("set")
def set_profile(
    ctx: Context,
    name: Annotated[str | None, typer.Option(help="Name to show.")] = None,
    nickname: Annotated[str | None, typer.Option(help="Nickname, or null.")] = None,
    mobile: Annotated[str | None, typer.Option(help="Number such as +821012345678, or null.")] = None,
    gender: Annotated[
        str | None, typer.Option(help="Gender; null clears.", metavar=f"{one_of(profile.Gender)}|{CLEAR}")
    ] = None,
    bio: Annotated[str | None, typer.Option(help="A few words, or null.")] = None,
    social: Annotated[
        list[str] | None,
        typer.Option(help="A link: github=URL, twitter=URL, linkedin=URL; null clears."),
    ] = None,
    user: User = None,
) -> None:
    """Change what is named; null clears a value.

    Example: bkendctl profile set --nickname Al --social github=https://github.com/alice
    """
    changes = typed(
        ctx, nickname=nickname, mobile=mobile, gender=gender, bio=bio, name=name, social=social or None
    )
    if name is not None:
        changes["name"] = name  # which cannot be cleared, so somebody may be called null
    if social:
        del changes["social"]
        changes["social_links"] = _links(ctx, social)
    ctx.show(Subject.of(ctx, user).call(profile.SET, **changes))


def _links(ctx: Context, social: list[str]) -> Any:
    """Read NAME=URL, repeated. cli/usage."""
    if social == [CLEAR]:
        return None
    links = profile.SetSocialLinks()
    for each in social:
        name, is_pair, link = each.partition("=")
        if not is_pair or name not in links.__struct_fields__:
            ctx.refuse(f"--social is github=URL, twitter=URL or linkedin=URL, not {each}.")
        setattr(links, name, None if link == CLEAR else link)
    return links
