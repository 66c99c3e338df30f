"""bkendctl providers oauth, fake-provider and account, as a person types them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from shell import Shell

from tests.provider_server import ProviderServer

BACK = "http://127.0.0.1:9000/callback"
SECRET = "canary-client-secret"


@pytest.fixture
def faked(alice: Shell, provider_server: ProviderServer) -> Iterator[Shell]:
    """Alice's core with fake providers, whose clock is real."""
    import time

    provider_server.reset()
    provider_server.now = time.time
    alice.set(FAKE_PROVIDERS=provider_server.url)
    yield alice
    provider_server.reset()


def code_for(shell: Shell, provider: str, person: str) -> str:
    """Open the provider's page, consent, and read the code."""
    offered = shell.json("api", "GET", f"/v1/auth/providers?redirectUri={BACK}")["oauth"]
    url = next(each["authorizationUrl"] for each in offered if each["provider"] == provider)
    return shell.ok("fake-provider", "consent", url, "--person", person, "-q").out.strip()


def test_a_provider_is_set_up_changed_and_removed(ready: Shell) -> None:
    """What is not named stays; the secret comes from stdin and is shown nowhere."""
    made = ready.ok(
        *("providers", "oauth", "set", "google", "--client-id", "mine", "--client-secret-stdin"),
        stdin=SECRET,
    )
    assert SECRET not in made.out + made.err
    shown = ready.json("providers", "oauth", "get", "google")
    assert shown["scopes"] == ["openid", "email", "profile"]
    assert shown["redirectUri"] == "http://127.0.0.1:8787/v1/auth/google/callback"
    ready.ok("providers", "oauth", "set", "google", "--no-enabled", "--user-info-url", "https://a.example/me")
    changed = ready.json("providers", "oauth", "get", "google")
    assert changed == shown | {
        "enabled": False,
        "userInfoUrl": "https://a.example/me",
        "updatedAt": changed["updatedAt"],
    }
    ready.ok("providers", "oauth", "set", "google", "--user-info-url", "null", "--enabled")
    assert ready.json("providers", "oauth", "get", "google")["userInfoUrl"] is None
    ready.refused(2, "cli/usage", "providers", "oauth", "set", "google", "--token-url", "https://a.example/t")
    assert ready.ok("providers", "oauth", "list", "-q").out == "google\n"
    ready.ok("providers", "oauth", "remove", "google", "--yes")
    ready.refused(10, "auth/oauth-not-configured", "providers", "oauth", "get", "google")
    ready.refused(10, "auth/unsupported-provider", "providers", "oauth", "get", "gitlab")


def test_a_provider_is_tested(faked: Shell, provider_server: ProviderServer) -> None:
    """What is wrong is named with what mends it, and the exit status is 1."""
    here = f"{provider_server.url}/fake/google"
    settings = ("providers", "oauth", "set", "google", "--client-id", "fake-google-client")
    faked.ok(*settings, "--issuer", here, "--client-secret-stdin", stdin=SECRET)
    checks = {each["check"]: each["state"] for each in faked.json("providers", "oauth", "test", "google")}
    assert set(checks.values()) == {"ok"}
    assert {"discovery", "keys", "client id", "redirect uri"} <= checks.keys()
    faked.ok(*settings, "--issuer", f"{here}/nowhere", "--client-secret-stdin", stdin=SECRET)
    faked.ok(
        *("providers", "oauth", "set", "google", "--scope", "profile"),
        *("--redirect-uri", "https://other.example/v1/auth/google/callback"),
    )
    run = faked("providers", "oauth", "test", "google")
    assert run.status == 1
    for told in ("discovery", "--issuer URL", "without email openid", "leads to another server"):
        assert told in " ".join((run.out + run.err).split())
    faked.ok(
        *("providers", "oauth", "set", "github", "--client-id", "not-a-github-id", "--client-secret-stdin"),
        *("--authorization-url", "http://127.0.0.1:1/a", "--token-url", "http://127.0.0.1:1/t"),
        stdin=SECRET,
    )
    run = faked("providers", "oauth", "test", "github")
    assert (run.status, run.code) == (1, "cli/unhealthy")
    assert "Bad: authorization, token." in run.err


def test_accounts_are_linked_listed_checked_and_unlinked(faked: Shell) -> None:
    """A person adds Google to the password, and takes the password away; the last way stays."""
    code = code_for(faked, "google", "alice@example.com")
    faked.ok("account", "link", "google", "--code", "-", "--redirect-uri", BACK, stdin=code)
    listed = faked.json("account", "accounts")["items"]
    assert [each["provider"] for each in listed] == ["email", "google"]
    assert faked.json("account", "check", "alice@example.com")["exists"]
    there = listed[1]["providerAccountId"]
    assert faked.json("account", "check", there, "--provider", "google")["provider"] == "google"
    assert faked.json("account", "check", "nobody@example.com") == {"exists": False}
    faked.ok("account", "unlink", "email", "--yes")
    faked.refused(10, "auth/last-auth-method", "account", "unlink", "google", "--yes")
    faked.refused(5, "auth/account-not-found", "account", "unlink", "github", "--yes")


def test_consent_tells_what_a_refusal_brings(faked: Shell) -> None:
    """Scripted failures can be had without a browser; what is no provider is told."""
    offered = faked.json("api", "GET", f"/v1/auth/providers?redirectUri={BACK}")["oauth"]
    denied = faked.json("fake-provider", "consent", offered[0]["authorizationUrl"], "--outcome", "denied")
    assert (denied["error"], denied["code"]) == ("access_denied", None)
    assert denied["location"].startswith(BACK)
    wrong = offered[0]["authorizationUrl"].replace("fake-google-client", "another")
    faked.refused(1, "cli/unexpected-answer", "fake-provider", "consent", wrong)
    faked.refused(8, "cli/network", "fake-provider", "consent", "http://127.0.0.1:1/")


def test_fake_providers_are_of_this_machine(alice: Shell) -> None:
    """An address elsewhere could sign anybody in as anybody."""
    for url in ("http://fake.example.com", "https://127.0.0.1", "127.0.0.1:8788"):
        alice.set(FAKE_PROVIDERS=url)
        alice.refused(2, "cli/usage", "whoami")


def test_serve_refuses_fake_providers_where_real_people_sign_in(shell: Shell) -> None:
    """Only where all environments are dev, and in one process."""
    shell.ok("init", "--environment", "prod")
    error = shell.refused(2, "cli/usage", "serve", "--fake-providers", "--print-config")
    assert "prod" in error["message"]
    shell.refused(2, "cli/usage", "serve", "--fake-providers", "--workers", "2", "--print-config")
