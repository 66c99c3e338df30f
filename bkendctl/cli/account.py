"""bkendctl account: ways of signing in, and leaving."""

from __future__ import annotations

from typing import Annotated, Any, get_args

import typer
from msgspec import UNSET

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun, one_of
from bkendctl.cli.prompt import code_or_stdin, read_secret_stdin
from bkendctl.cli.tables import KEEP, Column, View
from bkendctl.client.voice import Voice
from bkendctl.contract import accounts, linked_accounts
from bkendctl.contract.fields import AccountProvider, OAuthProvider
from bkendctl.contract.paging import PageRequest
from bkendctl.local import recent

noun = Noun("Ways of signing in; delete the account.")

ACCOUNTS = View(
    columns=(
        Column("Provider", "provider", KEEP),
        Column("Account there", "providerAccountId", 8, "text"),
        Column("E-mail there", "email", 7),
        Column("Connected", "connectedAt", 6, "time"),
        Column("Id", "id", 2),
    ),
    noun="accounts",
    quiet="provider",
)
CHECKED = View(columns=(Column("Exists", "exists"), Column("Provider", "provider", optional=True)))


@noun.verb("accounts")
def list_accounts(ctx: Context) -> None:
    """List the ways you sign in, oldest first.

    Example: bkendctl account accounts
    """
    ctx.show(ctx.call(linked_accounts.LIST, PageRequest(limit=100)), ACCOUNTS)


@noun.verb("link")
def link(
    ctx: Context,
    provider: Annotated[str, typer.Argument(help="Whose account.", metavar=one_of(OAuthProvider))],
    code: Annotated[
        str | None, typer.Option(help="Code the provider gave; - reads it from stdin.", metavar="CODE")
    ] = None,
    redirect_uri: Annotated[
        str | None, typer.Option(help="Redirect URI the code was given for.", metavar="URL")
    ] = None,
    state: Annotated[
        str | None, typer.Option(help="State that was minted for linking.", metavar="STATE")
    ] = None,
    code_verifier: Annotated[
        str | None, typer.Option(help="PKCE verifier, where the state has a challenge.", metavar="VERIFIER")
    ] = None,
    id_token_stdin: Annotated[
        bool, typer.Option("--id-token-stdin", help="Read an ID token (google) from stdin instead.")
    ] = False,
) -> None:
    """Attach an account at Google or GitHub.

    In a browser: sign in once more on the server's page, then choose the account. Or by a code or an ID token
    that the provider gave.

    Example: bkendctl account link github
    """
    if code is not None and id_token_stdin:
        ctx.refuse("Name either --code or --id-token-stdin.", "--code CODE --redirect-uri URL")
    if code is None and not id_token_stdin:
        from bkendctl.cli import web

        web.link(ctx, provider)
        ctx.show({"message": f"{provider} is linked."})
        ctx.say.done(f"you can sign in with {provider} from now on")
        return
    given = {"redirect_uri": redirect_uri, "state": state, "code_verifier": code_verifier}
    request = linked_accounts.Link(
        provider=provider,  # type: ignore[arg-type]
        code=UNSET if code is None else code_or_stdin(code, option="--code"),
        id_token=read_secret_stdin("--id-token-stdin") if id_token_stdin else UNSET,
        **{name: value for name, value in given.items() if value is not None},
    )
    ctx.show(ctx.call(linked_accounts.LINK, request))
    ctx.say.done(f"you can sign in with {provider} from now on")


@noun.verb("unlink")
def unlink(
    ctx: Context,
    provider: Annotated[str, typer.Argument(help="email: the password.", metavar=one_of(AccountProvider))],
) -> None:
    """Detach a way of signing in; the last one stays.

    Example: bkendctl account unlink github --yes
    """
    ctx.confirm(f"Sign in with {provider} no longer?")
    request = linked_accounts.Unlink(provider=provider)  # type: ignore[arg-type]
    ctx.show(ctx.call(linked_accounts.UNLINK, request))


@noun.verb("check")
def check(
    ctx: Context,
    account: Annotated[str, typer.Argument(help="E-mail, or the id at the provider.", metavar="ACCOUNT")],
    provider: Annotated[
        str, typer.Option(help="How it signs in.", metavar=one_of(AccountProvider))
    ] = "email",
) -> None:
    """Say whether somebody signs in that way.

    It counts like a try to sign in.

    Example: bkendctl account check alice@example.com
    """
    kind: Any = "oauth" if provider in get_args(OAuthProvider) else "credentials"
    request = linked_accounts.Check(type=kind, provider=provider, provider_account_id=account)  # type: ignore[arg-type]
    ctx.show(ctx.call(linked_accounts.CHECK, request, voice=Voice.GUEST), CHECKED)


@noun.verb("delete")
def delete(ctx: Context) -> None:
    """Delete the own account; an admin can restore it for 30 days.

    Example: bkendctl account delete --yes
    """
    me = ctx.call(accounts.GET_ME)
    ctx.confirm(f"Delete the account {me.email}?")
    answer = ctx.call(accounts.WITHDRAW)
    ctx.speaker.forget()
    recent.forget(ctx.paths, ctx.profile.name)
    ctx.show(answer)
