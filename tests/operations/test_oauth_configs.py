"""Settings of providers: stored whole, read without the secret, addresses that secrets may travel to."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from bkendctl.contract import audit_events, oauth_configs
from bkendctl.core import schema
from bkendctl.core.call import Call, Source, environment_by_id
from bkendctl.core.oauth_configs import enabled
from tests.conftest import World

SECRET = "canary-client-secret"
CALLBACK = "https://auth.example.com/v1/auth/google/callback"
GOOGLE = oauth_configs.Provider(provider="google")


def wanted(**changes: Any) -> oauth_configs.SetOAuthConfig:
    """Settings of Google."""
    fields = {
        "provider": "google",
        "client_id": "1-a.apps.googleusercontent.com",
        "client_secret": SECRET,
        "redirect_uri": CALLBACK,
        "scopes": ["openid", "email", "profile"],
        "enabled": True,
    }
    return oauth_configs.SetOAuthConfig(**(fields | changes))


def test_settings_are_stored_changed_listed_and_removed(world: World) -> None:
    """The whole life of a provider's settings; PUT replaces all but the secret."""
    assert world.call(oauth_configs.LIST, key="sk").items == []
    assert world.refused(oauth_configs.GET, GOOGLE, key="sk").code == "auth/oauth-not-configured"
    made = world.call(oauth_configs.SET, wanted(user_info_url="https://idp.example.com/me"), key="sk")
    assert made == world.call(oauth_configs.GET, GOOGLE, key="sk")
    assert (made.client_secret_set, made.user_info_url) == (True, "https://idp.example.com/me")
    changed = world.call(
        oauth_configs.SET, wanted(client_secret=msgspec.UNSET, scopes=["openid", "openid"]), key="sk"
    )
    assert (changed.scopes, changed.user_info_url, changed.client_secret_set) == (["openid"], None, True)
    github = {"provider": "github", "scopes": ["user:email"]}
    world.call(oauth_configs.SET, wanted(**github), key="sk")
    assert [each.provider for each in world.call(oauth_configs.LIST, key="sk").items] == ["google", "github"]
    world.call(oauth_configs.REMOVE, GOOGLE, key="sk")
    assert world.refused(oauth_configs.REMOVE, GOOGLE, key="sk").code == "auth/oauth-not-configured"


def test_the_secret_is_nowhere_to_be_read(world: World) -> None:
    """Neither in answers, nor in the audit, nor in clear in the database (T087); it opens for a sign-in."""
    answers = [world.call(oauth_configs.SET, wanted(), key="sk")]
    answers += [world.call(oauth_configs.GET, GOOGLE, key="sk"), world.call(oauth_configs.LIST, key="sk")]
    answers += [world.call(audit_events.LIST, key="sk")]
    assert SECRET not in repr([msgspec.to_builtins(answer) for answer in answers])
    with world.core.database.read() as transaction:
        row = transaction.one(select(schema.oauth_configs))
        assert SECRET.encode() not in row.client_secret
        call = Call(world.core, oauth_configs.GET, Source())
        call.enter(environment_by_id(transaction, row.environment_id))  # type: ignore[arg-type]
        call._tx = transaction
        client = enabled(call, "google")
        assert client.client_secret == SECRET
        assert SECRET not in repr(client)


def test_a_kept_secret_is_not_sent_to_another_address(world: World) -> None:
    """Who may change settings must not learn the secret by naming a token endpoint of its own."""
    world.call(oauth_configs.SET, wanted(), key="sk")
    for address in ({"token_url": "https://evil.example.com/"}, {"issuer": "https://evil.example.com"}):
        refusal = world.refused(oauth_configs.SET, wanted(client_secret=msgspec.UNSET, **address), key="sk")
        assert refusal.details == {"clientSecret": ["is needed again where issuer or tokenUrl change"]}
        world.call(oauth_configs.SET, wanted(client_secret="another", **address), key="sk")
        world.call(oauth_configs.SET, wanted(), key="sk")
    first = wanted(provider="github", client_secret=msgspec.UNSET)
    assert world.refused(oauth_configs.SET, first, key="sk").code == "auth/oauth-not-configured"


@pytest.mark.parametrize("world", ["embedded"], indirect=True)
def test_addresses_are_https_or_of_this_machine(world: World) -> None:
    """Codes and secrets travel encrypted, or not at all (decision 143)."""
    bad = [
        "http://idp.example.com/",
        "http://127.0.0.1.example.com/",
        "https://user@idp.example.com/",
        "https://idp.example.com/#x",
        "https:idp.example.com",
        "ftp://127.0.0.1/",
        "https://idp.example.com/ x",
        "https://idp.example.com:x/",
    ]
    for url in bad:
        fields = ("redirect_uri", "issuer", "authorization_url", "token_url", "user_info_url", "jwks_url")
        refusal = world.refused(oauth_configs.SET, wanted(**dict.fromkeys(fields, url)), key="sk")
        assert len(refusal.details or ()) == len(fields), url
    for url in ("http://127.0.0.1:9000/x", "http://[::1]/x", "http://localhost/x", "https://10.0.0.1/x"):
        assert world.call(oauth_configs.SET, wanted(token_url=url), key="sk").token_url == url


@pytest.mark.parametrize("world", ["embedded"], indirect=True)
def test_what_is_malformed_is_told_by_field(world: World) -> None:
    """Unknown providers, scopes with spaces, nothing to ask for."""
    unknown = oauth_configs.Provider(provider="gitlab")  # type: ignore[arg-type]
    assert world.refused(oauth_configs.GET, unknown, key="sk").code == "auth/unsupported-provider"
    for changes in ({"scopes": []}, {"scopes": ["a b"]}, {"client_id": ""}, {"client_secret": ""}):
        refusal = world.refused(oauth_configs.SET, wanted(**changes), key="sk")
        assert refusal.code == "common/invalid-parameters"
