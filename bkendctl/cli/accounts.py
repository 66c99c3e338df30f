"""The everyday verbs that stand alone: signup, login, logout, whoami."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer

from bkendctl.cli import views
from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun
from bkendctl.cli.tables import Column, View
from bkendctl.client.voice import Voice
from bkendctl.contract import accounts, sessions
from bkendctl.contract.accounts import TokenPair
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Operation
from bkendctl.local import recent

noun = Noun("Sign up, sign in, sign out.")

PasswordStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from stdin.")]
MagicLink = Annotated[
    bool, typer.Option("--magic-link", help="By a link that is mailed, without a password.")
]
CallbackUrl = Annotated[
    str | None,
    typer.Option(
        "--callback-url", help="Where the link leads; the server's own page when left out.", metavar="URL"
    ),
]
MfaCode = Annotated[
    str | None,
    typer.Option(
        "--mfa-code", help="Code of your app or a backup code; - reads it from stdin.", metavar="CODE"
    ),
]
Token = Annotated[
    str | None,
    typer.Option("--token", help="Token or link of the mail; - reads it from stdin.", metavar="TOKEN"),
]
_WITHOUT_PAGE = "where the server has no page and does not say."
ClientId = Annotated[
    str | None,
    typer.Option("--client-id", help=f"With --google or --github: ours there, {_WITHOUT_PAGE}", metavar="ID"),
]
RedirectUri = Annotated[
    str | None,
    typer.Option(
        "--redirect-uri", help="With --client-id: where the provider sends browsers.", metavar="URL"
    ),
]
ShowTokens = Annotated[bool, typer.Option("--show-tokens", help="Print the tokens too.")]

TOKEN_FIELDS = ("accessToken", "refreshToken", "tokenType", "expiresIn")
SIGNED_IN = View(
    columns=(
        Column("E-mail", "user.email"),
        Column("User", "user.id"),
        Column("Role", "user.role"),
        Column("Token lasts", "expiresIn", style="duration"),
        Column("Profile", "profile"),
        Column("Access token", "tokens.accessToken"),
        Column("Refresh token", "tokens.refreshToken"),
    ),
    quiet="user.id",
)


@noun.verb("signup")
def signup(
    ctx: Context,
    email: Annotated[str | None, typer.Argument(help="E-mail address.")] = None,
    name: Annotated[str | None, typer.Option(help="Name to show.", metavar="NAME")] = None,
    magic_link: MagicLink = False,
    callback_url: CallbackUrl = None,
    password_stdin: PasswordStdin = False,
    show_tokens: ShowTokens = False,
) -> None:
    """Create an account by password, or by a mailed link, and sign in.

    The password is asked for, read with --password-stdin, or taken from BKENDCTL_PASSWORD.

    Example: bkendctl signup alice@example.com --name Alice
    """
    _check_method(ctx, magic_link, name=name, password_stdin=password_stdin, callback_url=callback_url)
    if magic_link:
        pair = _by_link(ctx, accounts.SIGN_UP, email, callback_url)
        if pair is not None:
            _signed_in(ctx, pair, show_tokens=show_tokens)
        return
    email = email or ctx.ask.ask("E-mail", option="EMAIL")
    name = name or ctx.ask.ask("Name", option="--name", default=email.partition("@")[0])
    password = ctx.password(stdin=password_stdin, new=True)
    request = accounts.SignUp(method="password", email=email, password=password, name=name)
    answer = ctx.call(accounts.SIGN_UP, request, voice=Voice.GUEST)
    if isinstance(answer, TokenPair):
        _signed_in(ctx, answer, show_tokens=show_tokens)
        ctx.say.done("signed up and signed in; a confirmation was mailed: bkendctl mail list")
    else:
        ctx.show(answer)


@noun.verb("login")
def login(
    ctx: Context,
    email: Annotated[str | None, typer.Argument(help="E-mail address.")] = None,
    mfa_code: MfaCode = None,
    magic_link: MagicLink = False,
    token: Token = None,
    web: Annotated[bool, typer.Option("--web", help="In a browser, on the server's sign-in page.")] = False,
    google: Annotated[bool, typer.Option("--google", help="In a browser, with Google.")] = False,
    github: Annotated[bool, typer.Option("--github", help="In a browser, with GitHub.")] = False,
    client_id: ClientId = None,
    redirect_uri: RedirectUri = None,
    callback_url: CallbackUrl = None,
    password_stdin: PasswordStdin = False,
    show_tokens: ShowTokens = False,
) -> None:
    """Sign in by password, by a mailed link or in a browser; asks for the second factor when it is wanted.

    Scripts set BKENDCTL_PASSWORD and BKENDCTL_MFA_CODE; without a code exit status 9 says one is needed.
    With --magic-link the link is mailed, then followed on this machine or pasted; scripts use --token.
    With --web, --google or --github a browser is opened, and comes back to this terminal by a port of this
    machine; where none can be opened the address is shown. An embedded profile serves the page for that long.
    At a server without a page --google and --github take the provider's code, or the address with it, pasted.

    Example: bkendctl login alice@example.com
    """
    ways = [name for name, wanted in {"web": web, "google": google, "github": github}.items() if wanted]
    if ways:
        typed = {"magic_link": magic_link, "mfa_code": mfa_code, "token": token, "callback_url": callback_url}
        typed |= {"password_stdin": password_stdin}
        by_browser = _by_browser(ctx, ways, email, typed, client_id, redirect_uri)
        _signed_in(ctx, by_browser, show_tokens=show_tokens)
        return
    if client_id or redirect_uri:
        ctx.refuse("--client-id and --redirect-uri go with --google and --github.")
    if [mfa_code, token].count("-") + password_stdin > 1:
        ctx.refuse("Only one of --password-stdin, --token - and --mfa-code - can read stdin.")
    _check_method(ctx, magic_link, token=token, password_stdin=password_stdin, callback_url=callback_url)
    if magic_link:
        pair = _by_link(ctx, accounts.SIGN_IN, email, callback_url, token=token, mfa_code=mfa_code)
    else:
        pair = _by_password(ctx, email, mfa_code, password_stdin=password_stdin)
    if pair is not None:
        _signed_in(ctx, pair, show_tokens=show_tokens)


def _by_browser(
    ctx: Context,
    ways: list[str],
    email: str | None,
    typed: dict[str, Any],
    client_id: str | None,
    redirect_uri: str | None,
) -> TokenPair:
    """Sign in on the server's page; what would be typed there is refused here."""
    if len(ways) > 1:
        ctx.refuse("Only one of --web, --google and --github.")
    if email:
        ctx.refuse("The e-mail address is typed in the browser.", "bkendctl login --web")
    for name, value in typed.items():
        if value:
            ctx.refuse(f"--{name.replace('_', '-')} does not go with --{ways[0]}.")
    if bool(client_id) != bool(redirect_uri) or (client_id and ways == ["web"]):
        ctx.refuse("--client-id and --redirect-uri go together, with --google or --github.")
    from bkendctl.cli import provider_codes, web

    client = provider_codes.Client(client_id, redirect_uri) if client_id and redirect_uri else None
    return web.sign_in(ctx, None if ways == ["web"] else ways[0], client)


