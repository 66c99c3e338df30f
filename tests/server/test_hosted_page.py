"""The hosted sign-in page: what it lets through, what it hands to whom, and what it refuses."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from bkendctl.contract import accounts, hosted, keys, magic_links, users
from bkendctl.contract.accounts import TokenPair
from bkendctl.core.clock import MINUTE
from bkendctl.core.hosted import challenge_of
from tests.conftest import PASSWORD, World
from tests.operations.mailed import ALICE, link_of, token_of
from tests.operations.test_mfa import amr
from tests.server.browsing import Browser, Page
from tests.server.test_pages_of_links import path_of

APP = "https://app.example.com/done"
TERMINAL = "http://127.0.0.1:49152/"
VERIFIER = "v" * 43
LINK = ("action", "link")
FORGOT = ("action", "forgot")


def address(world: World, **other: str | None) -> str:
    """Address of the page as an app opens it; None leaves a part out."""
    given: dict[str, str | None] = {
        "client": world.pk,
        "redirect_uri": APP,
        "code_challenge": challenge_of(VERIFIER),
        "code_challenge_method": "S256",
        "state": "a state & more",
    }
    return "/sign-in?" + urlencode({name: value for name, value in (given | other).items() if value})


def result_of(page: Page, target: str = APP) -> dict[str, str]:
    """What the browser is sent back to the app with."""
    assert page.status in (302, 303), page.text
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    location = urlsplit(page.headers["location"])
    assert location._replace(query="").geturl() == urlsplit(target)._replace(query="").geturl()
    kept = dict(parse_qsl(urlsplit(target).query))
    found = dict(parse_qsl(location.query))
    assert kept.items() <= found.items()
    return {name: value for name, value in found.items() if name not in kept}


def trade(world: World, page: Page, target: str = APP) -> TokenPair:
    """Trade the code that the browser brings, as the app does."""
    result = result_of(page, target)
    assert result.keys() == {"code", "state"}
    assert result["state"] == "a state & more"
    request = hosted.Exchange(code=result["code"], code_verifier=VERIFIER, redirect_uri=target)
    return world.call(hosted.EXCHANGE, request)  # type: ignore[no-any-return]


def typed(email: str = ALICE, password: str = PASSWORD) -> dict[str, str]:
    """What a person types."""
    return {"email": email, "password": password}


def test_a_password_signs_in(world: World, browser: Browser) -> None:
    """The browser goes back with a code, the app gets a session, and the page none that lasts."""
    world.sign_up()
    page = browser.open(address(world))
    assert (page.status, page.language) == (200, "en")
    assert "https://app.example.com" in page.text
    pair = trade(world, browser.press(page, **typed()))
    assert (world.me(pair).email, amr(pair)) == (ALICE, ["pwd"])
    assert len(world.sessions(pair)) == 2


def test_the_form_may_end_at_the_app_and_nowhere_else(world: World, browser: Browser) -> None:
    """form-action names the app's origin, as browsers hold redirects of forms against it, too."""
    world.sign_up()
    page = browser.open(address(world))
    assert page.headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; form-action 'self' https://app.example.com; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    assert page.headers["x-frame-options"] == "DENY"
    (cookie,) = browser.client.cookies.jar
    assert (cookie.path, cookie.has_nonstandard_attr("HttpOnly")) == ("/", True)
    assert "SameSite=Lax" in page.headers["set-cookie"]


@pytest.mark.parametrize("target", [TERMINAL, "http://[::1]:1/cb", "http://127.0.0.1/x?y=1"])
def test_a_terminal_on_the_same_machine_gets_its_code(world: World, browser: Browser, target: str) -> None:
    """RFC 8252: any port of the loopback address, also where callback URLs are named."""
    world.configure("email", allowedCallbackUrls=["https://app.example.com"])
    world.sign_up()
    page = browser.open(address(world, redirect_uri=target))
    assert "the terminal on this computer" in page.text
    trade(world, browser.press(page, **typed()), target)


