"""Whether a provider's settings can work: their form, and that its addresses answer. Nobody is signed in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from bkendctl.contract.findings import Finding
from bkendctl.contract.oauth_configs import OAuthConfig

TIMEOUT_SECONDS = 5
GOOGLE_ISSUER = "https://accounts.google.com"
# What the providers themselves give out; only looked at where their own addresses are in use.
CLIENT_IDS = {
    "google": re.compile(r"[0-9]+-[a-z0-9]+\.apps\.googleusercontent\.com"),
    "github": re.compile(r"[0-9a-f]{20}|(Iv1\.|Iv23|Ov23)[0-9A-Za-z]{8,32}"),
}
CONSOLES = {
    "google": "https://console.cloud.google.com/apis/credentials",
    "github": "https://github.com/settings/developers",
}
NEEDED_SCOPES = {"google": {"openid", "email"}, "github": {"user:email"}}
WIDER_SCOPES = {"github": {"user"}}
GITHUB_ADDRESSES = ("https://github.com/login/oauth/authorize", "https://github.com/login/oauth/access_token")


def check(config: OAuthConfig, callback_url: str) -> Iterator[Finding]:
    """Look at everything, one after the other. callback_url: the server's own redirect URI."""
    yield _enabled(config)
    yield from _settled(config, callback_url)
    if config.provider == "github":
        addresses = (config.authorization_url or GITHUB_ADDRESSES[0], config.token_url or GITHUB_ADDRESSES[1])
        yield from _reachable(*addresses)
    else:
        yield from _issuer(config)


def overview(configs: Sequence[OAuthConfig], base: str) -> Finding:
    """One line for those that people may sign in with, without asking anybody. base: of the server."""
    used = [config for config in configs if config.enabled]
    told = [
        (finding.state, f"{config.provider}: {finding.check} {finding.message}", finding.mend)
        for config in used
        for finding in _settled(config, callback_of(base, config.provider))
        if finding.state != "ok"
    ]
    if not told:
        names = ", ".join(config.provider for config in used)
        return Finding(check="providers", state="ok", message=names or "none: nobody signs in with one")
    state: Any = "bad" if any(each[0] == "bad" for each in told) else "warning"
    mend = next(each[2] for each in told if each[0] == state)
    return Finding(check="providers", state=state, message="; ".join(each[1] for each in told), mend=mend)


def callback_of(base: str, provider: str) -> str:
    """The server's own redirect URI for a provider."""
    return f"{base.rstrip('/')}/v1/auth/{provider}/callback"


def _settled(config: OAuthConfig, callback_url: str) -> Iterator[Finding]:
    """What can be judged from here."""
    yield _client_id(config)
    yield _scopes(config)
    yield _redirect_uri(config, callback_url)


def _enabled(config: OAuthConfig) -> Finding:
    if config.enabled:
        return Finding(check="enabled", state="ok", message="people may sign in with it")
    mend = f"bkendctl providers oauth set {config.provider} --enabled"
    return Finding(check="enabled", state="warning", message="nobody may sign in with it", mend=mend)


def _client_id(config: OAuthConfig) -> Finding:
    if config.issuer or config.authorization_url:
        return Finding(check="client id", state="ok", message="of a provider at an address of your own")
    if CLIENT_IDS[config.provider].fullmatch(config.client_id):
        return Finding(check="client id", state="ok", message="has the form of this provider")
    return Finding(
        check="client id",
        state="bad",
        message="is not of the form that this provider gives out",
        mend=f"copy it from {CONSOLES[config.provider]}",
    )


def _scopes(config: OAuthConfig) -> Finding:
    missing = NEEDED_SCOPES[config.provider] - set(config.scopes)
    if not missing or WIDER_SCOPES.get(config.provider, set()) & set(config.scopes):
        return Finding(check="scopes", state="ok", message=" ".join(config.scopes))
    wanted = " ".join(f"--scope {each}" for each in sorted(NEEDED_SCOPES[config.provider]))
    return Finding(
        check="scopes",
        state="bad",
        message=f"without {' '.join(sorted(missing))} it is not told who signs in",
        mend=f"bkendctl providers oauth set {config.provider} {wanted}",
    )


