"""The hosted page with Google and GitHub: there and back, in the same browser, and what may go wrong."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from bkendctl.contract import users
from bkendctl.core.clock import MINUTE
from tests.conftest import PASSWORD
from tests.operations.mailed import ALICE
from tests.operations.providing import PROVIDERS, Providing
from tests.operations.test_mfa import amr
from tests.server.browsing import Browser, Page
from tests.server.test_hosted_page import TERMINAL, address, result_of, trade


def to_provider(providing: Providing, browser: Browser, provider: str, **other: Any) -> str:
    """Follow the page's link to a provider; the address the browser is sent to."""
    page = browser.open(address(providing.world, **other))
    (link,) = [each for each in page.links if each.startswith(f"/sign-in/{provider}?")]
    sent = browser.open(link)
    assert (sent.status, sent.headers["cache-control"]) == (302, "no-store")
    return str(sent.headers["location"])


def consent(url: str, outcome: str = "granted", email: str = ALICE) -> str:
    """Consent at the fake provider; path and query where it sends the browser."""
    back = httpx.post(url, data={"email": email, "outcome": outcome}, trust_env=False).headers["location"]
    parts = urlsplit(back)
    return f"{parts.path}?{parts.query}"


def come_back(providing: Providing, browser: Browser, provider: str = "google", **how: Any) -> Page:
    """There and back."""
    outcome, email = how.pop("outcome", "granted"), how.pop("email", ALICE)
    return browser.open(consent(to_provider(providing, browser, provider, **how), outcome, email))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_provider_signs_in(providing: Providing, browser: Browser, provider: str) -> None:
    """The app gets a code as after a password; the provider's code and state are of no more use."""
    world = providing.world
    url = to_provider(providing, browser, provider)
    sent = parse_qs(urlsplit(url).query)
    assert sent["redirect_uri"] == [providing.own(provider)]
    assert sent["code_challenge_method"] == ["S256"]
    path = consent(url)
    pair = trade(world, browser.open(path))
    assert (world.me(pair).email, amr(pair)) == (ALICE, ["oauth"])
    again = browser.open(path)
    assert (again.status, again.alerts, "location" in again.headers) == (401, 1, False)


def test_only_the_browser_that_went_comes_back(providing: Providing, browser: Browser) -> None:
    """T072: without its cookies, with another's, and after ten minutes nobody signs in."""
    world = providing.world
    path = consent(to_provider(providing, browser, "google"))
    assert world.server is not None
    other = Browser(world.server.url)
    to_provider(providing, other, "google")
    stolen = other.open(path)
    assert (stolen.status, "location" in stolen.headers) == (401, False)
    other.close()
    kept = {name: value for name, value in browser.client.cookies.items() if "flow" in name}
    browser.client.cookies.clear()
    browser.client.cookies.update(kept)  # the flow alone, as another page of the host might have set it
    assert browser.open(path).status == 401
    assert world.call(users.LIST, users.ListUsers(), key="sk").items == []
    late = consent(to_provider(providing, browser, "google"))
    world.clock.advance(10 * MINUTE)
    assert browser.open(late).status == 401


def test_the_second_step_follows_a_provider(providing: Providing, browser: Browser) -> None:
    """P6, T046: asked for after the provider's word, which is not asked for again."""
    world = providing.world
    world.make_user(ALICE, password=PASSWORD, email_verified=True)
    session = world.sign_in()
    providing.link(session, "google")
    setup = world.enrol(session)
    page = come_back(providing, browser)
    assert (page.status, page.form.fields.keys()) == (200, {"csrf", "ticket", "action", "mfaCode"})
    page = browser.press(page, mfaCode="000000", action="provider")
    assert (page.status, page.alerts) == (401, 1)
    pair = trade(world, browser.press(page, mfaCode=world.code(setup.secret)))
    assert amr(pair) == ["oauth", "otp"]


def test_a_proven_address_is_not_taken_over(providing: Providing, browser: Browser) -> None:
    """Decision 60: the page says how to go on, and signs in by password there and then."""
    world = providing.world
    world.make_user(ALICE, password=PASSWORD, email_verified=True)
    page = come_back(providing, browser)
    assert (page.status, "link the provider" in page.text) == (409, True)
    assert amr(trade(world, browser.press(page, email=ALICE, password=PASSWORD))) == ["pwd"]


@pytest.mark.parametrize(
    ("outcome", "status", "told"),
    [("denied", 200, "Nothing was chosen there"), ("error", 500, "did not answer as it should"),
     ("unverified", 403, "Confirm your address first")],
)  # fmt: skip
def test_what_goes_wrong_there_is_told_here(
    providing: Providing, browser: Browser, outcome: str, status: int, told: str
) -> None:
    """On the sign-in page, with all ways to sign in still on it."""
    page = come_back(providing, browser, outcome=outcome)
    assert (page.status, page.alerts, told in page.text) == (status, 1, True), page.text
    assert sum(link.startswith("/sign-in/") for link in page.links) == 2


