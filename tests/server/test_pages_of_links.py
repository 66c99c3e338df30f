"""The pages behind mailed links, as browsers and scanners meet them."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from bkendctl.contract import accounts, invitations, password_resets, preferences, verifications
from bkendctl.core.clock import DAY, HOUR
from bkendctl.server.pages.languages import TAGS, accepted, language
from tests.conftest import World
from tests.operations.mailed import ALICE, by_link, link_of, values_of
from tests.server.browsing import HTML, Browser, Page

NEW = "N3w-password!"
APP = "https://app.example.com/welcome"


def path_of(link: str) -> str:
    """The path and query of a mailed link."""
    parts = urlsplit(link)
    return f"{parts.path}?{parts.query}"


def sign_up_link(world: World) -> str:
    """Sign up; the link of the confirmation."""
    world.sign_up()
    return path_of(link_of(world, "signup_confirmation"))


def verification_link(world: World) -> str:
    """Ask for a proof of the address."""
    world.sign_up()
    world.call(verifications.SEND, verifications.Send(email=ALICE))
    return path_of(link_of(world, "email_verification"))


def reset_link(world: World) -> str:
    """Ask for a new password."""
    world.sign_up()
    world.call(password_resets.REQUEST, password_resets.Request(email=ALICE))
    return path_of(link_of(world, "password_reset"))


def magic_link(world: World) -> str:
    """Ask for a magic link that leads to the page."""
    world.sign_up()
    world.call(accounts.SIGN_IN, by_link(callback_url="http://127.0.0.1:8787/magic-link"))
    return path_of(link_of(world, "magic_link"))


def invitation_link(world: World, email: str = "bob@example.com") -> str:
    """Invite somebody."""
    request = invitations.Create(
        resource_type="project",
        resource_id=world.installed.project_id,
        email=email,
        resource_role="member",
        inviter_name="Eve <b>&",
    )
    world.call(invitations.CREATE, request, key="sk")
    return path_of(link_of(world, "invitation", email))


LINKS = [sign_up_link, verification_link, reset_link, magic_link, invitation_link]
every_link = pytest.mark.parametrize("link", LINKS)


def is_proven(world: World) -> bool:
    """Whether Alice's address is."""
    return world.me(world.sign_in()).email_verified is not None


@every_link
def test_showing_a_link_uses_nothing_up(world: World, browser: Browser, link: Callable[[World], str]) -> None:
    """T093: HEAD and GET as often as a scanner likes; the button works afterwards."""
    path = link(world)
    for _ in range(2):
        assert browser.client.head(path).status_code in (200, 405)
        page = browser.open(path)
        assert page.status == 200
    if link is magic_link:
        assert page.forms == []
        return
    assert not is_proven(world) if link is not invitation_link else True
    typed = {"newPassword": NEW, "repeat": NEW} if link is reset_link else {}
    assert browser.press(page, **typed).status == 200


