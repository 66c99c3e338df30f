"""A world whose dev environment signs in with the fake providers, and a browser that consents there."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from bkendctl.contract import linked_accounts, oauth, oauth_configs
from bkendctl.contract.accounts import LinkedAccount, TokenPair
from bkendctl.contract.magic_links import NewUserTokenPair
from bkendctl.contract.paging import PageRequest
from bkendctl.fake_provider.settings import SECRET, settings
from tests.conftest import World
from tests.provider_server import ProviderServer

APP = "http://127.0.0.1:9000/callback"
"""An app's own redirect URI; nothing listens there."""
VERIFIER = "an-app-that-keeps-a-verifier-of-43-characters"
PROVIDERS = ("google", "github")


class Providing:
    """What a test's app and browser do."""

    def __init__(self, world: World, server: ProviderServer) -> None:
        self.world = world
        self.server = server
        self.fake = server.providers
        server.now = lambda: world.clock.now() / 1000

    def own(self, provider: str) -> str:
        """The server's own redirect URI."""
        base = self.world.server.url if self.world.server else "http://127.0.0.1:8787"
        return f"{base}/v1/auth/{provider}/callback"

    def configure(self, provider: str, **changes: Any) -> oauth_configs.OAuthConfig:
        """Set a provider up."""
        wanted = {"client_secret": SECRET, "redirect_uri": self.own(provider), "enabled": True}
        wanted |= settings(provider, self.server.url) | changes
        request = oauth_configs.SetOAuthConfig(provider=provider, **wanted)
        return self.world.call(oauth_configs.SET, request, key="sk")  # type: ignore[no-any-return]

    def offer(self, provider: str, redirect_uri: str = APP, **how: Any) -> oauth.OAuthOffer:
        """Ask for the address to send a browser to. token: whose session a link is for."""
        token = how.pop("token", None)
        request = oauth.Providers(redirect_uri=redirect_uri, **how)
        offered = self.world.call(oauth.PROVIDERS, request, token=token)
        return next(each for each in offered.oauth if each.provider == provider)

    def consent(self, url: str, email: str = "alice@example.com", outcome: str = "granted") -> dict[str, str]:
        """What the provider's redirect brings, once somebody consented."""
        answer = httpx.post(url, data={"email": email, "outcome": outcome}, trust_env=False)
        assert answer.status_code == 303, answer.text
        return dict(parse_qsl(urlsplit(answer.headers["location"]).query))

    def proof(self, provider: str, email: str = "alice@example.com", **how: Any) -> oauth.Complete:
        """All that an app posts after the redirect. outcome: of the consent."""
        outcome = how.pop("outcome", "granted")
        offered = self.offer(provider, **how)
        back = self.consent(offered.authorization_url, email, outcome)
        return oauth.Complete(
            provider=provider,  # type: ignore[arg-type]
            code=back["code"],
            state=back["state"],
            redirect_uri=offered.redirect_uri,
        )

    def sign_in(self, provider: str, email: str = "alice@example.com", **how: Any) -> NewUserTokenPair:
        """Consent, and trade the code."""
        return self.world.call(oauth.COMPLETE, self.proof(provider, email, **how))  # type: ignore[no-any-return]

    def link(self, token: TokenPair, provider: str, email: str = "alice@example.com", **how: Any) -> None:
        """Attach an account there to a user."""
        self.world.call(linked_accounts.LINK, self.link_proof(token, provider, email, **how), token=token)

    def link_proof(
        self, token: TokenPair, provider: str, email: str = "alice@example.com", **how: Any
    ) -> linked_accounts.Link:
        """What links."""
        given = self.proof(provider, email, purpose="link", token=token, **how)
        return linked_accounts.Link(
            provider=given.provider, code=given.code, state=given.state, redirect_uri=given.redirect_uri
        )

    def accounts(self, token: TokenPair) -> list[LinkedAccount]:
        """Own ways of signing in."""
        return self.world.call(linked_accounts.LIST, PageRequest(), token=token).items  # type: ignore[no-any-return]
