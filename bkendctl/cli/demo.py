"""bkendctl demo: the whole tour in a throw-away core, through the very commands a person types."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
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
    "BKENDCTL_MASTER_KEY",
    "BKENDCTL_MFA_CODE",
    "BKENDCTL_OUTPUT",
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
    keep: Annotated[bool, typer.Option("--keep", help="Keep the core and say where it is.")] = False,
) -> None:
    """Tour: set-up, sign-up, MFA with a real QR, sign-in, sessions, roles, invitation, key, mail.

    Everything happens in a folder of its own that is removed afterwards; no network is used.

    Example: bkendctl demo
    """
    tour = _Tour()
    with _throw_away_home(keep=keep) as home:
        _walk(tour)
    pen = Pen(sys.stdout)
    pen.line([])
    pen.line(
        [Span("done: ", "green"), Span(f"{len(tour.steps)} of {len(tour.steps)} steps, no network used")]
    )
    if keep:
        ctx.say.note(f"kept: export BKENDCTL_HOME={home} BKENDCTL_STORE=file")
    else:
        ctx.say.note("next: bkendctl init")


def _walk(tour: _Tour) -> None:
    tour.step("Make the core and its first keys", "init", "--name", "Demo")
    tour.step("Sign up", "signup", EMAIL, "--name", "Alice")
    tour.step("Begin two-step sign-in: scan this with your phone", "mfa", "enroll", "--keep-secret")
    code = tour.value("mfa", "code")
    tour.step("Confirm it with a code", "mfa", "confirm", code)
    code = tour.value("mfa", "code", "--next")
    tour.step("Sign in with the second factor", "login", EMAIL, "--mfa-code", code)
    tour.step("See the sessions", "sessions", "list")
    tour.step("Make Alice an admin", "users", "set-role", EMAIL, "admin")
    tour.step("Invite Bob", "invitations", "create", "bob@example.com", "--role", "member")
    tour.step(
        "Issue a key for CI", "keys", "create", "--type", "secret", "--name", "ci", "--scope", "users:read"
    )
    tour.step("Look at the mails that were written", "mail", "list")


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
