"""Signing in with an OpenID provider that others wrote (oidc-provider-mock), on its own clock."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from bkendctl.contract import oauth
from bkendctl.core.hosted import challenge_of
from tests.conftest import World
from tests.operations.providing import APP, VERIFIER, Providing
from tests.provider_server import ProviderServer

CLAIMS = '{"sub": "alice", "email": "alice@example.com", "email_verified": true, "name": "Alice"}'
UNPROVEN = '{"sub": "bob", "email": "bob@example.com", "email_verified": "true", "name": "Bob"}'
UNSAID = '{"sub": "carol", "email": "carol@example.com", "name": "Carol"}'
STARTED_SECONDS = 30


@pytest.fixture(scope="session")
def foreign() -> Iterator[str]:
    """The provider in a process of its own, as its authors start it; its issuer."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    command += ["--require-nonce", "true"]
    command += [word for claims in (CLAIMS, UNPROVEN, UNSAID) for word in ("--user-claims", claims)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            end = time.monotonic() + STARTED_SECONDS
            while not is_up(url, process):
                assert time.monotonic() < end
            yield url
        finally:
            process.terminate()


def is_up(url: str, process: subprocess.Popen[bytes]) -> bool:
    """Whether it answers; where not yet, after a moment. It must not have ended."""
    try:
        return httpx.get(f"{url}/.well-known/openid-configuration", timeout=1, trust_env=False).is_success
    except httpx.TransportError:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.05)
        return False


@pytest.fixture
def abroad(world: World, provider_server: ProviderServer, foreign: str) -> Providing:
    """The world with that provider in Google's place, at the present time."""
    world.clock.instant = time.time_ns() // 1_000_000
    found = Providing(world, provider_server)
    addresses = dict.fromkeys(("authorization_url", "token_url", "user_info_url", "jwks_url"))
    found.configure("google", client_id="us", client_secret="any", issuer=foreign, **addresses)
    return found


def consented(url: str, subject: str) -> dict[str, str]:
    """What its redirect brings once somebody consented on its page."""
    answer = httpx.post(url, data={"sub": subject}, trust_env=False)
    assert answer.status_code == 302, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def test_a_foreign_provider_signs_in_by_discovery_code_and_id_token(abroad: Providing) -> None:
    """Discovery, nonce, PKCE, key set and claims are understood as others write them."""
    world = abroad.world
    ids = set()
    for redirect_uri in (abroad.own("google"), APP):
        offered = abroad.offer("google", redirect_uri)
        back = consented(offered.authorization_url, "alice")
        request = oauth.Complete(provider="google", redirect_uri=redirect_uri, **back)  # type: ignore[arg-type]
        pair = world.call(oauth.COMPLETE, request)
        ids.add(world.me(pair).id)
        assert world.me(pair).name == "Alice"
        request.state = "mine"
        assert world.refused(oauth.COMPLETE, request).code == "auth/invalid-oauth-code"
    assert len(ids) == 1


def test_a_foreign_providers_word_is_weighed_the_same_way(abroad: Providing) -> None:
    """An address that is verified in quotes or of which nothing is said is not (T078), and a verifier that is
    wrong signs nobody in.
    """
    world = abroad.world
    offered = abroad.offer("google", code_challenge=challenge_of(VERIFIER))
    back = consented(offered.authorization_url, "bob")
    request = oauth.Complete(provider="google", redirect_uri=APP, **back)  # type: ignore[arg-type]
    request.code_verifier = VERIFIER[::-1]
    assert world.refused(oauth.COMPLETE, request).code == "auth/invalid-token"
    request.code_verifier = VERIFIER
    assert world.refused(oauth.COMPLETE, request).code == "auth/email-not-verified"
    back = consented(abroad.offer("google").authorization_url, "carol")
    request = oauth.Complete(provider="google", redirect_uri=APP, **back)  # type: ignore[arg-type]
    assert world.refused(oauth.COMPLETE, request).code == "auth/email-not-verified"
