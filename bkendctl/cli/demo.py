"""bkendctl demo: the whole tour in a throw-away core, through the very commands a person types."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import BytesIO, StringIO, TextIOWrapper
from typing import Annotated

import typer

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun
from bkendctl.cli.terminal import Pen, Span
from bkendctl.contract.errors import Failure

noun = Noun("The whole tour in a throw-away core.")

EMAIL = "alice@example.com"
PASSWORD = "Corr3ct-horse!"  # noqa: S105 - of the throw-away user
_SET_ASIDE = (
    "BKENDCTL_PROFILE",
    "BKENDCTL_URL",
    "BKENDCTL_API_KEY",
    "BKENDCTL_ACCESS_TOKEN",
    "BKENDCTL_DATABASE_URL",
    "BKENDCTL_AVATARS_URL",
    "BKENDCTL_MASTER_KEY",
    "BKENDCTL_MFA_CODE",
    "BKENDCTL_OUTPUT",
    "BKENDCTL_FAKE_PROVIDERS",
)
"""Variables that would lead the tour elsewhere."""


class _Tour:
    """Runs commands one after another and counts them."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def step(self, title: str, *arguments: str, shown: tuple[str, ...] | None = None) -> None:
        """Show a command and run it; shown: what is printed in place of arguments made up here."""
        pen = Pen(sys.stdout)
        pen.line([])
        pen.line([Span(f"{len(self.steps) + 1}. {title}", "bold")])
        pen.line([Span("$ bkendctl " + " ".join(shown or arguments), "dim")])
        sys.stdout.flush()
        self._run(title, arguments)
        self.steps.append(title)

    def value(self, *arguments: str) -> str:
        """Run a command and give what it printed."""
        printed = StringIO()
        with redirect_stdout(printed):
            self._run(" ".join(arguments[:2]), arguments)
        return printed.getvalue().strip()

    def _run(self, title: str, arguments: tuple[str, ...]) -> None:
        from bkendctl.__main__ import main

        status = main([*arguments, "--no-input"])
        if status != 0:
            raise Failure("cli/demo", f"The step '{title}' failed with exit status {status}.")


@noun.verb("demo")
def demo(
    ctx: Context,
    keep: Annotated[bool, typer.Option("--keep", help="Keep what was made and say where it is.")] = False,
    remote: Annotated[
        str | None, typer.Option(help="A server to take the tour at, instead of a core here.", metavar="URL")
    ] = None,
) -> None:
    """Tour: set-up, sign-up, MFA with a real QR, sign-in, sessions, roles, invitation, key, mail.

    Everything happens in a folder of its own that is removed afterwards; no network is used. With --remote a
    dev environment of that server is used: its secret key comes from BKENDCTL_API_KEY or a profile of that
    address, and user, key and invitation are taken away in the end.

    Example: bkendctl demo
    """
    key = None if remote is None else _secret_key_of(ctx, remote)
    tour = _Tour()
    with _throw_away_home(keep=keep) as home:
        if remote is None or key is None:
            tour.step("Make the core and its first keys", "init", "--name", "Demo")
            _walk(tour, EMAIL, role="admin")
            _walk_google(tour)
        else:
            _walk_remote(tour, remote, key, keep=keep)
    pen = Pen(sys.stdout)
    pen.line([])
    where = "no network used" if remote is None else f"at {remote}"
    pen.line([Span("done: ", "green"), Span(f"{len(tour.steps)} of {len(tour.steps)} steps, {where}")])
    if keep:
        ctx.say.note(f"kept: export BKENDCTL_HOME={home} BKENDCTL_STORE=file")
    else:
        ctx.say.note("next: bkendctl init")


def _walk(tour: _Tour, email: str, *, role: str) -> None:
    tour.step("Sign up", "signup", email, "--name", "Alice")
    tour.step("Begin two-step sign-in: scan this with your phone", "mfa", "enroll", "--keep-secret")
    code = tour.value("mfa", "code")
    tour.step("Confirm it with a code", "mfa", "confirm", code)
    code = tour.value("mfa", "code", "--next")
    tour.step("Sign in with the second factor", "login", email, "--mfa-code", code)
    tour.step("See the sessions", "sessions", "list")
    tour.step(
        "Make Alice an admin" if role == "admin" else "Make Alice a guest", "users", "set-role", email, role
    )
    tour.step("Invite Bob", "invitations", "create", f"bob-{email}", "--role", "member")
    tour.step(
        "Issue a key for CI",
        "keys",
        "create",
        "--type",
        "secret",
        "--name",
        f"ci-{email}",
        "--scope",
        "users:read",
    )
    tour.step("Look at the mails that were written", "mail", "list", "--to", email)


