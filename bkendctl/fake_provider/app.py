"""Both fake providers as routes of a server."""

from __future__ import annotations

import time
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount

from bkendctl.fake_provider.authorization import Client
from bkendctl.fake_provider.github import GitHub
from bkendctl.fake_provider.google import Google
from bkendctl.fake_provider.settings import PATH, SECRET, client_id


class FakeProviders:
    """A Google at base/fake/google, a GitHub at base/fake/github. base: where the routes are reached.

    redirect_uris: those registered, with none any on this machine. as_email: who consents to all at once.
    """

    def __init__(
        self,
        base: str,
        *,
        redirect_uris: tuple[str, ...] = (),
        as_email: str | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.google = Google("Google", Client(client_id("google"), SECRET, redirect_uris), now, as_email)
        self.github = GitHub("GitHub", Client(client_id("github"), SECRET, redirect_uris), now, as_email)
        self.google.issuer = f"{base}{PATH}/google"
        self.base = base

    def routes(self) -> list[BaseRoute]:
        """Both, below PATH."""
        return [
            Mount(f"{PATH}/google", routes=self.google.routes()),
            Mount(f"{PATH}/github", routes=self.github.routes()),
        ]

    def app(self) -> Starlette:
        """A server of its own."""
        return Starlette(routes=self.routes())