def _by_password(ctx: Context, email: str | None, mfa_code: str | None, *, password_stdin: bool) -> Any:
    from bkendctl.cli import second_factor

    email = email or ctx.ask.ask("E-mail", option="EMAIL")
    request = accounts.SignIn(email=email, password=ctx.password(stdin=password_stdin))
    return second_factor.sign_in(ctx, accounts.SIGN_IN, request, mfa_code)


def _check_method(ctx: Context, magic_link: bool, **given: Any) -> None:
    """Refuse options of the other method: what was typed and would have no effect."""
    for name in ("name", "password_stdin") if magic_link else ("token", "callback_url"):
        if given.get(name):
            option = "--" + name.replace("_", "-")
            ctx.refuse(f"{option} does not go {'with' if magic_link else 'without'} --magic-link.")


def _by_link(
    ctx: Context,
    operation: Operation[Any, Any],
    email: str | None,
    callback_url: str | None,
    *,
    token: str | None = None,
    mfa_code: str | None = None,
) -> TokenPair | None:
    """Sign in by a link: with its token, else by asking for one. None where only the mail was sent."""
    from bkendctl.cli import magic_links

    if token is not None:
        return magic_links.complete(ctx, token, mfa_code)
    return magic_links.ask_for_link(ctx, operation, email, callback_url, mfa_code)


def _signed_in(ctx: Context, pair: TokenPair, *, show_tokens: bool) -> None:
    """Store the tokens at once, then show whose they are."""
    ctx.speaker.remember(pair)
    user = ctx.speaker.call(accounts.GET_ME, accounts.GET_ME.request(), Voice.USER)  # whatever --as says
    ctx.speaker.remember_user(user.id, user.email)
    body: dict[str, Any] = {
        "user": msgspec.to_builtins(user),
        "expiresIn": pair.expires_in,
        "profile": ctx.profile.name or None,
    }
    if show_tokens:
        body["tokens"] = {field: msgspec.to_builtins(pair)[field] for field in TOKEN_FIELDS}
    columns = SIGNED_IN.columns if show_tokens else SIGNED_IN.columns[:-2]
    ctx.show(body, SIGNED_IN._replace(columns=columns))


@noun.verb("logout")
def logout(
    ctx: Context,
    all_sessions: Annotated[bool, typer.Option("--all", help="End your other sessions too.")] = False,
) -> None:
    """End the session, then forget it here.

    Where the server cannot be reached the session is forgotten here all the same, and said so.

    Example: bkendctl logout
    """
    if not ctx.speaker.credentials.access_token:
        raise Failure("cli/not-signed-in")
    message = "Signed out."
    try:
        if all_sessions:
            ctx.call(sessions.REVOKE_ALL)
        message = ctx.call(sessions.SIGN_OUT).message
    except Failure as failure:
        if failure.status in (401, 404):
            message = "Forgotten here; the server did not take the session: " + failure.message
        elif failure.exit_status in (1, 8):
            message = "Forgotten here, but the session may still live: " + failure.message
        else:
            raise
    ctx.speaker.forget()
    recent.forget(ctx.paths, ctx.profile.name)
    ctx.show({"message": message})


@noun.verb("whoami")
def whoami(ctx: Context) -> None:
    """Show the signed-in user.

    Example: bkendctl whoami -o json
    """
    me = ctx.call(accounts.GET_ME)
    place = Column("Environment", lambda _user: ctx.environment)
    ctx.show(me, views.USER._replace(columns=(*views.USER.columns, place)))
    ctx.clock_offset()
