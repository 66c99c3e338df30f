"""Whose profile, preferences … a command is about: the signed-in user's own, or with --user another's."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import typer

from bkendctl.cli.context import Context
from bkendctl.client.voice import Voice
from bkendctl.contract import accounts

CLEAR = "null"
"""What is typed for a value that is to be cleared."""

User = Annotated[
    str | None, typer.Option("--user", help="Another user, for admins: id or e-mail.", metavar="USER")
]


class Subject(NamedTuple):
    """The user a command is about, and in whose voice it is asked for."""

    ctx: Context
    id: str
    voice: Voice

    @classmethod
    def of(cls, ctx: Context, user: str | None) -> Subject:
        """The user that was named, else whoever is signed in. user/not-found, cli/not-signed-in."""
        if user is not None:
            return cls(ctx, ctx.user_id(user), Voice.ADMIN)
        return cls(ctx, ctx.call(accounts.GET_ME).id, Voice.USER)

    def call(self, operation: Any, **fields: Any) -> Any:
        """Do an operation about that user."""
        return self.ctx.call(operation, operation.request(user_id=self.id, **fields), voice=self.voice)


def named(**options: Any) -> dict[str, Any]:
    """Give the options that were typed, null ones as None."""
    return {name: None if value == CLEAR else value for name, value in options.items() if value is not None}


def typed(ctx: Context, **options: Any) -> dict[str, Any]:
    """As named. cli/usage when there is none."""
    found = named(**options)
    if not found:
        ctx.refuse("Name at least one option to change.")
    return found
