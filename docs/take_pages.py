"""Write docs/pages: the pages of a real server in Chromium, with fake providers. Run by hand.

    python docs/take_pages.py [FOLDER]

With a FOLDER all of them, at the width of a phone and of a desktop, light and dark; else those of docs/pages.
No test holds them to be fresh, for each version of a browser draws the same page a little differently.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

FOLDER = Path(__file__).with_name("pages")
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
ALICE, BOB = "alice@example.com", "bob@example.com"
PASSWORD = "Corr3ct-horse!"  # noqa: S105 - of a server that lives for a moment
INVITE = ("invitations", "create", "carol@example.com", "--role", "member", "--as", "key")
WIDTHS = {"phone": (390, 780), "desktop": (1000, 720)}
SCHEMES = ("light", "dark")
CHOSEN = ("sign-in.phone.dark", "second-step.phone.light", "consent.phone.light")
COLOURS = 64
"""Flat pages need no more, and a picture is then a few kilobytes."""


class Site:
    """A server with fake providers over a core of its own, and a command line on the same core."""

    def __init__(self, home: str) -> None:
        self._environment = {name: value for name, value in os.environ.items() if "BKENDCTL" not in name}
        self._environment |= {"BKENDCTL_HOME": home, "BKENDCTL_STORE": "file", "BKENDCTL_PASSWORD": PASSWORD}
        self.key = self.run("init", "--name", "Acme", "-o", "json", "--jq", ".publishableKey").strip('"\n')
        command = ("serve", "--port", "0", "--fake-providers", "--no-access-log")
        self.server = subprocess.Popen(  # noqa: S603 - ours
            [sys.executable, "-m", "bkendctl", *command],
            env=self._environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.server.stderr is not None
        self.url = next(word for word in self.server.stderr.readline().split() if "://" in word).rstrip(";")
        self._environment |= {"BKENDCTL_PUBLIC_URL": self.url, "BKENDCTL_FAKE_PROVIDERS": self.url}
        for email in (BOB, ALICE):
            self.run("signup", email, "--name", email.partition("@")[0].title())
        self.run("mfa", "enroll", "--keep-secret", "--no-input")
        self.run("mfa", "confirm", self.run("mfa", "code").strip())

    def run(self, *arguments: str) -> str:
        """Give a command and take what it prints."""
        done = subprocess.run(  # noqa: S603 - ours
            [sys.executable, "-m", "bkendctl", *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.exit(f"{arguments}: {done.stderr}")
        return done.stdout

    def mailed(self, category: str, *arguments: str, part: str = "link") -> str:
        """The link of the mail that a command causes."""
        if arguments:
            self.run(*arguments)
        wanted = ("--category", category, "--since", "1h", "--timeout", "5s", "--print", part)
        return self.run("mail", "wait", *wanted).strip()

    def sign_in(self, page: Page, email: str = "", password: str = PASSWORD) -> None:
        """Open the hosted page, and send its form where an address is given."""
        query = {
            "client": self.key,
            "redirect_uri": "http://127.0.0.1:9000/",
            "code_challenge": "0" * 43,
            "code_challenge_method": "S256",
            "state": "s",
        }
        page.goto(f"{self.url}/sign-in?{urlencode(query)}")
        if email:
            page.get_by_label("E-mail address").fill(email)
            page.get_by_label("Password").fill(password)
            page.get_by_role("button", name="Sign in", exact=True).click()

    def close(self) -> None:
        """End the server."""
        self.server.terminate()
        self.server.wait()


def consent(site: Site, page: Page) -> None:
    """The fake Google asks who one is."""
    site.sign_in(page)
    page.get_by_role("link", name="Continue with Google").click()


def wrong_code(site: Site, page: Page) -> None:
    """A second factor that is refused."""
    site.sign_in(page, ALICE)
    page.locator("#code").fill("000000")
    page.keyboard.press("Enter")


def mailed_link(site: Site, page: Page) -> None:
    """A link was mailed from the page."""
    site.sign_in(page)
    page.get_by_label("E-mail address").fill(BOB)
    page.get_by_role("button", name="Mail me a link instead").click()


def weak_password(site: Site, page: Page) -> None:
    """A new password that is refused."""
    reset(site, page)
    for field in page.locator("input[type=password]").all():
        field.fill("short")
    page.keyboard.press("Enter")
    page.get_by_role("alert").wait_for()


def reset(site: Site, page: Page) -> None:
    """The page behind a mail of a forgotten password."""
    page.goto(site.mailed("password_reset", "password", "reset-request", BOB))


def changed(site: Site, page: Page) -> None:
    """The password was changed."""
    reset(site, page)
    for field in page.locator("input[type=password]").all():
        field.fill(PASSWORD)
    page.keyboard.press("Enter")


def magic_link(site: Site, page: Page) -> None:
    """The page behind a link that was asked for at a terminal elsewhere."""
    back = ("--callback-url", f"{site.url}/magic-link")
    page.goto(site.mailed("magic_link", "login", BOB, "--magic-link", "--no-input", *back))


def mail(site: Site, page: Page) -> None:
    """A mail as a client of mail shows it."""
    newest = site.run("mail", "list", "--category", "signup_confirmation", "-q").split()[0]
    html = site.run("mail", "show", newest, "-o", "json", "--jq", ".html")
    page.set_content(json.loads(html) if html.startswith(chr(34)) else html)


PAGES: dict[str, Callable[[Site, Page], object]] = {
    "sign-in": Site.sign_in,
    "sign-in-wrong": lambda site, page: site.sign_in(page, BOB, "Wr0ng-password!"),
    "second-step": lambda site, page: site.sign_in(page, ALICE),
    "second-step-wrong": wrong_code,
    "mailed-link": mailed_link,
    "consent": consent,
    "unknown-client": lambda site, page: page.goto(f"{site.url}/sign-in?client=pk_x"),
    "confirm": lambda site, page: page.goto(site.mailed("signup_confirmation")),
    "reset": reset,
    "reset-weak": weak_password,
    "reset-done": changed,
    "magic-link": magic_link,
    "invitation": lambda site, page: page.goto(site.mailed("invitation", *INVITE)),
    "expired-link": lambda site, page: page.goto(f"{site.url}/password/reset?token=x"),
    "mail": mail,
}


def take(site: Site, browser: Browser, folder: Path, wanted: Callable[[str], bool]) -> None:
    """Open each page once, and take it in every size and scheme that is wanted."""
    for name, show in PAGES.items():
        names = {f"{name}.{width}.{scheme}": (width, scheme) for width in WIDTHS for scheme in SCHEMES}
        if not any(map(wanted, names)):
            continue
        page = browser.new_page()
        page.set_default_timeout(8_000)
        show(site, page)
        for picture, (width, scheme) in names.items():
            if wanted(picture):
                page.set_viewport_size(dict(zip(("width", "height"), WIDTHS[width], strict=True)))
                page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                drawn = Image.open(io.BytesIO(page.screenshot(full_page=True)))
                drawn.convert("RGB").quantize(COLOURS).save(folder / f"{picture}.png", optimize=True)
        page.close()


def main(folder: str | None) -> None:
    """Take them."""
    target = FOLDER if folder is None else Path(folder)
    target.mkdir(exist_ok=True, parents=True)
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        site = Site(home)
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        try:
            take(site, browser, target, lambda name: folder is not None or name in CHOSEN)
        finally:
            browser.close()
            site.close()


if __name__ == "__main__":
    main(*sys.argv[1:2] or [None])
