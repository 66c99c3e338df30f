"""Codes and access tokens that the fake providers gave out: for one client, in time, once."""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hmac import compare_digest

import msgspec

from bkendctl.fake_provider.people import Person

CODE_SECONDS = 60
TOKEN_SECONDS = 3600
KEPT = 10_000
"""Grants that are remembered; the oldest go first."""


class Refused(Exception):
    """The code is not accepted. error: as RFC 6749, section 5.2, names it."""

    def __init__(self, error: str, why: str) -> None:
        super().__init__(why)
        self.error = error


class Grant(msgspec.Struct):
    """What a person consented to."""

    person: Person
    redirect_uri: str
    scopes: tuple[str, ...]
    challenge: str | None
    nonce: str | None
    outcome: str
    expires_at: float
    is_used: bool = False
    access_token: str | None = None


class Grants:
    """All of one provider. now: seconds since 1970."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._by_code: dict[str, Grant] = {}
        self._by_token: dict[str, tuple[Grant, float]] = {}

    def give(
        self,
        person: Person,
        redirect_uri: str,
        scopes: tuple[str, ...],
        *,
        challenge: str | None,
        nonce: str | None,
        outcome: str,
    ) -> str:
        """Give a code."""
        code = secrets.token_urlsafe(24)
        expires_at = self._now() + CODE_SECONDS
        self._by_code[code] = Grant(person, redirect_uri, scopes, challenge, nonce, outcome, expires_at)
        for table in (self._by_code, self._by_token):
            while len(table) > KEPT:
                del table[next(iter(table))]
        return code

    def outcome_of(self, code: str) -> str:
        """What was chosen on the consent page."""
        return self._by_code[code].outcome if code in self._by_code else "granted"

    def trade(self, code: str, redirect_uri: str, verifier: str | None) -> tuple[Grant, str]:
        """Trade a code for an access token. A code that comes again ends the token, too. Refused."""
        grant = self._by_code.get(code)
        if grant is None:
            raise Refused("invalid_grant", "the code is unknown")
        if grant.is_used:
            self._by_token.pop(grant.access_token or "", None)
            raise Refused("invalid_grant", "the code was used before")
        grant.is_used = True
        if grant.expires_at <= self._now():
            raise Refused("invalid_grant", "the code has expired")
        if redirect_uri != grant.redirect_uri:
            raise Refused("redirect_uri_mismatch", "the redirect URI is not the one of the request")
        if (grant.challenge is None) != (verifier is None):
            raise Refused("invalid_grant", "verifier and challenge of PKCE go together")
        if grant.challenge and not compare_digest(challenge_of(verifier or ""), grant.challenge):
            raise Refused("invalid_grant", "the verifier is wrong")
        grant.access_token = secrets.token_urlsafe(24)
        self._by_token[grant.access_token] = grant, self._now() + TOKEN_SECONDS
        return grant, grant.access_token

    def of_token(self, token: str) -> Grant | None:
        """Whose an access token is; None for one that is unknown or too old."""
        grant, expires_at = self._by_token.get(token, (None, 0.0))
        return grant if expires_at > self._now() else None


def challenge_of(verifier: str) -> str:
    """S256 (RFC 7636, section 4.2)."""
    digest = hashlib.sha256(verifier.encode("utf-8", "replace")).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
