"""bkendctl users: administration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from msgspec import UNSET

from bkendctl.cli import user_files, user_list, views
from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun, one_of
from bkendctl.cli.prompt import read_secret_stdin
from bkendctl.cli.tables import View
from bkendctl.client.voice import Voice
from bkendctl.contract import users
from bkendctl.contract.fields import Role

noun = Noun("Users of the environment: list, roles, bans.")

User = Annotated[str, typer.Argument(help="Id or e-mail.", metavar="USER")]
OneOrWhere = Annotated[str | None, typer.Argument(help="Id or e-mail; none with --where.", metavar="[USER]")]
Where = Annotated[
    str | None, typer.Option("--where", help="Everybody who fits, instead of one user.", metavar="FILTER")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="With --where: only say who would be changed.")]
UndoFile = Annotated[
    Path | None,
    typer.Option("--undo-file", help="With --where: what was done, to undo it or to go on.", metavar="FILE"),
]


noun.verb("list")(user_list.list_users)
noun.verb("export")(user_files.export)
noun.verb("import")(user_files.import_users)


def _choice(text: str) -> Any:
    """Passed on as typed: the core says what would be right."""
    return text


def _call(ctx: Context, operation: Any, request: Any) -> Any:
    return ctx.call(operation, request, voice=Voice.ADMIN)


@noun.verb("get")
def get(ctx: Context, user: User) -> None:
    """Show one user.

    Example: bkendctl users get alice@example.com
    """
    ctx.show(_call(ctx, users.GET, users.UserId(user_id=ctx.user_id(user))), views.USER)


@noun.verb("create")
def create(
    ctx: Context,
    email: Annotated[str, typer.Argument(help="E-mail address.")],
    name: Annotated[str | None, typer.Option(help="Name to show.")] = None,
    role: Annotated[str, typer.Option(help="Role to give.", metavar=one_of(Role))] = "user",
    password_stdin: Annotated[
        bool,
        typer.Option("--password-stdin", help="Read a first password from stdin; without one there is none."),
    ] = False,
    email_verified: Annotated[bool, typer.Option("--email-verified", help="The address is proven.")] = False,
) -> None:
    """Make a user without sign-up.

    Example: bkendctl users create bob@example.com --name Bob --role guest
    """
    request = users.CreateUser(
        name=name or email.partition("@")[0],
        email=email,
        role=_choice(role),
        password=read_secret_stdin() if password_stdin else UNSET,
        email_verified=email_verified,
    )
    ctx.show(_call(ctx, users.CREATE, request), views.USER)


@noun.verb("update")
def update(ctx: Context, user: User, name: Annotated[str, typer.Option(help="New name.")]) -> None:
    """Rename a user.

    Example: bkendctl users update bob@example.com --name Robert
    """
    request = users.UpdateUser(user_id=ctx.user_id(user), name=name)
    ctx.show(_call(ctx, users.UPDATE, request), views.USER)


@noun.verb("delete")
def delete(ctx: Context, user: User) -> None:
    """Delete a user; it can be restored for 30 days.

    Example: bkendctl users delete bob@example.com --yes
    """
    user_id = ctx.user_id(user)
    ctx.confirm(f"Delete the user {user}?")
    ctx.show(_call(ctx, users.DELETE, users.UserId(user_id=user_id)))


@noun.verb("restore")
def restore(ctx: Context, user: User) -> None:
    """Bring a deleted user back.

    Example: bkendctl users restore bob@example.com
    """
    ctx.show(_call(ctx, users.RESTORE, users.UserId(user_id=ctx.user_id(user, deleted=True))), views.USER)


@noun.verb("set-role")
def set_role(
    ctx: Context,
    user: Annotated[str, typer.Argument(help="Id or e-mail; the role with --where.", metavar="USER")],
    role: Annotated[str | None, typer.Argument(help="Role to give.", metavar=one_of(Role))] = None,
    where: Where = None,
    dry_run: DryRun = False,
    undo_file: UndoFile = None,
) -> None:
    """Give a role, in effect from the user's next request on.

    With --where everybody who fits gets it, after a plan: users set-role guest --where 'lastSignInAt<180d'.

    Example: bkendctl users set-role alice@example.com admin
    """
    if _is_bulk(ctx, where, dry_run, undo_file, one=role):
        if user not in get_args(Role):
            ctx.refuse(f"With --where the one argument is the role, {one_of(Role)}, not {user}.")
        _bulk(ctx, "set-role", where, dry_run, undo_file, role=user)
        return
    if role is None:
        ctx.refuse("Name the role too.")
    request = users.SetRole(user_id=ctx.user_id(user), role=_choice(role))
    ctx.confirm_in_prod(f"Give {user} the role {role}?")
    ctx.show(_call(ctx, users.SET_ROLE, request), views.USER)


@noun.verb("ban")
def ban(
    ctx: Context,
    user: OneOrWhere = None,
    until: Annotated[
        str | None, typer.Option(help="End: an instant, or a duration such as 7d.", metavar="TIME")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why.")] = None,
    where: Where = None,
    dry_run: DryRun = False,
    undo_file: UndoFile = None,
) -> None:
    """Ban a user, or all who fit; their sessions end.

    Example: bkendctl users ban bob@example.com --until 7d --reason spam
    """
    end = None if until is None else ctx.local_instant(until)
    if _is_bulk(ctx, where, dry_run, undo_file, one=user):
        given = {"until": end, "reason": reason}
        kept = {name: value for name, value in given.items() if value is not None}
        _bulk(ctx, "ban", where, dry_run, undo_file, **kept)
        return
    user_id = ctx.user_id(_named(ctx, user))
    ctx.confirm(f"Ban the user {user}?")
    request = users.Ban(
        user_id=user_id, until=UNSET if end is None else end, reason=UNSET if reason is None else reason
    )
    ctx.show(_call(ctx, users.BAN, request), views.USER)


@noun.verb("unban")
def unban(ctx: Context, user: User) -> None:
    """Lift a ban.

    Example: bkendctl users unban bob@example.com
    """
    ctx.show(_call(ctx, users.UNBAN, users.UserId(user_id=ctx.user_id(user))), views.USER)


@noun.verb("sessions")
def sessions(
    ctx: Context,
    user: User,
    page: Annotated[int, typer.Option(help="Page, from 1.")] = 1,
    limit: Annotated[int, typer.Option(help="Sessions per page, 1 to 100.")] = 20,
) -> None:
    """List a user's live sessions.

    Example: bkendctl users sessions alice@example.com
    """
    request = users.ListUserSessions(user_id=ctx.user_id(user), page=page, limit=limit)
    ctx.show(_call(ctx, users.SESSIONS, request), views.SESSIONS._replace(offer=None))


@noun.verb("revoke-sessions")
def revoke_sessions(
    ctx: Context,
    user: OneOrWhere = None,
    where: Where = None,
    dry_run: DryRun = False,
    undo_file: UndoFile = None,
) -> None:
    """End all sessions of a user, or of everybody who fits.

    Example: bkendctl users revoke-sessions alice@example.com --yes
    """
    if _is_bulk(ctx, where, dry_run, undo_file, one=user):
        _bulk(ctx, "revoke-sessions", where, dry_run, undo_file)
        return
    user_id = ctx.user_id(_named(ctx, user))
    ctx.confirm(f"End all sessions of {user}?")
    ctx.show(_call(ctx, users.REVOKE_SESSIONS, users.UserId(user_id=user_id)), View(quiet="endedCount"))


@noun.verb("undo")
def undo(ctx: Context, file: Annotated[Path, typer.Argument(help="Undo file of a bulk change.")]) -> None:
    """Put back what set-role or ban with --where did.

    Who was changed by somebody else since is left as is.

    Example: bkendctl users undo bkendctl-ban-20261128-080000-4711.undo.jsonl
    """
    from bkendctl.cli import bulk

    bulk.undo(ctx, file)


def _named(ctx: Context, user: str | None) -> str:
    if user is None:
        ctx.refuse("Name a user, or --where FILTER.")
    return user


def _is_bulk(ctx: Context, where: str | None, dry_run: bool, undo_file: Path | None, *, one: Any) -> bool:
    if where is None and (dry_run or undo_file is not None):
        ctx.refuse("--dry-run and --undo-file go with --where.")
    if where is not None and one is not None:
        ctx.refuse("Name one user, or --where FILTER, not both.")
    return where is not None


def _bulk(
    ctx: Context, verb: str, where: str | None, dry_run: bool, undo_file: Path | None, **arguments: Any
) -> None:
    from bkendctl.cli.bulk import Bulk, Change

    Bulk(ctx, Change(verb, arguments), str(where), undo_file).run(dry_run=dry_run)


@noun.verb("reset-mfa")
def reset_mfa(ctx: Context, user: User) -> None:
    """Switch MFA off for a lost device, and end all sessions.

    Example: bkendctl users reset-mfa alice@example.com --yes
    """
    user_id = ctx.user_id(user)
    ctx.confirm(f"Switch MFA off for {user}?")
    ctx.show(_call(ctx, users.RESET_MFA, users.UserId(user_id=user_id)))
