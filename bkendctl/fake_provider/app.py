"""Both fake providers as routes of a server, and the settings that make an environment use them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount

from bkendctl.fake_provider.authorization import Client
from bkendctl.fake_provider.github import GitHub
from bkendctl.fake_provider.google import Google

PATH = "/fake"
SECRET = "fake-client-secret"  # noqa: S105 - known to everybody, and worth nothing
SCOPES = {"google": ["openid", "email", "profile"], "github": ["user:email"]}


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


def client_id(provider: str) -> str:
    """Our client's id at a fake provider."""
    return f"fake-{provider}-client"


def settings(provider: str, base: str) -> dict[str, Any]:
    """Where a fake provider is, by the names of oauth_configs; what is missing is found out by discovery."""
    here = f"{base}{PATH}/{provider}"
    common = {"client_id": client_id(provider), "scopes": SCOPES[provider]}
    if provider == "google":
        return common | {"issuer": here}
    return common | {
        "authorization_url": f"{here}/login/oauth/authorize",
        "token_url": f"{here}/login/oauth/access_token",
        "user_info_url": f"{here}/user",
    }
