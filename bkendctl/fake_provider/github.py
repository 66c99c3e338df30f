"""The fake GitHub: plain OAuth, a profile, and e-mails apart from it. Refused codes answer 200, as there."""

from __future__ import annotations

import asyncio
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bkendctl.fake_provider.authorization import SLOW_SECONDS, Provider, form_of
from bkendctl.fake_provider.grants import Grant, Refused

_ERRORS = {"invalid_grant": "bad_verification_code"}
_BAD = {"message": "Bad credentials"}


class GitHub(Provider):
    """Its paths are those of github.com and of GitHub Enterprise."""

    def routes(self) -> list[Route]:
        """Its endpoints."""
        return [
            Route("/login/oauth/authorize", self.authorize, methods=["GET", "POST"]),
            Route("/login/oauth/access_token", self._token, methods=["POST"]),
            Route("/user", self._user),
            Route("/user/emails", self._emails),
        ]

    async def _token(self, request: Request) -> Response:
        form = await form_of(request)
        outcome = self.grants.outcome_of(form.get("code", ""))
        if outcome == "slow":
            await asyncio.sleep(SLOW_SECONDS)
        if outcome == "error":
            return JSONResponse({"message": "Server Error"}, 500)
        if not self.is_client(request, form):
            return _told(request, {"error": "incorrect_client_credentials"})
        try:
            grant, access_token = self.grants.trade(
                form.get("code", ""), form.get("redirect_uri", ""), form.get("code_verifier")
            )
        except Refused as refused:
            error = _ERRORS.get(refused.error, refused.error)
            return _told(request, {"error": error, "error_description": str(refused)})
        scope = ",".join(grant.scopes)
        return _told(request, {"access_token": access_token, "scope": scope, "token_type": "bearer"})

    def _grant(self, request: Request) -> Grant | None:
        return self.grants.of_token(self.bearer_of(request))

    async def _user(self, request: Request) -> Response:
        grant = self._grant(request)
        if grant is None:
            return JSONResponse(_BAD, 401)
        person = grant.person
        avatar = f"https://example.com/{person.number}.png"
        known = {"id": person.number, "login": person.login, "name": person.name}
        return JSONResponse(known | {"avatar_url": avatar, "email": None, "type": "User"})

    async def _emails(self, request: Request) -> Response:
        grant = self._grant(request)
        if grant is None:
            return JSONResponse(_BAD, 401)
        if not {"user", "user:email"} & set(grant.scopes):
            return JSONResponse({"message": "Not Found"}, 404)
        person = grant.person
        other = f"{person.number}+{person.login}@users.noreply.github.com"
        return JSONResponse(
            [
                {"email": other, "primary": False, "verified": True, "visibility": None},
                {
                    "email": person.email,
                    "primary": True,
                    "verified": person.verified,
                    "visibility": "private",
                },
            ]
        )


def _told(request: Request, fields: dict[str, str]) -> Response:
    """JSON where it is asked for, else a form, as GitHub does."""
    if "json" in request.headers.get("accept", ""):
        return JSONResponse(fields, headers={"cache-control": "no-store"})
    return Response(urlencode(fields), media_type="application/x-www-form-urlencoded")