@pytest.mark.parametrize(
    "target",
    [
        "https://app.example.com", APP + "?x=1", APP + "/", APP.upper(), APP + "/x", APP + "#x", APP + "?",
        "https://app.example.com:8443/done", "http://app.example.com/done",
        "https://app.example.com@evil.example/", "https:app.example.com", "//app.example.com", "http://localhost:1/",
        "https://127.0.0.1:1/", "http://127.0.0.1.evil.example/", "http://127.1:1/", "javascript:alert(1)",
        "", "http://2130706433/", "http://[::ffff:127.0.0.1]/",
    ],
)  # fmt: skip
def test_nobody_else_gets_a_code(world: World, browser: Browser, target: str) -> None:
    """T075, T090: the address as it is allowed, to the letter; others are told here, with no redirect."""
    world.configure("email", allowedCallbackUrls=[APP])
    for page in (
        browser.open(address(world, redirect_uri=target)),
        browser.open(address(world, redirect_uri=target, code_challenge="x")),
    ):
        assert (page.status, page.alerts, page.forms) == (400, 1, [])
        assert "location" not in page.headers
        assert target.split("/")[0] not in page.links


def test_outside_dev_apps_have_to_be_named(world: World, browser: Browser) -> None:
    """Decision 42: with nothing allowed only terminals may ask."""
    live = world.beside("live", "prod")
    assert browser.open(address(live)).status == 400
    assert browser.open(address(live, redirect_uri=TERMINAL)).status == 200


def test_a_client_is_a_publishable_key(world: World, browser: Browser) -> None:
    """Unknown, revoked, secret, malformed or none at all: a page that says so."""
    made = world.call(keys.CREATE, keys.Create(name="x", type="publishable", scopes=[]), key="sk")
    assert browser.open(address(world, client=made.key)).status == 200
    world.call(keys.REVOKE, keys.KeyId(key_id=made.id), key="sk")
    for client in (made.key, "pk_" + "0" * 64, world.sk, "<script>", None):
        page = browser.open(address(world, client=client))
        assert (page.status, page.forms) == (400, [])
        assert "<script>" not in page.answer.text


@pytest.mark.parametrize(
    "other",
    [
        {"code_challenge": None},
        {"code_challenge": VERIFIER + "x"},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": None},
        {"state": "x" * 2000},
    ],
)
def test_the_app_is_told_what_it_asked_wrongly(
    world: World, browser: Browser, other: dict[str, str | None]
) -> None:
    """T074: S256 alone; an allowed app learns it by error and its own state."""
    result = result_of(browser.open(address(world, **other)))
    assert result == {"error": "invalid_request"} | ({} if "state" in other else {"state": "a state & more"})


def test_a_wrong_password_is_told_and_the_address_kept(world: World, browser: Browser) -> None:
    """P1: known and unknown addresses alike, nothing of the password on the page."""
    world.sign_up()
    told = []
    for email in (ALICE, "nobody@example.com"):
        page = browser.press(browser.open(address(world)), **typed(email, "Wr0ng-password!"))
        assert (page.status, page.alerts) == (401, 1)
        assert page.form.fields["email"] == email
        assert "Wr0ng" not in page.answer.text
        told.append(page.answer.text.replace(email, "").replace(page.form.fields["csrf"], ""))
    assert told[0] == told[1]
    trade(world, browser.press(page, **typed()))


def test_five_wrong_passwords_lock(world: World, browser: Browser) -> None:
    """P2: the same lock as everywhere; the page says for how long."""
    world.sign_up()
    page = browser.open(address(world))
    for _ in range(5):
        page = browser.press(page, **typed(password="Wr0ng-password!"))
    locked = browser.press(page, **typed())
    assert locked.status == 429
    assert "Try again in 15 min." in locked.text
    assert world.refusal(world.sign_in) == "auth/account-locked"


