"""The fake providers are as strict as the real ones: about clients, redirect URIs, PKCE, codes and tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest

from bkendctl.fake_provider.app import FakeProviders
from bkendctl.fake_provider.grants import CODE_SECONDS, TOKEN_SECONDS, challenge_of
from bkendctl.fake_provider.settings import SECRET
from tests.provider_server import ProviderServer

BACK = "http://127.0.0.1:9000/cb"
VERIFIER = "v" * 43
PATHS = {
    "google": ("/fake/google/authorize", "/fake/google/token", "/fake/google/userinfo"),
    "github": (
        "/fake/github/login/oauth/authorize",
        "/fake/github/login/oauth/access_token",
        "/fake/github/user",
    ),
}


class Time:
    """Stands still until it is moved."""

    now = 1_800_000_000.0


class Relying:
    """A client of one fake provider, and a browser without a memory."""

    def __init__(self, server: ProviderServer, provider: str, **how: Any) -> None:
        self.time = Time()
        self.fakes = FakeProviders(server.url, now=lambda: self.time.now, **how)
        server.reset(self.fakes.app())
        self.http = httpx.Client(base_url=server.url, trust_env=False)
        self.authorize, self.token, self.user_info = PATHS[provider]
        self.asking = {
            "client_id": f"fake-{provider}-client",
            "redirect_uri": BACK,
            "response_type": "code",
            "scope": "openid email profile user:email",
            "state": "s",
        }

    def ask(self, method: str = "POST", form: dict[str, str] | None = None, **changes: str) -> httpx.Response:
        """Send a browser to the authorization endpoint, with the consent in the form."""
        query = urlencode(self.asking | changes)
        sent = {"email": "alice@example.com"} if form is None else form
        return self.http.request(method, f"{self.authorize}?{query}", data=sent if method == "POST" else None)

    def code(self, **changes: str) -> str:
        """A code."""
        return back_of(self.ask(**changes))["code"]

    def trade(self, code: str, **changes: str | None) -> dict[str, Any]:
        """Trade it; what the token endpoint says."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": BACK,
            "client_id": self.asking["client_id"],
            "client_secret": SECRET,
        } | changes
        sent = {name: value for name, value in form.items() if value is not None}
        headers = {"accept": "application/json"}
        return self.http.post(self.token, data=sent, headers=headers).json()  # type: ignore[no-any-return]


def back_of(answer: httpx.Response) -> dict[str, str]:
    """What a redirect brings."""
    assert answer.status_code == 303, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


Make = Callable[..., Relying]


@pytest.fixture
def make(provider_server: ProviderServer) -> Iterator[Make]:
    """Make clients of fake providers of their own."""
    made: list[Relying] = []

    def make(provider: str, **how: Any) -> Relying:
        made.append(Relying(provider_server, provider, **how))
        return made[-1]

    yield make
    for each in made:
        each.http.close()
    provider_server.reset()


@pytest.fixture(params=PATHS)
def relying(request: pytest.FixtureRequest, make: Make) -> Relying:
    """A client of each."""
    return make(request.param)


def test_a_code_is_traded_once_in_time_by_its_client(relying: Relying) -> None:
    """A second try ends what the first gave (RFC 6749, section 4.1.2)."""
    code = relying.code()
    given = relying.trade(code)
    bearer = {"authorization": f"Bearer {given['access_token']}"}
    assert relying.http.get(relying.user_info, headers=bearer).status_code == 200
    assert "error" in relying.trade(code)
    assert relying.http.get(relying.user_info, headers=bearer).status_code == 401
    late = relying.code()
    relying.time.now += CODE_SECONDS
    assert "error" in relying.trade(late)
    wrongs: tuple[dict[str, str | None], ...] = (
        {"redirect_uri": BACK + "2"},
        {"client_secret": "wrong"},
        {"client_id": "another"},
        {"client_secret": None},
        {"code_verifier": VERIFIER},
    )
    for wrong in wrongs:
        assert "error" in relying.trade(relying.code(), **wrong), wrong
    assert "error" in relying.trade("made-up")


def test_pkce_is_s256_and_held_on_to(relying: Relying) -> None:
    """plain is refused, and a challenge needs its verifier."""
    asked = {"code_challenge": challenge_of(VERIFIER), "code_challenge_method": "S256"}
    assert "access_token" in relying.trade(relying.code(**asked), code_verifier=VERIFIER)
    assert "error" in relying.trade(relying.code(**asked))
    assert "error" in relying.trade(relying.code(**asked), code_verifier="w" * 43)
    plain = relying.ask(code_challenge=VERIFIER, code_challenge_method="plain")
    assert back_of(plain)["error"] == "invalid_request"
    assert back_of(relying.ask(code_challenge=VERIFIER))["error"] == "invalid_request"


