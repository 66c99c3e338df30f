"""The authorization endpoint of both: judges the request, asks a person or not, sends the browser back."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bkendctl.fake_provider import consent
from bkendctl.fake_provider.grants import Grants
from bkendctl.fake_provider.people import OUTCOMES, person

SLOW_SECONDS = 30
LARGEST_FORM = 65_536


class Client(msgspec.Struct, frozen=True):
    """Who may ask. redirect_uris: to the letter; with none any address of this machine, whatever its port."""

    client_id: str
    client_secret: str
    redirect_uris: tuple[str, ...] = ()

    def may_send_to(self, uri: str) -> bool:
        """Whether a browser may be sent there."""
        if self.redirect_uris:
            return uri in self.redirect_uris
        try:
            parts = urlsplit(uri)
            host, _port = parts.hostname or "", parts.port  # which is judged as it is read
            is_near = host == "localhost" or ip_address(host).is_loopback
        except ValueError:
            return False
        return is_near and parts.scheme in ("http", "https") and "@" not in parts.netloc and "#" not in uri


class Provider:
    """What Google and GitHub have in common. as_email: who consents to everything, without a page."""

    def __init__(self, name: str, client: Client, now: Callable[[], float], as_email: str | None) -> None:
        self.name = name
        self.client = client
        self.now = now
        self.grants = Grants(now)
        self._as_email = as_email

    async def authorize(self, request: Request) -> Response:
        """GET asks, POST is the answer; prompt=none with login_hint is one without a page."""
        asked = dict(request.query_params)
        fault = self._fault_of(asked)
        if fault:
            return consent.refusal(self.name, fault)
        error = self._error_of(asked)
        if error:
            return self._back(asked, error=error)
        email = self._as_email or (asked.get("login_hint") if asked.get("prompt") == "none" else None)
        if request.method == "POST":
            chosen = await form_of(request)
        elif email:
            chosen = {"email": email, "outcome": asked.get("outcome", "granted")}
        elif asked.get("prompt") == "none":
            return self._back(asked, error="login_required")
        else:
            return consent.page(self.name, self.client.client_id, asked.get("scope", "").split())
        return self._answered(asked, chosen)

    def _fault_of(self, asked: Mapping[str, str]) -> str:
        """What must not be answered by a redirect (RFC 6749, section 4.1.2.1)."""
        if asked.get("client_id") != self.client.client_id:
            return "The client id is not known."
        if not self.client.may_send_to(asked.get("redirect_uri", "")):
            return "The redirect URI is not registered."
        return ""

    def _error_of(self, asked: Mapping[str, str]) -> str:
        if asked.get("response_type", "code") != "code":
            return "unsupported_response_type"
        method = asked.get("code_challenge_method", "plain")
        if "code_challenge" in asked and (method != "S256" or len(asked["code_challenge"]) != 43):
            return "invalid_request"
        return ""

    def _answered(self, asked: Mapping[str, str], chosen: Mapping[str, str]) -> Response:
        email, outcome = chosen.get("email", "").strip().lower(), chosen.get("outcome", "granted")
        if "@" not in email or len(email) > 254 or outcome not in OUTCOMES:
            return consent.refusal(self.name, "An e-mail address is needed.")
        if outcome == "denied":
            return self._back(asked, error="access_denied")
        code = self.grants.give(
            person(email, chosen.get("name", "").strip()[:100], outcome),
            asked["redirect_uri"],
            tuple(asked.get("scope", "").split()),
            challenge=asked.get("code_challenge"),
            nonce=asked.get("nonce"),
            outcome=outcome,
        )
        state = {"state": "st_changed"} if outcome == "wrong-state" else {}
        return self._back(dict(asked) | state, code=code)

    def _back(self, asked: Mapping[str, str], **result: str) -> Response:
        if "state" in asked:
            result["state"] = asked["state"]
        uri = asked["redirect_uri"]
        return RedirectResponse(uri + ("&" if urlsplit(uri).query else "?") + urlencode(result), 303)

    def is_client(self, request: Request, form: Mapping[str, str]) -> bool:
        """Whether a request to the token endpoint is our client's: by form, or HTTP Basic."""
        given = (form.get("client_id"), form.get("client_secret"))
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                user, _, password = b64decode(value).decode().partition(":")
            except ValueError:
                return False
            given = unquote_plus(user), unquote_plus(password)
        return given == (self.client.client_id, self.client.client_secret)

    def bearer_of(self, request: Request) -> str:
        """The access token of a request, empty without one."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return token if scheme.lower() in ("bearer", "token") else ""


async def form_of(request: Request) -> dict[str, str]:
    """What a form holds; of what is too large nothing."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_FORM:
            return {}
    return dict(parse_qsl(body.decode("latin-1"), keep_blank_values=True, errors="replace"))
