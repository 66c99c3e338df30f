"""What an attacker tries with states, verifiers, redirect URIs and providers (T072 to T088)."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace
from sqlalchemy import func, select
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from bkendctl.contract import linked_accounts, oauth, users
from bkendctl.core import schema
from bkendctl.core.clock import MINUTE
from bkendctl.core.hosted import challenge_of
from tests.conftest import World, at_once
from tests.operations.providing import APP, VERIFIER, Providing
from tests.provider_server import ProviderServer

EMAIL = "alice@example.com"


def nobody_came(world: World) -> bool:
    """Whether the environment still has no user."""
    return bool(world.call(users.LIST, key="sk").pagination.total == 0)


def met(providing: Providing, request: oauth.Complete) -> str:
    """The refusal of a sign-in."""
    return providing.world.refused(oauth.COMPLETE, request).code


def test_a_state_is_good_for_what_it_was_minted_for(providing: Providing) -> None:
    """Another provider's, URI's, purpose's or environment's, a changed or stale one: nobody (T072)."""
    world = providing.world
    good = providing.proof("google")
    github = providing.offer("github").state
    assert met(providing, replace(good, state=github)) == "auth/invalid-token"
    assert met(providing, replace(good, redirect_uri=APP + "2")) == "auth/invalid-token"
    assert met(providing, replace(good, state=str(good.state)[:-1])) == "auth/invalid-token"
    assert met(providing, replace(good, state="st_" + "A" * 40)) == "auth/invalid-token"
    assert met(providing, replace(good, state="st_\u00e9")) == "auth/invalid-token"
    linking = providing.offer("google", purpose="link", token=world.sign_up("mallory@example.com")).state
    assert met(providing, replace(good, state=linking)) == "auth/invalid-token"
    beside = Providing(world.beside("other"), providing.server)
    beside.configure("google")
    assert met(providing, replace(good, state=beside.offer("google").state)) == "auth/invalid-token"
    stale = providing.proof("google")
    world.clock.advance(10 * MINUTE)
    assert met(providing, stale) == "auth/token-expired"
    assert world.call(users.LIST, key="sk").pagination.total == 1  # mallory, who signed up


def test_of_fifty_at_once_one_signs_in(providing: Providing) -> None:
    """State and code work once, however many arrive together (P5)."""
    world = providing.world
    given = providing.proof("google")
    answers = at_once(50, lambda _: world.call(oauth.COMPLETE, given))
    codes = [answer for answer in answers if isinstance(answer, str)]
    assert len(codes) == 49
    assert set(codes) == {"auth/invalid-token"}
    with world.core.database.read() as transaction:
        sessions = transaction.value(select(func.count()).select_from(schema.sessions))
    assert sessions == 1


def test_a_stolen_code_is_worth_nothing_without_its_state_and_verifier(providing: Providing) -> None:
    """Dropping state and verifier is no way round PKCE: the provider holds on to the challenge (T074)."""
    given = providing.proof("google", code_challenge=challenge_of(VERIFIER))
    assert met(providing, replace(given, state=UNSET)) == "auth/invalid-oauth-code"
    own = providing.proof("github", redirect_uri=providing.own("github"))
    assert met(providing, replace(own, state="mine", code_verifier=VERIFIER)) == "auth/invalid-oauth-code"
    assert nobody_came(providing.world)


def test_a_code_is_traded_once_and_for_its_redirect_uri(providing: Providing) -> None:
    """Replay and another redirect URI are the provider's to refuse, and it does."""
    good = replace(providing.proof("github"), state="mine")
    assert met(providing, replace(good, redirect_uri=APP + "2")) == "auth/invalid-oauth-code"
    again = replace(providing.proof("github"), state="mine")
    assert providing.world.call(oauth.COMPLETE, again).is_new_user
    assert met(providing, again) == "auth/invalid-oauth-code"
    assert met(providing, replace(again, code="made-up")) == "auth/invalid-oauth-code"