def test_no_browser_is_sent_where_nobody_registered(relying: Relying) -> None:
    """An unknown client or redirect URI is told on a page (RFC 6749, section 4.1.2.1)."""
    for changes in (
        {"client_id": "another"},
        {"redirect_uri": "https://evil.example/cb"},
        {"redirect_uri": "http://127.0.0.1.evil.example/cb"},
        {"redirect_uri": "http://a@127.0.0.1/cb"},
        {"redirect_uri": "http://127.0.0.1:x/cb"},
        {"redirect_uri": ""},
    ):
        assert relying.ask(**changes).status_code == 400, changes
    for url in ("http://localhost:1/x", "http://[::1]/x"):
        assert relying.ask(redirect_uri=url).status_code == 303


def test_registered_redirect_uris_are_compared_to_the_letter(make: Make) -> None:
    """With some registered no other will do, not even on this machine."""
    relying = make("google", redirect_uris=("https://app.example.com/cb",))
    assert relying.ask(redirect_uri="https://app.example.com/cb").status_code == 303
    for url in ("https://app.example.com/cb2", "https://app.example.com/cb?x=1", BACK):
        assert relying.ask(redirect_uri=url).status_code == 400


def test_the_page_asks_a_person_and_lets_it_fail(relying: Relying) -> None:
    """Who, and what then; values of the request are text there, and no script runs."""
    page = relying.ask("GET", scope="<script>alert(1)</script>")
    assert page.status_code == 200
    assert "<script>" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "alice@example.com" in page.text
    denied = back_of(relying.ask(form={"email": "a@example.com", "outcome": "denied"}))
    assert denied == {"error": "access_denied", "state": "s"}
    changed = back_of(relying.ask(form={"email": "a@example.com", "outcome": "wrong-state"}))
    assert changed["state"] != "s"
    for form in ({}, {"email": "nobody"}, {"email": "a@example.com", "outcome": "x"}):
        assert relying.ask(form=form).status_code == 400
    assert relying.ask("POST", form={"email": "a@" + "x" * 70_000}).status_code == 400


def test_without_a_page_somebody_consents_who_was_named(make: Make) -> None:
    """By login_hint with prompt=none, or for all requests of a server."""
    relying = make("google")
    silent = {"prompt": "none", "login_hint": "bob@example.com"}
    assert "code" in back_of(relying.ask("GET", **silent))
    assert back_of(relying.ask("GET", prompt="none"))["error"] == "login_required"
    assert "code" in back_of(make("github", as_email="bob@example.com").ask("GET"))


def test_access_tokens_expire(relying: Relying) -> None:
    """After an hour the profile is not told any more."""
    token = relying.trade(relying.code())["access_token"]
    bearer = {"authorization": f"Bearer {token}"}
    relying.time.now += TOKEN_SECONDS
    assert relying.http.get(relying.user_info, headers=bearer).status_code == 401


def test_github_answers_as_github_does(make: Make) -> None:
    """Refused codes with 200, a form unless JSON is asked for, e-mails apart and only with their scope."""
    relying = make("github")
    assert relying.trade("made-up")["error"] == "bad_verification_code"
    plain = relying.http.post(relying.token, data={"client_id": "x"})
    assert (plain.status_code, plain.text) == (200, "error=incorrect_client_credentials")
    token = relying.trade(relying.code(scope="read:user"))["access_token"]
    bearer = {"authorization": f"Bearer {token}"}
    assert relying.http.get("/fake/github/user/emails", headers=bearer).status_code == 404


def test_google_takes_basic_authentication_too(make: Make) -> None:
    """Either way of RFC 6749, section 2.3.1."""
    relying = make("google")
    form = {"grant_type": "authorization_code", "code": relying.code(), "redirect_uri": BACK}
    auth = (relying.asking["client_id"], SECRET)
    assert "id_token" in relying.http.post(relying.token, data=form, auth=auth).json()
    refused = relying.http.post(relying.token, data=form, auth=("x", "y"))
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    wrong = relying.http.post(relying.token, data=form | {"grant_type": "password"}, auth=auth)
    assert wrong.json()["error"] == "unsupported_grant_type"