def _redirect_uri(config: OAuthConfig, callback_url: str) -> Finding:
    if config.redirect_uri == callback_url:
        return Finding(check="redirect uri", state="ok", message="is this server's own")
    if urlsplit(config.redirect_uri).path.endswith(f"/v1/auth/{config.provider}/callback"):
        return Finding(
            check="redirect uri",
            state="warning",
            message=f"leads to another server than {callback_url}",
            mend=f"bkendctl providers oauth set {config.provider} --redirect-uri {callback_url}",
        )
    return Finding(check="redirect uri", state="ok", message="is an app's, which posts the code itself")


def _issuer(config: OAuthConfig) -> Iterator[Finding]:
    """Google, or whoever speaks OpenID Connect in its place."""
    given: tuple[Any, ...] = (config.authorization_url, config.token_url, config.jwks_url)
    if all(given):
        yield Finding(check="discovery", state="ok", message="not needed: all addresses are set")
    else:
        issuer = config.issuer or GOOGLE_ISSUER
        document, finding = _discovered(issuer, config)
        yield finding
        if document is None:
            yield Finding(check="keys", state="skipped", message="needs the discovery document")
            return
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        given = tuple(mine or document[name] for mine, name in zip(given, names, strict=True))
    authorization, token, keys = map(str, given)
    yield from _reachable(authorization, token)
    yield _keys(keys)


def _discovered(issuer: str, config: OAuthConfig) -> tuple[dict[str, Any] | None, Finding]:
    url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    document, why = _fetched(url)
    mend = f"bkendctl providers oauth set {config.provider} --issuer URL"
    if document is None:
        return None, Finding(check="discovery", state="bad", message=f"{url} {why}", mend=mend)
    if str(document.get("issuer", "")).rstrip("/") != issuer.rstrip("/"):
        named = f"{url} names another issuer: {document.get('issuer')}"
        return None, Finding(check="discovery", state="bad", message=named, mend=mend)
    wanted = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    missing = [name for name in wanted if not isinstance(document.get(name), str)]
    if missing:
        lacks = f"{url} has no {', '.join(missing)}"
        return None, Finding(check="discovery", state="bad", message=lacks, mend=mend)
    return document, Finding(check="discovery", state="ok", message=f"{issuer} says where its parts are")


def _keys(url: str) -> Finding:
    document, why = _fetched(url)
    keys = document.get("keys") if document else None
    if isinstance(keys, list) and keys:
        return Finding(check="keys", state="ok", message=f"{len(keys)} keys of ID tokens")
    return Finding(
        check="keys", state="bad", message=f"{url} {why or 'holds no keys'}", mend="check --jwks-url"
    )


def _fetched(url: str) -> tuple[dict[str, Any] | None, str]:
    """A JSON object, or why there is none."""
    import httpx

    try:
        answer = httpx.get(url, timeout=TIMEOUT_SECONDS)
        found = answer.json() if answer.status_code == 200 else None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return None, f"cannot be reached ({type(error).__name__})"
    except ValueError:
        return None, "answers without JSON"
    if not isinstance(found, dict):
        return None, f"answers {answer.status_code} without a JSON object"
    return found, ""


def _reachable(authorization: str, token: str) -> Iterator[Finding]:
    """Both answer something; without a request of ours that is a refusal."""
    import httpx

    for name, url in (("authorization", authorization), ("token", token)):
        try:
            status = httpx.get(url, timeout=TIMEOUT_SECONDS).status_code
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            why = f"{url} cannot be reached ({type(error).__name__})"
            yield Finding(check=name, state="bad", message=why, mend="check address, DNS, proxy and firewall")
            continue
        state: Any = "bad" if status >= 500 or status == 404 else "ok"
        mend = "check the address" if state == "bad" else ""
        yield Finding(check=name, state=state, message=f"{urlsplit(url).hostname} answers", mend=mend)
