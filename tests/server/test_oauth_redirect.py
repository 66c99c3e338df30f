"""The provider's redirect as a browser brings it: bound to that browser, once, and never by another door."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from bkendctl.contract import oauth
from bkendctl.core.clock import MINUTE
from tests.conftest import World
from tests.operations.providing import PROVIDERS, Providing
from tests.provider_server import ProviderServer


class Tab:
    """A browser that asks for an offer, consents, and comes back."""

    def __init__(self, providing: Providing) -> None:
        self.providing = providing
        self.http = httpx.Client(trust_env=False, headers={"x-api-key": providing.world.pk})
        assert providing.world.server is not None
        self.url = providing.world.server.url

    def back(self, provider: str = "google", **consent: str) -> str:
        """Where the provider sends the browser after consent."""
        query = {"redirectUri": self.providing.own(provider)}
        offered = self.http.get(f"{self.url}/v1/auth/providers", params=query).json()["oauth"]
        url = next(each["authorizationUrl"] for each in offered if each["provider"] == provider)
        data = {"email": "alice@example.com"} | consent
        return str(httpx.post(url, data=data, trust_env=False).headers["location"])

    def get(self, url: str, *, method: str = "GET", key: str | None = None) -> tuple[int, str]:
        """Follow a redirect; status, and the error's code or what is_new_user says."""
        headers = {} if key is None else {"x-api-key": key}
        cookies = dict(self.http.cookies)
        answer = httpx.request(method, url, headers=headers, cookies=cookies, trust_env=False)
        if method == "HEAD":
            return answer.status_code, ""
        body = answer.json()
        return answer.status_code, body["error"]["code"] if "error" in body else str(body["is_new_user"])


@pytest.fixture
def tab(providing: Providing) -> Iterator[Tab]:
    """A browser."""
    found = Tab(providing)
    yield found
    found.http.close()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_browser_comes_back_and_is_signed_in_once(tab: Tab, provider: str) -> None:
    """Without a key: the state names the environment, the cookie the browser (decision 21)."""
    location = tab.back(provider)
    assert tab.get(location, method="HEAD") == (405, "")  # which uses nothing up
    assert tab.get(location) == (200, "True")
    assert tab.get(location) == (401, "auth/invalid-token")


def test_another_browser_is_refused_and_the_own_one_is_not_shut_out(providing: Providing, tab: Tab) -> None:
    """A link that somebody else began signs nobody in (login CSRF), with or without a cookie (T072)."""
    location = tab.back()
    other = Tab(providing)
    assert other.get(location) == (401, "auth/invalid-token")
    other.back()  # which gives it a cookie of its own
    assert other.get(location) == (401, "auth/invalid-token")
    assert tab.get(location) == (200, "True")
    other.http.close()


def test_two_tabs_of_one_browser_do_not_get_in_each_others_way(tab: Tab) -> None:
    """The cookie is kept while sign-ins are under way."""
    first, second = tab.back(), tab.back("github", email="bob@example.com")
    assert tab.get(first) == (200, "True")
    assert tab.get(second) == (200, "True")


def test_states_of_other_kinds_do_not_open_the_door_without_a_key(providing: Providing, tab: Tab) -> None:
    """An app's state, one for another redirect URI, for linking, from elsewhere, or too old."""
    world = providing.world
    base = f"{tab.url}/v1/auth/google/callback"
    tab.back()
    app = providing.proof("google")
    assert tab.get(f"{base}?code={app.code}&state={app.state}") == (401, "auth/invalid-token")
    assert tab.get(f"{base}?code={app.code}&state=mine") == (401, "auth/invalid-token")
    token = world.sign_up("carol@example.com")
    link = providing.offer("google", providing.own("google"), purpose="link", token=token)
    code = providing.consent(link.authorization_url)["code"]
    assert tab.get(f"{base}?code={code}&state={link.state}") == (401, "auth/invalid-token")
    location = tab.back()
    github = location.replace("/google/", "/github/")
    assert tab.get(github) == (401, "auth/invalid-token")
    assert tab.get(f"{base}?state={link.state}") == (400, "common/invalid-parameters")
    assert tab.get(f"{tab.url}/v1/auth/email/callback?code=c&state=s") == (400, "auth/unsupported-provider")
    world.clock.advance(10 * MINUTE)
    assert tab.get(location) == (401, "auth/token-expired")


def test_with_a_key_the_clients_own_state_is_taken(providing: Providing, tab: Tab) -> None:
    """Then the redirect URI is needed, and a bad key is told like anywhere."""
    world = providing.world
    base = f"{tab.url}/v1/auth/github/callback"
    given = providing.proof("github")
    query = f"{base}?code={given.code}&state=mine"
    assert tab.get(query, key=world.pk) == (400, "common/invalid-parameters")
    assert tab.get(query, key="pk_1") == (401, "auth/invalid-token-format")
    assert tab.get(f"{query}&redirectUri={given.redirect_uri}", key=world.pk) == (200, "True")


def test_the_second_factor_follows_by_post_with_the_same_code(providing: Providing, tab: Tab) -> None:
    """The redirect ends in auth/mfa-required, and the kept result waits for the code of the app."""
    world = providing.world
    pair = world.sign_up("alice@example.com")
    providing.link(pair, "google")
    setup = world.enrol(pair)
    location = tab.back()
    assert tab.get(location) == (403, "auth/mfa-required")
    given = dict(httpx.URL(location).params)
    request = oauth.Complete(
        provider="google",
        code=given["code"],
        redirect_uri=providing.own("google"),
        mfa_code=world.code(setup.secret),
    )
    assert world.me(world.call(oauth.COMPLETE, request)).mfa_enabled


def test_tries_without_a_key_count_like_any_sign_in(world: World, provider_server: ProviderServer) -> None:
    """Outside dev ten in a minute from one source, whatever the state leads to."""
    prod = Providing(world.beside("prod", "prod"), provider_server)
    provider_server.reset()
    prod.configure("google")
    tab = Tab(prod)
    location = tab.back()
    answers = [tab.get(location)[1] for _ in range(11)]
    tab.http.close()
    assert answers == ["True", *["auth/invalid-token"] * 9, "auth/too-many-login-attempts"]