def test_only_what_is_set_up_for_it_is_offered(providing: Providing, browser: Browser) -> None:
    """A disabled provider is not, nor one whose redirects go to an app; nor is an unknown one begun."""
    world = providing.world
    providing.configure("github", enabled=False)
    providing.configure("google", redirect_uri="http://127.0.0.1:9000/callback")
    page = browser.open(address(world))
    assert [link for link in page.links if link.startswith("/sign-in/")] == []
    for provider in ("google", "github", "evil"):
        refused = browser.open(address(world).replace("/sign-in?", f"/sign-in/{provider}?"))
        assert (refused.status, refused.alerts) == (400, 1)
    elsewhere = address(world, redirect_uri="javascript:1").replace("/sign-in?", "/sign-in/google?")
    assert browser.open(elsewhere).status == 400


def test_a_key_gets_the_answer_of_the_api(providing: Providing, browser: Browser) -> None:
    """The page's state is of no use to a program, and a state that is no page's is the API's business."""
    path = consent(to_provider(providing, browser, "google"))
    answer = browser.client.get(path, headers={"x-api-key": providing.world.pk})
    assert answer.headers["content-type"] == "application/json"
    assert "accessToken" not in answer.json()
    other = browser.client.get("/v1/auth/google/callback?code=x&state=st_x")
    assert (other.status_code, other.headers["content-type"]) == (401, "application/json")


def test_a_cancelled_app_is_told(providing: Providing, browser: Browser) -> None:
    """From the page that a provider's refusal leads to, as from any other."""
    page = come_back(providing, browser, outcome="denied")
    (cancel,) = [link for link in page.links if "error=access_denied" in link]
    assert cancel.startswith("https://app.example.com/done")


def link_page(providing: Providing, browser: Browser, email: str = ALICE) -> Page:
    """Sign in on the page that links Google; what it shows then."""
    page = browser.open(address(providing.world, redirect_uri=TERMINAL, link="google"))
    return browser.press(page, email=email, password=PASSWORD)


def test_a_provider_is_linked_to_who_signs_in(providing: Providing, browser: Browser) -> None:
    """Decision 144: whose account it is, is shown; the app learns that it is linked, and no session stays."""
    world = providing.world
    pair = world.sign_up()
    page = link_page(providing, browser)
    assert (page.status, f"signed in as {ALICE}" in page.text, page.forms) == (200, True, [])
    (go_on,) = [link for link in page.links if link.startswith("/link/google?")]
    url = browser.open(go_on).headers["location"]
    back = browser.open(consent(url))
    assert result_of(back, TERMINAL) == {"linked": "google", "state": "a state & more"}
    assert [each.provider for each in providing.accounts(pair)] == ["email", "google"]
    assert len(world.sessions(pair)) == 1
    again = browser.open(link_page(providing, browser).links[-2])
    assert again.status == 302


def test_what_cannot_be_linked_is_told_the_app(providing: Providing, browser: Browser) -> None:
    """Somebody else has that account; nothing is linked twice (T085)."""
    world = providing.world
    providing.sign_in("google", "gina@example.com")
    pair = world.sign_up()
    page = link_page(providing, browser)
    url = browser.open(next(link for link in page.links if link.startswith("/link/"))).headers["location"]
    back = browser.open(consent(url, email="gina@example.com"))
    assert result_of(back, TERMINAL)["error"] == "auth/account-already-linked"
    assert [each.provider for each in providing.accounts(pair)] == ["email"]


def test_linking_needs_the_browser_that_signed_in(providing: Providing, browser: Browser) -> None:
    """T073: without its cookies nothing begins; a state of another session links nothing."""
    world = providing.world
    pair = world.sign_up()
    world.sign_up("mallory@example.com")
    page = link_page(providing, browser)
    go_on = next(link for link in page.links if link.startswith("/link/"))
    assert world.server is not None
    other = Browser(world.server.url)
    assert other.open(go_on).status == 403
    theirs = link_page(providing, other, "mallory@example.com")
    url = other.open(next(link for link in theirs.links if link.startswith("/link/"))).headers["location"]
    other.close()
    assert "location" not in browser.open(consent(url)).headers  # it never went there
    own = browser.open(go_on).headers["location"]
    world.clock.advance(11 * MINUTE)
    assert "linked" not in browser.open(consent(own)).headers.get("location", "")
    assert [each.provider for each in providing.accounts(pair)] == ["email"]
