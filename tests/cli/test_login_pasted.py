"""login --google at a server without a sign-in page, as bkend's own: the provider's code is pasted."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from shell import ALICE, Shell
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from bkendctl.client.embedded import core_at
from bkendctl.fake_provider.settings import SECRET, settings
from bkendctl.local.paths import paths
from tests.http_server import HttpServer
from tests.provider_server import ProviderServer

APP = "http://127.0.0.1:9000/callback"
"""Where the provider sends browsers: an app's page, that nobody listens at."""
GINA = "gina@example.com"


class Bare:
    """A server that lacks some paths of ours."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.lacks = ("/sign-in",)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as bkend does, where there is nothing."""
        if scope["path"].startswith(self.lacks):
            body = {"success": False, "error": {"code": "common/not-found", "message": "Not found"}}
            await JSONResponse(body, 404)(scope, receive, send)
            return
        await self._app(scope, receive, send)


@pytest.fixture
def bare(alice: Shell, http_server: HttpServer, provider_server: ProviderServer) -> Iterator[Bare]:
    """Alice's core behind such a server, with both providers set up for an app; nobody is signed in."""
    provider_server.now = time.time
    for provider in ("google", "github"):
        wanted = settings(provider, provider_server.url)
        told = [f"--{name.replace('_', '-')}={value}" for name, value in wanted.items() if name != "scopes"]
        alice.ok(
            "providers", "oauth", "set", provider, "--redirect-uri", APP, *told, "--client-secret-stdin",
            stdin=SECRET,
        )  # fmt: skip
    core = core_at(f"sqlite:///{alice.database}", paths())
    http_server.use(core)
    assert http_server.app is not None
    server = Bare(http_server.app)
    http_server.app = server
    key = alice.credentials["publishable_key"]
    alice.ok("profiles", "add", "far", "--url", http_server.url, "--api-key-stdin", stdin=key)
    yield server
    core.database.close()


def consent(address: str, email: str = GINA, outcome: str = "granted") -> str:
    """Where a browser ends that somebody consented in."""
    answer = httpx.post(address, data={"email": email, "outcome": outcome}, trust_env=False)
    return str(answer.headers["location"])


def address_in(seen: str) -> str:
    """The address that was shown."""
    return re.findall(r"http://\S+authorize\S*", seen)[-1]


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("provider", ["google", "github"])
def test_an_address_is_shown_and_its_end_pasted(alice: Shell, provider: str) -> None:
    """The address of another sign-in is refused, the right one signs in."""
    terminal = alice.terminal("login", f"--{provider}")
    terminal.child.expect("Address that the browser ends at, or its code")
    ended = consent(address_in(terminal.seen))
    assert ended.startswith(APP)
    terminal.child.sendline(ended.replace("state=", "state=x"))
    terminal.child.expect("not the address that the sign-in ends at")
    terminal.child.sendline(ended)
    assert terminal.end() == 0
    assert alice.json("whoami")["email"] == GINA
    assert [each["provider"] for each in alice.json("account", "accounts")["items"]] == [provider]


@pytest.mark.usefixtures("bare")
def test_a_bare_code_signs_in_and_a_refusal_is_told(alice: Shell) -> None:
    """As copied out of the address; that somebody cancelled at the provider ends with exit 3."""
    terminal = alice.terminal("login", "--google")
    terminal.child.expect("or its code")
    address = address_in(terminal.seen)
    terminal.child.sendline(consent(address, outcome="denied"))
    terminal.child.expect("cli/browser-refused")
    assert terminal.end() == 3
    terminal = alice.terminal("login", "--google")
    terminal.child.expect("or its code")
    (code,) = parse_qs(urlsplit(consent(address_in(terminal.seen))).query)["code"]
    terminal.child.sendline(code)
    assert terminal.end() == 0
    assert alice.json("whoami")["email"] == GINA


@pytest.mark.usefixtures("bare")
def test_an_account_is_linked_so(alice: Shell) -> None:
    """account link, to who is signed in."""
    assert alice.login().status == 0
    terminal = alice.terminal("account", "link", "github")
    terminal.child.expect("or its code")
    terminal.child.sendline(consent(address_in(terminal.seen), ALICE))
    assert terminal.end() == 0
    assert [each["provider"] for each in alice.json("account", "accounts")["items"]] == ["email", "github"]


def test_a_server_that_does_not_say_its_client_is_told_it(alice: Shell, bare: Bare) -> None:
    """Exit 1 and what to type; so named, the public address of the provider is shown."""
    bare.lacks = ("/sign-in", "/v1/auth/providers")
    terminal = alice.terminal("login", "--google")
    terminal.child.expect("neither a sign-in page nor a list of its providers")
    terminal.child.expect("--client-id ID --redirect-uri URL")
    assert terminal.end() == 1
    terminal = alice.terminal("login", "--google", "--client-id", "abc", "--redirect-uri", APP)
    terminal.child.expect("or its code")
    (shown,) = re.findall(r"https://accounts\.google\.com/\S+", terminal.seen)
    query = parse_qs(urlsplit(shown).query)
    assert (query["client_id"], query["redirect_uri"], query["response_type"]) == (["abc"], [APP], ["code"])
    terminal.child.sendline(f"{APP}?code=wrong&state={query['state'][0]}")
    terminal.child.expect("auth/invalid-oauth-code")
    assert terminal.end() == 3


@pytest.mark.usefixtures("bare")
def test_without_a_terminal_nothing_is_begun(alice: Shell) -> None:
    """Exit 2: a code has to be pasted; half a client and one without a provider are refused too."""
    told = alice.refused(2, "cli/usage", "login", "--google")
    assert "paste" in told["message"]
    for arguments in (
        ["--google", "--client-id", "abc"],
        ["--web", "--client-id", "abc", "--redirect-uri", APP],
        [ALICE, "--redirect-uri", APP],
    ):
        alice.refused(2, "cli/usage", "login", *arguments)
