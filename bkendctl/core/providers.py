"""Where providers are: their public addresses, what an issuer's discovery document says, its key set.

Documents are kept for an hour, in each process by itself; nothing depends on their being the same.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from bkendctl.core.clock import HOUR, SECOND, Clock
from bkendctl.core.egress import Deadline, Egress, Unusable

NAMES = ("google", "github")
GOOGLE_ISSUER = "https://accounts.google.com"
GOOGLE_AUTHORIZATION = "https://accounts.google.com/o/oauth2/v2/auth"
GITHUB = {
    "authorization_url": "https://github.com/login/oauth/authorize",
    "token_url": "https://github.com/login/oauth/access_token",
    "user_info_url": "https://api.github.com/user",
}
KEPT_MS = HOUR
REFETCH_MS = 30 * SECOND
"""An unknown key id makes the key set be read anew, this often at most: anybody can make up key ids."""


class Client(Struct, frozen=True):
    """What we are at a provider, and where it is; a None address is to be found out."""

    provider: str
    client_id: str
    client_secret: str
    redirect_uri: str
    scopes: tuple[str, ...]
    issuer: str | None = None
    authorization_url: str | None = None
    token_url: str | None = None
    user_info_url: str | None = None
    jwks_url: str | None = None

    def __repr__(self) -> str:
        return f"Client({self.provider}, {self.client_id})"  # without the secret


class _Kept(NamedTuple):
    since: int
    document: dict[str, Any]


class Providers:
    """Finds addresses and keys of providers."""

    def __init__(self, egress: Egress, clock: Clock) -> None:
        self.egress = egress
        self._clock = clock
        self._kept: dict[str, _Kept] = {}

    def located(self, client: Client, deadline: Deadline) -> Client:
        """A client with every address its provider needs. Unusable."""
        if client.provider == "github":
            return replace(client, **{name: getattr(client, name) or url for name, url in GITHUB.items()})
        if client.authorization_url and client.token_url and client.jwks_url:
            return replace(client, issuer=client.issuer or GOOGLE_ISSUER)
        issuer = client.issuer or GOOGLE_ISSUER
        found = self.discovered(issuer, deadline)
        return replace(
            client,
            issuer=found["issuer"],  # as its ID tokens have it, with or without a slash at its end
            authorization_url=client.authorization_url or found["authorization_endpoint"],
            token_url=client.token_url or found["token_endpoint"],
            jwks_url=client.jwks_url or found["jwks_uri"],
            user_info_url=client.user_info_url or found.get("userinfo_endpoint"),
        )

    def authorization_url(self, client: Client, deadline: Deadline) -> str:
        """Where a browser is sent; without asking anybody where that is known. Unusable."""
        if client.authorization_url:
            return client.authorization_url
        if client.provider == "google" and client.issuer in (None, GOOGLE_ISSUER):
            return GOOGLE_AUTHORIZATION
        return str(self.located(client, deadline).authorization_url)

    def discovered(self, issuer: str, deadline: Deadline) -> dict[str, Any]:
        """An issuer's discovery document (OpenID Connect Discovery, section 4). Unusable."""
        url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        document = self._document(url, deadline, KEPT_MS)
        if str(document.get("issuer", "")).rstrip("/") != issuer.rstrip("/"):
            raise Unusable(f"the discovery document of {issuer} names another issuer")
        wanted = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        for name in (*wanted, "userinfo_endpoint"):
            found = document.get(name)
            if found is None and name not in wanted:
                continue
            if not isinstance(found, str) or flaw_of(found, loopback=is_loopback(issuer)):
                raise Unusable(f"the discovery document of {issuer} has no sound {name}")
        return document

    def key_of(self, url: str, kid: str | None, deadline: Deadline) -> dict[str, Any] | None:
        """The key of that id, or the only one there is; None where there is none. Unusable."""
        found = _choose(self._document(url, deadline, KEPT_MS), kid)
        if found is None:  # the provider may have changed its keys
            found = _choose(self._document(url, deadline, REFETCH_MS), kid)
        return found

    def _document(self, url: str, deadline: Deadline, life_ms: int) -> dict[str, Any]:
        kept, now = self._kept.get(url), self._clock.now()
        if kept is not None and 0 <= now - kept.since < life_ms:
            return kept.document
        answer = self.egress.ask(deadline, url)
        if answer.status != 200:
            raise Unusable(f"{answer.host} answers {answer.status} to {urlsplit(url).path}")
        self._kept[url] = _Kept(now, answer.fields())
        return self._kept[url].document


def _choose(document: dict[str, Any], kid: str | None) -> dict[str, Any] | None:
    keys = document.get("keys")
    listed = [key for key in keys if isinstance(key, dict)] if isinstance(keys, list) else []
    signing = [key for key in listed if key.get("use", "sig") == "sig" and key.get("kty") != "oct"]
    if kid is None:
        return signing[0] if len(signing) == 1 else None
    return next((key for key in signing if key.get("kid") == kid), None)


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def flaw_of(url: str, *, loopback: bool = True) -> str:
    """Why we do not send secrets there, "" where we do: https, or http to this machine (decision 143)."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "must be a URL"
    if not parts.hostname or "@" in parts.netloc or "#" in url or any(ord(each) <= 32 for each in url):
        return "must be a URL without user name, fragment and spaces"
    if parts.scheme == "https" or (parts.scheme == "http" and loopback and is_loopback(url)):
        return ""
    return "must be an https URL, or http on this machine"
