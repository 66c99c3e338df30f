"""Settings that make an environment use the fake providers. Light: commands without a server read them."""

from __future__ import annotations

from typing import Any

PATH = "/fake"
SECRET = "fake-client-secret"  # noqa: S105 - known to everybody, and worth nothing
SCOPES = {"google": ["openid", "email", "profile"], "github": ["user:email"]}
PROVIDERS = tuple(SCOPES)


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