REDIRECTS = (
    "https://app.example.com/back/below",
    "https://auth.example.com/v1/auth/google/callbac",
    "https://auth.example.com/v1/auth/google/callback2",
    "https://auth.example.com/v1/auth/google/callback/",
    "https://auth.example.com/v1/auth/google/callback?x=1",
    "https://auth.example.com/V1/auth/google/callback",
    "https://auth.example.com:444/v1/auth/google/callback",
    "https://auth.example.com/v1/auth/google/../google/callback",
    "https://u@auth.example.com/v1/auth/google/callback",
    "https:auth.example.com/v1/auth/google/callback",
    "http://auth.example.com/v1/auth/google/callback",
    "https://auth.example.com.evil.example/v1/auth/google/callback",
    "http://localhost:9000/",
    "http://127.0.0.1.evil.example/",
    "http://127.0.0.1@evil.example/",
    "javascript:alert(1)",
)


@pytest.mark.parametrize("world", ["embedded"], indirect=True)
def test_redirect_uris_are_compared_to_the_letter(providing: Providing) -> None:
    """The configured one, an allowed one, or this machine by its address (T075)."""
    world = providing.world
    world.configure("email", allowedCallbackUrls=["https://app.example.com/back"])
    own = "https://auth.example.com/v1/auth/google/callback"
    providing.configure("google", redirect_uri=own)
    providing.configure("github", redirect_uri="https://auth.example.com/v1/auth/github/callback")
    for url in REDIRECTS:
        offered = world.refused(oauth.PROVIDERS, oauth.Providers(redirect_uri=url))
        assert list(offered.details or ()) == ["redirectUri"], url
        traded = oauth.Complete(provider="google", code="c", redirect_uri=url)
        assert list(world.refused(oauth.COMPLETE, traded).details or ()) == ["redirectUri"], url
    for url in (own, "https://app.example.com/back", "http://127.0.0.1:1234/x", "http://[::1]:1/"):
        assert providing.offer("google", url).redirect_uri == url


def test_linking_takes_a_state_of_that_session_and_purpose_alone(providing: Providing) -> None:
    """Somebody else's, a sign-in's, a used one, or an app's own: nothing is linked (T073)."""
    world = providing.world
    alice, mallory = world.sign_up(EMAIL), world.sign_up("mallory@example.com")
    theirs = providing.link_proof(mallory, "google", "mallory@example.com")
    good = providing.link_proof(alice, "google")
    signing_in = providing.proof("google")
    bad = [
        replace(good, state=theirs.state),
        replace(good, state=signing_in.state),
        replace(good, state="mine"),
        replace(good, redirect_uri=providing.own("google"), state=UNSET),
    ]
    for request in bad:
        assert world.refused(linked_accounts.LINK, request, token=alice).code == "auth/invalid-token"
    assert world.refused(linked_accounts.LINK, theirs, token=alice).code == "auth/invalid-token"
    assert [each.provider for each in providing.accounts(alice)] == ["email"]
    world.call(linked_accounts.LINK, good, token=alice)
    assert world.refused(linked_accounts.LINK, good, token=alice).code == "auth/invalid-token"
    assert world.refused(oauth.PROVIDERS, oauth.Providers(purpose="link")).code == "auth/unauthorized"


def test_a_provider_in_trouble_ends_in_one_answer(providing: Providing) -> None:
    """An error, a wrong client, a redirect, nonsense or too much of it: 500 without a secret (T086)."""
    world = providing.world
    error = providing.proof("google", outcome="error")
    refusals = [world.refused(oauth.COMPLETE, error)]
    refusals += [world.refused(oauth.COMPLETE, providing.proof("github", outcome="error"))]
    for provider in ("google", "github"):
        given = providing.proof(provider)
        providing.configure(provider, client_secret="canary-of-another-client")
        refusals += [world.refused(oauth.COMPLETE, given)]
    assert {each.code for each in refusals} == {"auth/oauth-callback-failed"}
    told = repr([each.body() for each in refusals])
    assert "refuses our client: invalid_client" in told
    for secret in ("canary", "fake-client-secret", str(error.code)):
        assert secret not in told
    assert nobody_came(world)


