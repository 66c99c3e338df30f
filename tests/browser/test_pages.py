"""The pages in Chromium: keyboard, no JavaScript, no others, readable in every size and both schemes."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, expect

from bkendctl.contract import accounts, hosted, password_resets
from tests.browser.conftest import SECONDS, Open
from tests.browser.listening import Listener
from tests.conftest import PASSWORD, World
from tests.operations.mailed import ALICE, by_link, link_of
from tests.operations.providing import Providing
from tests.operations.test_mfa import amr
from tests.provider_server import ProviderServer
from tests.server.test_hosted_page import VERIFIER, address
from tests.server.test_pages_of_links import invitation_link, path_of, sign_up_link

READING = Path(__file__).with_name("reading.js").read_text()
PHONE = {"width": 360, "height": 640}
DESKTOP = {"width": 1280, "height": 800}


def keys(page: Page, *pressed: str) -> None:
    """Type: names of keys, or text after a colon."""
    for key in pressed:
        if key.startswith(":"):
            page.keyboard.type(key[1:])
        else:
            page.keyboard.press(key)


def focused(page: Page) -> str:
    """What has the focus: an id, or a button's text."""
    found: str = page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()")
    return found


def traded(world: World, app: Listener) -> list[str]:
    """Trade the code that came back to the app; how its session was signed in."""
    query = parse_qs(urlsplit(app.paths.get(timeout=SECONDS)).query)
    assert query["state"] == ["a state & more"]
    (code,) = query["code"]
    wanted = hosted.Exchange(code=code, code_verifier=VERIFIER, redirect_uri=app.url)
    pair = world.call(hosted.EXCHANGE, wanted)
    assert app.paths.empty()
    return amr(pair)


def test_signing_in_by_keyboard_and_without_javascript(world: World, open_page: Open, app: Listener) -> None:
    """Focus begins at the first field, Enter signs in, and the second step has the focus on its code."""
    setup = world.enrol(world.sign_up())
    page = open_page(address(world, redirect_uri=app.url))
    assert focused(page) == "email"
    keys(page, f":{ALICE}", "Tab", ":Wr0ng-password!", "Enter")
    expect(page.get_by_role("alert")).to_have_text("Wrong e-mail address or password.")
    assert focused(page) == "password"
    keys(page, f":{PASSWORD}")
    order = []
    for _ in range(4):
        keys(page, "Tab")
        order.append(focused(page))
    assert order == ["Sign in", "Forgot your password?", "Mail me a link instead", "Cancel"]
    page.get_by_label("Password").press("Enter")
    expect(page.get_by_role("heading")).to_have_text("Second step")
    assert focused(page) == "code"
    keys(page, f":{world.code(setup.secret)}", "Enter")
    expect(page.get_by_role("heading")).to_have_text("back")
    assert traded(world, app) == ["pwd", "otp"]


def test_a_mailed_link_brings_the_terminal_its_sign_in(world: World, open_page: Open, app: Listener) -> None:
    """Asked for on the page, opened in another window, one button, and the browser is back at the app."""
    page = open_page(address(world, redirect_uri=app.url))
    page.get_by_label("E-mail address").fill(ALICE)
    page.get_by_role("button", name="Mail me a link instead").click()
    expect(page.get_by_role("status")).to_contain_text("Open it in this browser")
    mail = open_page(path_of(link_of(world, "magic_link")))
    mail.get_by_role("button", name="Sign in").click()
    expect(mail.get_by_role("heading")).to_have_text("back")
    assert traded(world, app) == ["magiclink"]


def test_google_signs_in(
    world: World, open_page: Open, app: Listener, provider_server: ProviderServer
) -> None:
    """From the page to the provider's consent and back to the app, in one browser, without JavaScript."""
    provider_server.reset()
    providing = Providing(world, provider_server)
    providing.configure("google")
    page = open_page(address(world, redirect_uri=app.url), also=provider_server.url)
    page.get_by_role("link", name="Continue with Google").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Fake Google")
    page.get_by_role("button", name=ALICE).click()
    expect(page.get_by_role("heading")).to_have_text("back")
    assert traded(world, app) == ["oauth"]