def _walk_google(tour: _Tour) -> None:
    """Sign in with Google as it is done without Google: by a fake one on this machine."""
    from bkendctl.cli.fake_provider import running

    redirect_uri = "http://127.0.0.1:9000/callback"
    offers = ("api", "GET", f"/v1/auth/providers?redirectUri={redirect_uri}", "-o", "json")
    with running() as url:
        os.environ["BKENDCTL_FAKE_PROVIDERS"] = url
        authorization = tour.value(*offers, "--jq", ".oauth[0].authorizationUrl").strip('"')
        consent = ("fake-provider", "consent", authorization, "--person", EMAIL, "-q")
        code = tour.value(*consent)
        given = ("--code", code, "--redirect-uri", redirect_uri)
        tour.step(
            "Link a (fake) Google account to Alice",
            *("account", "link", "google", *given),
            shown=("account", "link", "google", "--code", "CODE", "--redirect-uri", redirect_uri),
        )
        tour.step("See both ways to sign in", "account", "accounts")
        authorization = tour.value(*offers, "--jq", ".oauth[0].authorizationUrl").strip('"')
        code = tour.value("fake-provider", "consent", authorization, "--person", "bob@example.com", "-q")
        fields = ("-f", f"code={code}", "-f", f"redirectUri={redirect_uri}")
        tour.step(
            "Sign in as Bob with it; he is new",
            *("api", "POST", "/v1/auth/google/callback", *fields, "--jq", ".is_new_user"),
            shown=("api", "POST", "/v1/auth/google/callback", "-f", "code=CODE", "--jq", ".is_new_user"),
        )


def _walk_remote(tour: _Tour, url: str, key: str, *, keep: bool) -> None:
    """The same at a server, with an address of its own that nobody else has."""
    import secrets

    with _stdin(key):
        tour.step("Add a profile for the server", "profiles", "add", "demo", "--url", url, "--api-key-stdin")
    email = f"alice-{secrets.token_hex(4)}@example.com"
    try:
        _walk(tour, email, role="guest")  # an only admin could not be taken away again
    finally:
        if not keep:
            _take_away(tour, email)


def _take_away(tour: _Tour, email: str) -> None:
    """Remove what the tour left at the server, as far as it got."""
    import json

    for item in json.loads(tour.value("keys", "list", "-o", "json"))["items"]:
        if item["name"] == f"ci-{email}":
            tour.value("keys", "revoke", item["id"], "--yes")
    for item in json.loads(tour.value("invitations", "list", "-o", "json"))["items"]:
        if item["email"] == f"bob-{email}" and item["status"] == "pending":
            tour.value("invitations", "revoke", item["id"], "--yes")
    if json.loads(tour.value("users", "list", "--search", email, "-o", "json"))["items"]:
        tour.value("users", "delete", email, "--yes")


def _secret_key_of(ctx: Context, url: str) -> str:
    """The secret key for a server: of the environment, else of a profile that leads there."""
    from bkendctl.local.addresses import server_url

    url = server_url(url)
    keys = [os.environ.get("BKENDCTL_API_KEY")]
    keys += [ctx.store.load(each.name).secret_key for each in ctx.profiles if each.url == url]
    found = next((key for key in keys if key and key.startswith("sk_")), None)
    if found is None:
        raise Failure(
            "cli/not-signed-in",
            f"There is no secret key for {url}.",
            hint="BKENDCTL_API_KEY=sk_… bkendctl demo --remote URL",
        )
    return found


@contextmanager
def _stdin(text: str) -> Iterator[None]:
    """Let commands read a text from stdin."""
    before, sys.stdin = sys.stdin, TextIOWrapper(BytesIO(text.encode()))
    try:
        yield
    finally:
        sys.stdin = before


@contextmanager
def _throw_away_home(*, keep: bool) -> Iterator[str]:
    """A home of its own, and no variable that would lead elsewhere."""
    before = dict(os.environ)
    home = tempfile.mkdtemp(prefix="bkendctl-demo-")
    for name in _SET_ASIDE:
        os.environ.pop(name, None)
    os.environ |= {"BKENDCTL_HOME": home, "BKENDCTL_STORE": "file", "BKENDCTL_PASSWORD": PASSWORD}
    try:
        yield home
    finally:
        os.environ.clear()
        os.environ.update(before)
        if not keep:
            shutil.rmtree(home, ignore_errors=True)
