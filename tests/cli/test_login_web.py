"""login --web: a browser signs in on the server's page and comes back to the terminal."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pexpect
import pytest
from shell import ALICE, PASSWORD, ROOT, Shell

from bkendctl.cli import web
from bkendctl.client.embedded import core_at
from bkendctl.fake_provider.settings import SECRET, settings
from bkendctl.local.paths import paths
from tests.http_server import HttpServer
from tests.provider_server import ProviderServer
from tests.server.browsing import Browser

SCRIPT = Path(__file__).with_name("person_at_browser.py")


@pytest.fixture
def far(alice: Shell, http_server: HttpServer) -> Iterator[Shell]:
    """A profile that leads to a server over Alice's core; nobody is signed in there."""
    core = core_at(f"sqlite:///{alice.database}", paths())
    http_server.use(core)
    key = alice.credentials["publishable_key"]
    alice.ok("profiles", "add", "far", "--url", http_server.url, "--api-key-stdin", stdin=key)
    yield alice
    core.database.close()


def at_browser(shell: Shell, answers: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command where BROWSER is a person who gives these answers."""
    browser = f"{sys.executable} {SCRIPT} %s"
    variables = (f"BROWSER={browser}", f"ANSWERS={answers}", f"PYTHONPATH={ROOT}", "PYTHONWARNINGS=ignore")
    return shell.process(*arguments, wrapper=("env", *variables))


def test_a_browser_signs_in_at_a_server(far: Shell) -> None:
    """The tokens are stored, stdout holds the result alone, and the last page has no secret."""
    done = at_browser(far, f"{ALICE} {PASSWORD}", "login", "--web", "-o", "json")
    assert done.returncode == 0, done
    assert f'"email": "{ALICE}"' in done.stdout
    assert "/done" in done.stderr
    assert "code=" not in done.stderr
    assert far.json("whoami")["email"] == ALICE


def test_a_browser_signs_in_at_the_own_core(alice: Shell) -> None:
    """An embedded profile serves the page for as long as the browser needs it."""
    alice.ok("logout")
    done = at_browser(alice, f"{ALICE} {PASSWORD}", "login", "--web")
    assert done.returncode == 0, done
    assert alice.json("whoami")["email"] == ALICE


def set_up(shell: Shell, provider: str, base: str, own: str) -> None:
    """Set a fake provider up, which sends browsers to our own callback."""
    wanted = settings(provider, base)
    options = [f"--{name.replace('_', '-')}={value}" for name, value in wanted.items() if name != "scopes"]
    callback = f"{own}/v1/auth/{provider}/callback"
    arguments = ("providers", "oauth", "set", provider, "--redirect-uri", callback, "--profile", "default")
    shell.ok(*arguments, *options, "--client-secret-stdin", stdin=SECRET)


def test_a_provider_signs_in_at_a_server(
    far: Shell, http_server: HttpServer, provider_server: ProviderServer
) -> None:
    """--google and --github go through the server's own callback; a provider that is not set up is named."""
    provider_server.now = time.time
    far.refused(10, "auth/oauth-not-configured", "login", "--github")
    set_up(far, "github", provider_server.url, http_server.url)
    done = at_browser(far, "gina@example.com", "login", "--github")
    assert done.returncode == 0, done
    assert far.json("whoami")["email"] == "gina@example.com"
    assert [each["provider"] for each in far.json("account", "accounts")["items"]] == ["github"]


def test_a_provider_signs_in_at_the_own_core(alice: Shell, provider_server: ProviderServer) -> None:
    """The page is served where the provider sends browsers back to; elsewhere than here is said."""
    provider_server.now = time.time
    set_up(alice, "google", provider_server.url, "https://auth.example.com")
    alice.refused(2, "cli/usage", "login", "--google")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        own = f"http://127.0.0.1:{free.getsockname()[1]}"
    set_up(alice, "google", provider_server.url, own)
    done = at_browser(alice, "gina@example.com", "login", "--google")
    assert done.returncode == 0, done
    assert alice.json("whoami")["email"] == "gina@example.com"


def test_a_provider_is_linked_in_a_browser(
    far: Shell, http_server: HttpServer, provider_server: ProviderServer
) -> None:
    """account link: sign in once more and choose the account; that somebody else signed in there is told."""
    provider_server.now = time.time
    set_up(far, "google", provider_server.url, http_server.url)
    assert far.login().status == 0
    far.ok("users", "create", "bob@example.com", "--password-stdin", "--profile", "default", stdin=PASSWORD)
    other = at_browser(far, f"bob@example.com {PASSWORD}", "account", "link", "google")
    assert (other.returncode, "Somebody else signed in" in other.stderr) == (3, True), other
    done = at_browser(far, f"{ALICE} {PASSWORD}", "account", "link", "google")
    assert done.returncode == 0, done
    assert [each["provider"] for each in far.json("account", "accounts")["items"]] == ["email", "google"]
    again = at_browser(far, f"{ALICE} {PASSWORD}", "account", "link", "google")
    assert (again.returncode, "auth/account-already-linked" in again.stderr) == (6, True)


def test_a_sign_in_may_be_cancelled(far: Shell) -> None:
    """Exit 3, and what was typed in the browser is said."""
    done = at_browser(far, "cancel", "login", "--web")
    assert (done.returncode, done.stdout) == (3, "")
    assert "was cancelled in the browser. [cli/browser-refused]" in done.stderr


def test_without_a_browser_the_address_is_shown_and_its_end_pasted(far: Shell) -> None:
    """A code to scan and the address; a wrong line is said to be none; the right one signs in."""
    terminal = far.terminal("login", "--web")
    terminal.child.expect("paste the address that its browser ends at")
    assert "▀" in terminal.seen
    (url,) = re.findall(r"http://\S+/sign-in\?\S+", terminal.seen)
    parts = urlsplit(url)
    browser = Browser(f"{parts.scheme}://{parts.netloc}")
    page = browser.press(browser.open(f"{parts.path}?{parts.query}"), email=ALICE, password=PASSWORD)
    browser.close()
    location = page.headers["location"]
    terminal.child.sendline(location.replace("state=", "state=x"))
    terminal.child.expect("not the address")
    terminal.child.sendline(location)
    terminal.child.expect(ALICE)
    terminal.child.expect(pexpect.EOF)
    terminal.child.wait()
    assert terminal.child.exitstatus == 0


def test_a_mailed_link_that_is_followed_here_signs_in(far: Shell) -> None:
    """login --magic-link waits: the page behind the link sends the browser back to the terminal."""
    terminal = far.terminal("login", "--magic-link", ALICE)
    terminal.child.expect("follow it on this machine, or paste it here")
    wanted = (
        "mail",
        "wait",
        "--profile",
        "default",
        "--category",
        "magic_link",
        "--since",
        "1m",
        "--print",
        "link",
    )
    link = urlsplit(far.ok(*wanted).out.strip())
    browser = Browser(f"{link.scheme}://{link.netloc}")
    ended = browser.press(browser.open(f"{link.path}?{link.query}")).headers["location"]
    assert "close this window" in browser.client.get(ended, follow_redirects=True).text
    browser.close()
    terminal.child.expect(pexpect.EOF)
    terminal.child.wait()
    assert terminal.child.exitstatus == 0
    assert far.json("whoami")["email"] == ALICE


def test_ctrl_c_ends_the_wait(far: Shell) -> None:
    """Exit 130, one line, and nobody listens any more."""
    terminal = far.terminal("login", "--web")
    terminal.child.expect("paste the address")
    (redirect,) = parse_qs(urlsplit(re.findall(r"http://\S+/sign-in\?\S+", terminal.seen)[0]).query)[
        "redirect_uri"
    ]
    assert httpx.get(redirect).status_code == 400
    terminal.child.sendintr()
    terminal.child.expect("cli/interrupted")
    terminal.child.wait()
    assert terminal.child.exitstatus == 130
    with pytest.raises(httpx.ConnectError):
        httpx.get(redirect)


def test_nobody_waits_for_ever(far: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """After five minutes exit 8; without a browser and without words it does not begin to wait."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    assert far("login", "--web", "-o", "json").error["code"] == "cli/usage"
    monkeypatch.setattr(web, "PATIENCE_SECONDS", 0.5)
    assert far("login", "--web").code == "cli/browser-silent"
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(webbrowser, "open", lambda _url: True)
    far.refused(8, "cli/browser-silent", "login", "--web")


def test_a_server_without_the_page_says_so(far: Shell, http_server: HttpServer) -> None:
    """bkend's own servers have none; and a key that the page does not take is named."""
    key = far.credentials["publishable_key"]
    for status, code, url, given in (
        (1, "cli/not-offered", f"{http_server.url}/docs", key),
        (1, "cli/not-offered", http_server.url, "pk_" + "0" * 64),
        (8, "cli/network", "http://127.0.0.1:9", key),
        (2, "cli/usage", http_server.url, "sk_" + "0" * 64),
    ):
        far.set(URL=url, API_KEY=given)
        far.refused(status, code, "login", "--web")


def test_what_is_asked_in_the_browser_is_no_argument(far: Shell) -> None:
    """Usage errors."""
    for arguments in (
        [ALICE],
        ["--google"],
        ["--magic-link"],
        ["--mfa-code", "123456"],
        ["--password-stdin"],
    ):
        far.refused(2, "cli/usage", "login", "--web", *arguments)
