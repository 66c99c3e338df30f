"""The fake Google: OpenID Connect with discovery, key set, ID tokens and user info."""

from __future__ import annotations

import asyncio
import json
import secrets
from functools import cached_property
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bkendctl.fake_provider.authorization import SLOW_SECONDS, Provider, form_of
from bkendctl.fake_provider.grants import TOKEN_SECONDS, Grant, Refused

NO_STORE = {"cache-control": "no-store"}


class _Key:
    """A key that signs ID tokens; 2048 bits are what Google uses."""

    def __init__(self) -> None:
        from cryptography.hazmat.primitives.asymmetric import rsa

        self.kid = secrets.token_hex(8)
        self.private = rsa.generate_private_key(65_537, 2_048)

    @cached_property
    def public(self) -> dict[str, Any]:
        """As it stands in the key set."""
        from jwt.algorithms import RSAAlgorithm

        found = json.loads(RSAAlgorithm.to_jwk(self.private.public_key()))
        kept = {name: found[name] for name in ("kty", "n", "e")}
        return kept | {"kid": self.kid, "alg": "RS256", "use": "sig"}


class Google(Provider):
    """issuer: its base URL."""

    issuer = ""

    @cached_property
    def _key(self) -> _Key:
        return _Key()

    def rotate(self) -> None:
        """Sign with a new key, and know the former one no more."""
        self._key = _Key()

    def routes(self) -> list[Route]:
        """Its endpoints."""
        return [
            Route("/.well-known/openid-configuration", self._discovery),
            Route("/authorize", self.authorize, methods=["GET", "POST"]),
            Route("/token", self._token, methods=["POST"]),
            Route("/certs", self._certs),
            Route("/userinfo", self._user_info),
        ]

    async def _discovery(self, _request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
                "jwks_uri": f"{self.issuer}/certs",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "scopes_supported": ["openid", "email", "profile"],
                "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    async def _certs(self, _request: Request) -> Response:
        return JSONResponse({"keys": [self._key.public]})

    async def _token(self, request: Request) -> Response:
        form = await form_of(request)
        outcome = self.grants.outcome_of(form.get("code", ""))
        if outcome == "slow":
            await asyncio.sleep(SLOW_SECONDS)
        if outcome == "error":
            return JSONResponse({"error": "server_error"}, 500)
        if not self.is_client(request, form):
            return JSONResponse({"error": "invalid_client"}, 401)
        if form.get("grant_type") != "authorization_code":
            return JSONResponse({"error": "unsupported_grant_type"}, 400)
        try:
            grant, access_token = self.grants.trade(
                form.get("code", ""), form.get("redirect_uri", ""), form.get("code_verifier")
            )
        except Refused as refused:
            return JSONResponse({"error": refused.error, "error_description": str(refused)}, 400, NO_STORE)
        given = {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": TOKEN_SECONDS,
            "scope": " ".join(grant.scopes),
        }
        if "openid" in grant.scopes:
            given["id_token"] = self.id_token(grant)
        return JSONResponse(given, headers=NO_STORE)

    def id_token(self, grant: Grant, **changes: Any) -> str:
        """Sign an ID token. changes: claims that are to differ."""
        import jwt

        now = int(self.now())
        claims = self._claims(grant) | {
            "iss": self.issuer,
            "aud": self.client.client_id,
            "azp": self.client.client_id,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
        }
        if grant.nonce is not None:
            claims["nonce"] = grant.nonce
        return jwt.encode(claims | changes, self._key.private, "RS256", {"kid": self._key.kid})

    def _claims(self, grant: Grant) -> dict[str, Any]:
        claims: dict[str, Any] = {"sub": str(grant.person.number)}
        if "email" in grant.scopes:
            claims |= {"email": grant.person.email, "email_verified": grant.person.verified}
        if "profile" in grant.scopes:
            claims |= {"name": grant.person.name, "picture": f"https://example.com/{claims['sub']}.png"}
        return claims

    async def _user_info(self, request: Request) -> Response:
        grant = self.grants.of_token(self.bearer_of(request))
        if grant is None:
            return JSONResponse({"error": "invalid_token"}, 401)
        return JSONResponse(self._claims(grant), headers=NO_STORE)