def test_google_is_linked(
    world: World, open_page: Open, app: Listener, provider_server: ProviderServer
) -> None:
    """Signed in once more by password, the account chosen; then there are two ways to sign in."""
    provider_server.reset()
    providing = Providing(world, provider_server)
    providing.configure("google")
    pair = world.sign_up()
    page = open_page(f"{address(world, redirect_uri=app.url)}&link=google", also=provider_server.url)
    page.get_by_label("E-mail address").fill(ALICE)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("link", name="Google").click()
    page.get_by_role("button", name=ALICE).click()
    expect(page.get_by_role("heading")).to_have_text("back")
    assert "linked=google" in app.paths.get(timeout=SECONDS)
    assert [each.provider for each in providing.accounts(pair)] == ["email", "google"]


def test_a_new_password(world: World, open_page: Open) -> None:
    """What is wrong is told where the focus is; a browser's own password manager knows whose it is."""
    world.sign_up()
    world.call(password_resets.REQUEST, password_resets.Request(email=ALICE))
    page = open_page(path_of(link_of(world, "password_reset")))
    assert focused(page) == "password"
    for text in ("short", "N3w-password!"):
        keys(page, f":{text}", "Tab", f":{text}", "Enter")
        if text == "short":
            expect(page.get_by_role("alert")).to_be_visible()
            assert focused(page) == "password"
            expect(page.get_by_label("New password", exact=True)).to_have_accessible_description(
                "The password is not as it has to be. The password needs at least 8 characters (missing) "
                "an upper-case letter (missing) a lower-case letter a digit (missing) "
                "a special character (missing)"
            )
    expect(page.get_by_role("heading")).to_have_text("Your password was changed")
    assert "token" not in page.url
    world.sign_in(password="N3w-password!")


def test_every_page_is_readable(world: World, open_page: Open, app: Listener) -> None:
    """On a phone and a desktop, light and dark: contrast, labels, sizes to touch, nothing scrolls aside."""
    page = open_page("/password/reset?token=x", java_script_enabled=True)
    start = page.url.partition("/password")[0]
    confirmation = sign_up_link(world)
    for category, operation, request in (
        ("password_reset", password_resets.REQUEST, password_resets.Request(email=ALICE)),
        ("magic_link", accounts.SIGN_IN, by_link(callback_url=f"{start}/magic-link")),
        (
            "magic_link",
            accounts.SIGN_IN,
            by_link(callback_url=f"{start}/magic-link?{hosted_query(world, app)}"),
        ),
    ):
        world.clock.advance(1)
        world.call(operation, request)
        assert_readable(page, start + path_of(link_of(world, category)))
    for path in (
        confirmation,
        invitation_link(world),
        address(world, redirect_uri=app.url),
        address(world, client="pk_x"),
        "/password/reset?token=x",
    ):
        assert_readable(page, start + path)


def hosted_query(world: World, app: Listener) -> str:
    """What the terminal's link carries."""
    return urlsplit(address(world, redirect_uri=app.url)).query


def assert_readable(page: Page, url: str) -> None:
    """Look at a page as everybody might; its one form is sent empty or wrong, and its errors read too."""
    page.goto(url)
    for _ in range(2):
        for scheme in ("light", "dark"):
            for size in (PHONE, DESKTOP):
                page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                page.set_viewport_size(size)
                assert page.evaluate(READING) == [], (url, scheme, size)
        if not page.locator("input[type=password]").count():
            break
        page.locator("form").evaluate("form => { form.noValidate = true; form.requestSubmit() }")
        expect(page.get_by_role("alert")).to_be_visible()


def test_no_foreign_page_can_use_it(world: World, open_page: Open, app: Listener) -> None:
    """Clickjacking and CSRF: it shows in no frame, and a form sent from another site signs nobody in."""
    world.sign_up()
    path = address(world, redirect_uri=app.url)
    foreign = {
        "http://evil.example/frame": '<iframe src="{}"></iframe>',
        "http://evil.example/form": f'<form method="post" action="{{}}"><input name="email" value="{ALICE}">'
        f'<input name="password" value="{PASSWORD}"><button>go</button></form>',
    }
    page = open_page(path, foreign=foreign)
    target = page.url
    expect(page.get_by_label("Password")).to_be_visible()
    page.goto("http://evil.example/frame")
    assert "password" not in page.frames[1].content()
    page.goto("http://evil.example/form")
    page.get_by_role("button").click()
    expect(page.get_by_role("alert")).to_contain_text("too old")
    assert (page.url, app.paths.empty()) == (target, True)