@every_link
def test_a_page_lets_nobody_in_and_nothing_out(
    world: World, browser: Browser, link: Callable[[World], str]
) -> None:
    """No cache, no referrer, no frame, no script, nothing of others; every field has its label."""
    page = browser.open(link(world))
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    assert page.links == ["/pages/page.css"]
    assert page.language == "en"
    assert "<script" not in page.answer.text
    assert " style=" not in page.answer.text
    assert {each for each in page.ids if each in ("password", "repeat", "token", "account")} <= page.labels
    style = browser.client.get("/pages/page.css")
    assert (style.status_code, style.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert "url(" not in style.text


@every_link
def test_the_page_of_a_dead_link_says_so(
    world: World, browser: Browser, link: Callable[[World], str]
) -> None:
    """Unknown, for another address, and too late: a page in each case, with the API's status."""
    path = link(world)
    values = dict(parse_qsl(urlsplit(path).query))
    unknown = path.replace(values["token"], "x" * 43)
    assert browser.open(unknown).status in (401, 404)
    assert browser.open(urlsplit(path).path).status in (401, 404)
    if link is not magic_link:
        assert browser.open(path.replace("example.com", "example.org")).status in (401, 404)
    world.clock.advance(8 * DAY)
    late = browser.open(path)
    assert late.status in (401, 410)
    assert "expired" in late.text
    assert (late.alerts, late.forms) == (1, [])


def test_a_sign_up_is_confirmed_by_the_button(world: World, browser: Browser) -> None:
    """Decision 133: also a second time; the form goes to /sign-up/confirm."""
    page = browser.open(sign_up_link(world))
    assert page.form.action == "/sign-up/confirm"
    assert set(page.form.fields) == {"token", "email"}
    for _ in range(2):
        done = browser.press(page)
        assert (done.status, "Your address is confirmed" in done.text) == (200, True)
    assert is_proven(world)


def test_programs_get_the_answer_of_the_api(world: World, browser: Browser) -> None:
    """Without text/html in Accept the link confirms and answers JSON; HEAD never confirms."""
    path = sign_up_link(world)
    assert browser.client.head(path).status_code == 405
    assert not is_proven(world)
    answer = browser.client.get(path, headers={"accept": "*/*"})
    assert answer.json() == {"success": True, "data": {"verified": True, "email": ALICE}}


def test_a_callback_url_is_told_how_it_went(world: World, browser: Browser) -> None:
    """Decision 57: a redirect for browsers and programs alike, a failure as verified=false with its code."""
    world.configure("email", allowedCallbackUrls=["https://app.example.com"])
    path = sign_up_link(world)
    asked = {"callbackUrl": f"{APP}?a=1#top"}
    late = dict(parse_qsl(urlsplit(path).query))
    for headers in (HTML, {"accept": "*/*"}):
        answer = browser.client.get(path, params=late | asked, headers=headers)
        assert answer.status_code == 302
        assert answer.headers["location"] == f"{APP}?a=1&verified=true&email=alice%40example.com#top"
        assert answer.headers["cache-control"] == "no-store"
    assert is_proven(world)
    world.clock.advance(25 * HOUR)
    answer = browser.client.get(path, params=late | asked)
    assert dict(parse_qsl(urlsplit(answer.headers["location"]).query)) == {
        "a": "1",
        "verified": "false",
        "email": ALICE,
        "error": "auth/verification-token-expired",
    }


@pytest.mark.parametrize(
    "url",
    ["https://evil.example", "//evil.example", "https://app.example.com@evil.example", "javascript:1", ""],
)
def test_nobody_is_redirected_elsewhere(world: World, browser: Browser, url: str) -> None:
    """T090: what is not allowed gets no redirect and no confirmation; nor does a token of nobody."""
    world.configure("email", allowedCallbackUrls=["https://app.example.com"])
    path = sign_up_link(world)
    values = dict(parse_qsl(urlsplit(path).query))
    answer = browser.client.get(path, params=values | {"callbackUrl": url}, headers={"accept": "*/*"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "common/invalid-parameters")
    assert not is_proven(world)
    unknown = browser.client.get(path, params=values | {"token": "x" * 43, "callbackUrl": APP})
    assert (unknown.status_code, "location" in unknown.headers) == (404, False)
    assert unknown.headers["content-type"].startswith("text/html")


def test_a_verification_is_confirmed_by_the_button(world: World, browser: Browser) -> None:
    """Once: the token is used up, and a second press says so."""
    page = browser.open(verification_link(world))
    assert browser.press(page).status == 200
    assert is_proven(world)
    again = browser.press(page)
    assert (again.status, "does not work any more" in again.text) == (404, True)


def test_a_new_password_is_chosen(world: World, browser: Browser) -> None:
    """Rules are shown, every fault is told beside the field, and the link stays good until it has worked."""
    page = browser.open(reset_link(world))
    assert "at least 8 characters" in page.text
    assert page.form.action == "/password/reset"
    for typed, told in (
        ({"newPassword": NEW, "repeat": NEW + "x"}, "The two passwords differ."),
        ({"newPassword": "short", "repeat": "short"}, "an upper-case letter (missing)"),
        ({"newPassword": "P@ssw0rd", "repeat": "P@ssw0rd"}, "easy to guess"),
    ):
        page = browser.press(page, **typed)
        assert (page.status, page.alerts, told in page.text) == (400, 1, True)
        assert typed["newPassword"] not in page.answer.text
    done = browser.press(page, newPassword=NEW, repeat=NEW)
    assert (done.status, "Your password was changed" in done.text) == (200, True)
    world.sign_in(password=NEW)
    assert browser.press(page, newPassword=NEW, repeat=NEW).status == 404


def test_a_magic_link_without_anybody_waiting_shows_its_token(world: World, browser: Browser) -> None:
    """There is nobody to give a session to: the token is shown, and good where it is pasted."""
    page = browser.open(magic_link(world))
    token = values_of(world, "magic_link")["token"]
    assert f">{token}</textarea>" in page.answer.text
    assert ALICE in page.text


def test_an_invitation_is_accepted_or_declined(world: World, browser: Browser) -> None:
    """Who invites is told as it is written; who has no account yet is told to sign up."""
    page = browser.open(invitation_link(world))
    assert "Eve <b>& invites you." in page.text
    done = browser.press(page, ("answer", "accept"))
    assert "Sign up with bob@example.com" in done.text
    assert browser.press(page, ("answer", "decline")).status == 400
    page = browser.open(invitation_link(world, "carol@example.com"))
    assert "You declined" in browser.press(page, ("answer", "decline")).text
    assert browser.open(path_of(link_of(world, "invitation", "carol@example.com"))).status == 404
    world.sign_up()
    joined = browser.press(browser.open(invitation_link(world, ALICE)), ("answer", "accept"))
    assert "You are a member of Demo" in joined.text
    statuses = {
        each.email: each.status
        for each in world.call(invitations.LIST, invitations.ListInvitations(), key="sk").items
    }
    assert statuses == {ALICE: "accepted", "carol@example.com": "rejected", "bob@example.com": "accepted"}


# What is posted


@pytest.mark.parametrize(
    ("kind", "content", "status"),
    [
        ("application/json", b"{}", 415),
        ("text/plain", b"token=x", 415),
        ("multipart/form-data; boundary=x", b"--x--", 415),
        ("application/x-www-form-urlencoded", b"a=" + b"x" * 70_000, 413),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(40)), 400),
        ("application/x-www-form-urlencoded", b"token=%00%ff%ed%a0%80&email=%00", 404),
        ("application/x-www-form-urlencoded", b"", 404),
    ],
)
def test_a_form_is_taken_as_browsers_send_it(
    browser: Browser, kind: str, content: bytes, status: int
) -> None:
    """Whatever comes: a page with the status of what was wrong."""
    answer = browser.client.post("/password/reset", content=content, headers={"content-type": kind})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert Page(answer).alerts == 1