def test_the_second_step_is_asked_for(world: World, browser: Browser) -> None:
    """P6, T046: no code without it; wrong ones are told, and the password is never on a page again."""
    setup = world.enrol(world.sign_up())
    page = browser.press(browser.open(address(world)), **typed())
    assert (page.status, page.alerts) == (200, 0)
    assert page.form.fields.keys() == {"csrf", "ticket", "mfaCode"}
    assert PASSWORD.encode() not in urlsafe_b64decode(page.form.fields["ticket"])
    for wrong in ("000000", "12"):
        page = browser.press(page, mfaCode=wrong)
        assert (page.status, page.alerts) == (401, 1)
    pair = trade(world, browser.press(page, mfaCode=f" {world.code(setup.secret)} "))
    assert amr(pair) == ["pwd", "otp"]
    page = browser.press(browser.open(address(world)), **typed())
    assert amr(trade(world, browser.press(page, mfaCode=setup.backup_codes[0]))) == ["pwd", "backup"]


def test_what_waits_for_the_second_step_is_worth_nothing_elsewhere(world: World, browser: Browser) -> None:
    """T048: not as a token, not in another browser, not with another key, and not after five minutes."""
    setup = world.enrol(world.sign_up())
    page = browser.press(browser.open(address(world)), **typed())
    ticket = page.form.fields["ticket"]
    assert world.refused(accounts.GET_ME, token=ticket).code == "auth/invalid-token"
    assert world.server is not None
    other = Browser(world.server.url)
    form = other.open(address(world))
    stolen = other.press(form, ticket=ticket, mfaCode=world.code(setup.secret))
    assert (stolen.status, "location" in stolen.headers) == (403, False)
    other.close()
    second = world.call(keys.CREATE, keys.Create(name="x", type="publishable", scopes=[]), key="sk").key
    moved = browser.open(address(world, client=second))
    assert browser.press(moved, ticket=ticket, mfaCode=world.code(setup.secret)).status == 403
    world.clock.advance(5 * MINUTE)
    late = browser.press(page, mfaCode=world.code(setup.secret))
    assert (late.status, "try again" in late.text) == (403, True)
    trade(world, browser.press(browser.press(late, **typed()), mfaCode=world.code(setup.secret)))


@pytest.mark.parametrize("csrf", ["", "x", "é", "0" * 64])
def test_a_form_of_elsewhere_does_nothing(world: World, browser: Browser, csrf: str) -> None:
    """CSRF: without the page's own token, or without its cookie; the same form works when sent again."""
    world.sign_up()
    page = browser.open(address(world))
    forged = browser.press(page, **typed(), csrf=csrf)
    assert (forged.status, forged.form.fields["email"]) == (403, ALICE)
    browser.client.cookies.clear()
    stale = browser.press(page, **typed())
    assert stale.status == 403
    trade(world, browser.press(stale, **typed()))


def test_what_is_typed_is_never_taken_for_html(world: World, browser: Browser) -> None:
    """Reflected input: in fields, in the address, in the state."""
    evil = '"><script>alert(1)</script>'
    page = browser.press(browser.open(address(world, state=evil)), email=evil, password=evil)
    assert page.status == 400
    assert "<script" not in page.answer.text
    assert page.form.fields["email"] == evil


def test_a_link_signs_in_where_the_app_waits(world: World, browser: Browser) -> None:
    """The mail leads to our page with all the app asked; its button ends with a code for the app."""
    world.configure("email", allowedCallbackUrls=[APP])
    sent = browser.press(browser.open(address(world)), LINK, email="new@example.com", password="")
    assert (sent.status, "Look into your mailbox" in sent.text) == (200, True)
    path = path_of(link_of(world, "magic_link", "new@example.com"))
    for _ in range(2):
        page = browser.open(path)
        assert "new@example.com" in page.text
    pair = trade(world, browser.press(page))
    assert (world.me(pair).email, amr(pair)) == ("new@example.com", ["magiclink"])
    again = browser.press(page)
    assert (again.status, "does not work any more" in again.text) == (401, True)


def test_a_link_asks_for_the_second_step(world: World, browser: Browser) -> None:
    """T045: the link is not used up meanwhile, until five codes were wrong."""
    user = world.make_user(ALICE, password=PASSWORD, email_verified=True)
    setup = world.enrol(world.sign_in(user.email))
    browser.press(browser.open(address(world, redirect_uri=TERMINAL)), LINK, email=ALICE, password="")
    page = browser.open(path_of(link_of(world, "magic_link")))
    assert token_of(world, "magic_link") in page.answer.text  # to be pasted where the terminal is elsewhere
    step = browser.press(page)
    assert (step.status, step.alerts) == (200, 0)
    step = browser.press(step, mfaCode="wr0ngc0d")
    assert (step.status, step.alerts) == (401, 1)
    pair = trade(world, browser.press(step, mfaCode=world.code(setup.secret)), TERMINAL)
    assert amr(pair) == ["magiclink", "otp"]