@pytest.mark.parametrize("world", ["embedded"], indirect=True)
def test_of_githubs_addresses_the_primary_and_verified_one_counts(
    providing: Providing, provider_server: ProviderServer
) -> None:
    """T078: none, null, one in quotes, another's verified one, or a list that may not be seen: nobody."""
    asked = provider_server.app
    assert asked is not None
    listed: list[Any] = []

    async def github(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].endswith("/user/emails"):
            body, status = listed[-1]
            await JSONResponse(body, status)(scope, receive, send)
        else:
            await asked(scope, receive, send)

    provider_server.app = github
    good = {"email": EMAIL, "primary": True, "verified": True}
    for answer in (
        ([], 200),
        ({"message": "Not Found"}, 404),
        ([good | {"email": None}], 200),
        ([good | {"verified": False}], 200),
        ([good | {"verified": "true"}], 200),
        ([good | {"primary": False}], 200),
        ([good | {"verified": False}, good | {"email": "second@example.com", "primary": False}], 200),
    ):
        listed.append(answer)
        assert met(providing, providing.proof("github")) == "auth/email-not-verified", answer
        assert nobody_came(providing.world)
    listed.append(([good], 200))
    assert providing.world.me(providing.sign_in("github")).email == EMAIL


def test_an_issuer_that_cannot_be_found_is_not_offered(providing: Providing) -> None:
    """A broken provider takes no other one along; signing in with it says what is wrong."""
    world = providing.world
    providing.configure("google", issuer="http://127.0.0.1:1")
    assert [each.provider for each in world.call(oauth.PROVIDERS).oauth] == ["github"]
    request = oauth.Complete(provider="google", code="c", redirect_uri=APP)
    assert world.refused(oauth.COMPLETE, request).code == "auth/oauth-callback-failed"
    providing.configure("google", issuer=f"{providing.server.url}/fake/google/")
    assert providing.sign_in("google").is_new_user  # a slash more is the same issuer


def test_new_keys_of_a_provider_are_found(providing: Providing) -> None:
    """An ID token of a key that is not known makes the key set be read anew, not at will (T076)."""
    world = providing.world
    providing.sign_in("google")
    providing.fake.google.rotate()
    world.clock.advance(MINUTE)
    assert not providing.sign_in("google").is_new_user
    read = providing.server.asked.count("/fake/google/certs")
    providing.fake.google.rotate()
    for _ in range(3):  # within half a minute nobody is asked again, whatever key id a token names
        assert met(providing, providing.proof("google")) == "auth/invalid-oauth-code"
    assert providing.server.asked.count("/fake/google/certs") == read


def test_a_token_of_another_request_is_refused(providing: Providing) -> None:
    """The nonce ties an ID token to the authorization request it was asked for with (T076)."""
    google = providing.fake.google
    offered = providing.offer("google")
    other = providing.consent(providing.offer("google").authorization_url)["code"]
    token = google.id_token(google.grants._by_code[other])
    request = oauth.Complete(provider="google", id_token=token, state=offered.state, redirect_uri=APP)
    assert met(providing, request) == "auth/invalid-oauth-code"
    assert nobody_came(providing.world)


def test_the_profile_of_another_access_token_is_not_believed(providing: Providing) -> None:
    """Next to an ID token the access token has to be the same person's (T077)."""
    google = providing.fake.google
    providing.sign_in("google", "mallory@example.com")
    providing.sign_in("google", EMAIL)
    *_, mallory, alice = google.grants._by_code.values()
    bare = replace(mallory, scopes=("openid",), nonce=None)
    request = oauth.Complete(
        provider="google", id_token=google.id_token(bare), access_token=str(alice.access_token)
    )
    assert met(providing, request) == "auth/invalid-oauth-code"
    request.access_token = str(mallory.access_token)
    assert not providing.world.call(oauth.COMPLETE, request).is_new_user