def test_a_page_takes_its_own_methods(browser: Browser) -> None:
    """405 for the others."""
    for method, path in (("PUT", "/password/reset"), ("GET", "/sign-up/confirm"), ("DELETE", "/sign-in")):
        assert browser.client.request(method, path).status_code == 405


def test_pages_are_counted_as_requests(world: World, browser: Browser) -> None:
    """Class default: 429 as a page with Retry-After, also where the link names no environment."""
    world.configure("sessions", rateLimits={"default": {"limit": 2, "windowSeconds": 60}})
    path = reset_link(world)
    assert [browser.open(path).status for _ in range(3)] == [200, 200, 429]
    limited = browser.open(path)
    assert int(limited.headers["retry-after"]) >= 1
    assert "Too many requests" in limited.text


# Languages


def test_a_page_speaks_the_language_of_its_reader(world: World) -> None:
    """By Accept-Language; a user's own locale goes before."""
    assert world.server is not None
    path = reset_link(world)
    for asked, told in (("ja-JP,en;q=0.5", "ja"), ("ko", "ko"), ("de, *;q=0.1", "en")):
        browser = Browser(world.server.url, **{"accept-language": asked})
        page = browser.open(path)
        assert (page.language, language(told)("reset.title") in page.text) == (told, True)
        browser.close()
    token = world.sign_in()
    wanted = preferences.SetPreferences(user_id=world.me(token).id, locale="ko-KR")
    world.call(preferences.SET, wanted, token=token)
    answer = httpx.get(f"{world.server.url}{path}", headers={"accept-language": "ja"})
    assert '<html lang="ko">' in answer.text


@pytest.mark.parametrize(
    ("header", "tag"),
    [
        ("", "en"),
        ("ko;q=0.2, ja;q=0.9", "ja"),
        ("ja;q=2, ko;q=x, en_US", "en"),
        ("k" * 9999, "en"),
        ("ja;q=0", "en"),
    ],
)
def test_the_language_liked_best(header: str, tag: str) -> None:
    """By weight; what is malformed does not count."""
    assert accepted(header).tag == tag


def test_every_language_says_all() -> None:
    """The same keys and the same values in each, and no text left empty."""
    english = language("en").texts
    for tag in TAGS:
        texts = language(tag).texts
        assert texts.keys() == english.keys()
        assert {key for key, text in texts.items() if not text.strip()} == set()
        names = {key: {part.partition("}")[0] for part in text.split("{")[1:]} for key, text in texts.items()}
        assert names == {
            key: {part.partition("}")[0] for part in text.split("{")[1:]} for key, text in english.items()
        }