def test_a_link_is_of_its_environment(world: World, browser: Browser) -> None:
    """T094: the client of another environment does nothing with it."""
    browser.press(browser.open(address(world)), LINK, email=ALICE, password="")
    path = path_of(link_of(world, "magic_link"))
    beside = world.beside("other")
    elsewhere = browser.open(path.replace(world.pk, beside.pk))
    assert (elsewhere.status, elsewhere.forms) == (401, [])
    page = browser.open(path)
    page.form.fields["client"] = beside.pk
    assert browser.press(page).status == 401
    trade(world, browser.press(browser.open(path)))


def test_a_forgotten_password_is_mailed_for(world: World, browser: Browser) -> None:
    """The same answer whoever it is, and a link to our own page."""
    world.sign_up()
    texts = set()
    for email in (ALICE, "nobody@example.com"):
        page = browser.press(browser.open(address(world)), FORGOT, email=email, password="")
        assert page.status == 200
        texts.add(page.text.replace(email, ""))
    assert len(texts) == 1
    assert browser.open(path_of(link_of(world, "password_reset"))).status == 200


def test_an_unproven_address_may_ask_again(world: World, browser: Browser) -> None:
    """Where it is needed: the confirmation is mailed once more, by a button that only then is there."""
    world.sign_up()
    world.configure("email", requireEmailVerification=True)
    page = browser.press(browser.open(address(world)), **typed())
    assert (page.status, ("action", "resend") in page.form.buttons) == (403, True)
    browser.press(page, ("action", "resend"), **typed())
    assert len(world.mails("signup_confirmation", to=ALICE)) == 2


def test_who_is_banned_stays_out(world: World, browser: Browser) -> None:
    """Told after the right password alone."""
    user = world.make_user(ALICE, password=PASSWORD)
    world.call(users.BAN, users.Ban(user_id=user.id), key="sk")
    page = browser.open(address(world))
    assert "banned" not in browser.press(page, **typed(password="Wr0ng-password!")).text
    assert "banned" in browser.press(page, **typed()).text


@pytest.mark.parametrize(
    ("settings", "buttons"),
    [
        ({}, {"password", "forgot", "link"}),
        ({"magicLinkEnabled": False}, {"password", "forgot"}),
        ({"enabled": False}, set()),
    ],
)
def test_only_what_is_offered_is_shown(
    world: World, browser: Browser, settings: dict[str, Any], buttons: set[str]
) -> None:
    """And pressing what is not is refused by the core."""
    world.sign_up()
    before = browser.open(address(world))
    world.configure("email", **{"enabled": True} | settings)
    page = browser.open(address(world))
    assert {value for _, value in page.form.buttons} == buttons
    if "link" not in buttons:
        assert browser.press(before, LINK, **typed()).status == 400


def test_cancel_tells_the_app(world: World, browser: Browser) -> None:
    """An ordinary link, that only a person follows: no redirect by itself (RFC 9700, section 4.11)."""
    page = browser.open(address(world))
    (cancel,) = [link for link in page.links if link.startswith("https://")]
    assert cancel == f"{APP}?error=access_denied&state=a+state+%26+more"


def test_an_address_too_long_for_a_mail_offers_no_link(world: World, browser: Browser) -> None:
    """Its own parts leave no room in a callback URL; the password still does."""
    long = APP + "?x=" + "y" * 1900
    world.sign_up()
    page = browser.open(address(world, redirect_uri=long))
    assert {value for _, value in page.form.buttons} == {"password", "forgot"}
    trade(world, browser.press(page, **typed()), long)


def test_the_page_and_its_link_have_one_place(world: World) -> None:
    """Where commands and mails lead is where the routes are."""
    assert (hosted.PAGE, magic_links.PAGE) == ("/sign-in", "/magic-link")
