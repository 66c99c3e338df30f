"""Signing in with a provider: what is offered, and whom an identity signs in."""

from __future__ import annotations

from hmac import compare_digest
from typing import Any
from urllib.parse import urlencode, urlsplit

from msgspec import UNSET
from msgspec.structs import asdict
from sqlalchemy import Row

from bkendctl.contract import oauth as contract
from bkendctl.contract.errors import Failure
from bkendctl.contract.magic_links import NewUserTokenPair
from bkendctl.contract.operation import Raw
from bkendctl.core import (
    attempts,
    callbacks,
    linked_accounts,
    mailbox,
    oauth_configs,
    oauth_proofs,
    oauth_states,
    schema,
    second_factor,
    sessions,
    users,
)
from bkendctl.core.call import Call, Cookie, environment_by_id
from bkendctl.core.clock import SECOND
from bkendctl.core.crypto import fingerprint
from bkendctl.core.dispatch import count_known, handles
from bkendctl.core.egress import Deadline, Unusable
from bkendctl.core.hosted import challenge_of
from bkendctl.core.identities import Identity
from bkendctl.core.oauth_proofs import Proven
from bkendctl.core.oauth_states import State
from bkendctl.core.providers import Client
from bkendctl.core.randomness import new_token

DISCOVERY_SECONDS = 3.0
"""For showing what is offered, which must not wait long for a provider."""


def _locate(call: Call, request: contract.Providers) -> list[tuple[Client, str]]:
    """Every provider in use with its authorization address; one that cannot be found is not offered."""
    if request.purpose == "link" and call.session is None:
        raise Failure("auth/unauthorized")
    with call.reading():
        clients = oauth_configs.all_enabled(call)
        _require_sound(call, request, clients)
    found = []
    for client in clients:
        try:
            url = call.core.providers.authorization_url(client, Deadline(DISCOVERY_SECONDS))
        except Unusable:
            continue  # `providers oauth test` says why
        found.append((client, url))
    return found


@handles(contract.PROVIDERS, before=_locate, calls_out=True)
def providers(call: Call, request: contract.Providers, located: list[tuple[Client, str]]) -> contract.Offered:
    """Sign-in methods, each provider with a fresh state.

    With the server's own redirect URI the browser gets a cookie, and the PKCE verifier stays here.
    """
    email = call.settings.email
    browser = _browser(call)
    redirect_uri = None if request.redirect_uri is UNSET else str(request.redirect_uri)
    challenge = None if request.code_challenge is UNSET else str(request.code_challenge)
    offers = []
    for client, url in located:
        state = oauth_states.minted(
            call,
            client.provider,
            purpose=request.purpose,
            redirect_uri=redirect_uri,
            own=redirect_uri == client.redirect_uri,
            challenge=challenge,
            session=call.session.id if request.purpose == "link" and call.session is not None else None,
            browser=browser if redirect_uri == client.redirect_uri else None,
        )
        if state.own:
            keep_browser(call, browser)
        offers.append(offer(call, client, url, state, redirect_uri))
    return contract.Offered(
        email=contract.EmailOffer(
            enabled=email.enabled,
            magic_link_enabled=email.magic_link_enabled,
            magic_link_expiration_minutes=email.magic_link_expiration_minutes,
            require_email_verification=email.require_email_verification,
            password_policy=contract.PasswordPolicy(**asdict(email.password_policy)),
        ),
        oauth=offers,
        mfa=contract.MfaOffer(methods=["totp", "backup_code"]),
    )


def _require_sound(call: Call, request: contract.Providers, clients: list[Client]) -> None:
    """Judge the redirect URI; where it is ours the verifier is too. common/invalid-parameters."""
    if request.redirect_uri is UNSET:
        return
    url = str(request.redirect_uri)
    own = {client.redirect_uri for client in clients}
    callbacks.require_redirect_uri(call, url, url if url in own else "")
    if url in own and request.code_challenge is not UNSET:
        reason = "is the server's own with its redirect URI"
        raise Failure("common/invalid-parameters", details={"codeChallenge": [reason]})


def offer(
    call: Call, client: Client, url: str, state: State, redirect_uri: str | None
) -> contract.OAuthOffer:
    """One provider as it is offered; with a redirect URI its address is complete."""
    text = oauth_states.written(call.core.vault, state)
    if redirect_uri is not None:
        query = {
            "response_type": "code",
            "client_id": client.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(client.scopes),
            "state": text,
        }
        if client.provider == "google":
            query["nonce"] = oauth_states.nonce_of(call.core.vault, state)
        verifier = oauth_states.verifier_of(call.core.vault, state) if state.own else None
        challenge = state.challenge if verifier is None else challenge_of(verifier)
        if challenge is not None:
            query |= {"code_challenge": challenge, "code_challenge_method": "S256"}
        url += ("&" if urlsplit(url).query else "?") + urlencode(query)
    return contract.OAuthOffer(
        provider=client.provider,  # type: ignore[arg-type]
        client_id=client.client_id,
        authorization_url=url,
        redirect_uri=redirect_uri or client.redirect_uri,
        scopes=list(client.scopes),
        state=text,
    )


def on_page(call: Call) -> list[str]:
    """The providers that the hosted page can offer: those whose redirect URI is the server's own callback."""
    return [
        client.provider
        for client in oauth_configs.all_enabled(call)
        if urlsplit(client.redirect_uri).path.endswith(f"/v1/auth/{client.provider}/callback")
    ]


def begin(call: Call, provider: str, flow: str, session: str | None = None) -> str:
    """The address at a provider where a sign-in of the hosted page begins; gives the browser its cookie.

    flow: fingerprint of what the page goes on with when the browser is back. session: to link to its user
    (decision 144). Failures: auth/oauth-not-configured, auth/oauth-callback-failed.
    """
    with call.reading():
        if provider not in on_page(call):
            raise Failure("auth/oauth-not-configured")
        client = oauth_configs.enabled(call, provider)
    try:
        url = call.core.providers.authorization_url(client, Deadline(DISCOVERY_SECONDS))
    except Unusable:
        raise Failure("auth/oauth-callback-failed") from None
    browser = _browser(call)
    keep_browser(call, browser)
    state = oauth_states.minted(
        call,
        provider,
        purpose="signin" if session is None else "link",
        redirect_uri=client.redirect_uri,
        own=True,
        session=session,
        browser=browser,
        flow=flow,
    )
    return offer(call, client, url, state, client.redirect_uri).authorization_url


def _browser(call: Call) -> str:
    """What the browser's cookie says, so that several tabs can be under way; a fresh value without one."""
    cookies = call.source.cookies
    found = cookies.get(oauth_states.SECURE_COOKIE) or cookies.get(oauth_states.COOKIE)
    return found if found and found.isalnum() else fingerprint(new_token(call.core.randomness))


def keep_browser(call: Call, browser: str) -> None:
    """Give the browser what binds its states to it."""
    is_secure = (call.public_url or "").startswith("https:")
    name = oauth_states.SECURE_COOKIE if is_secure else oauth_states.COOKIE
    cookie = Cookie(name, browser, oauth_states.LIFE_MS // SECOND, is_secure)
    if cookie not in call.cookies:
        call.cookies.append(cookie)


def _prove(call: Call, request: contract.Complete) -> Proven:
    return oauth_proofs.proven(call, request.provider, request, "signin")


@handles(contract.COMPLETE, before=_prove, calls_out=True)
def complete(call: Call, request: contract.Complete, found: Proven) -> NewUserTokenPair:
    """Sign in whom the provider names; its word is kept while the second factor is missing (decision 44)."""
    return sign_in(call, found, request.mfa_code)


def _prove_redirect(call: Call, request: contract.Redirect) -> Proven:
    """With a key as by POST; without one the state names the environment, and has to be this browser's."""
    given = contract.Proof(code=request.code, redirect_uri=request.redirect_uri, state=request.state)
    if call.key is not None:
        if request.redirect_uri is UNSET:
            raise Failure("common/invalid-parameters", details={"redirectUri": ["is required"]})
        return oauth_proofs.proven(call, request.provider, given, "signin")
    state = oauth_states.read(call.core.vault, request.state)
    if state is None:
        raise Failure("auth/invalid-token", "The state was not minted here.")
    with call.reading():
        environment = environment_by_id(call.tx, state.environment_id)
        if environment is None:
            raise Failure("auth/invalid-token")
        call.enter(environment)
        given.redirect_uri = oauth_configs.enabled(call, request.provider).redirect_uri
    count_known(call, Raw())
    if not state.own or not is_browser_of(call, state):
        raise Failure("auth/invalid-token", "The state is not this browser's.")
    return oauth_proofs.proven(call, request.provider, given, "signin", minted=state)


def is_browser_of(call: Call, state: State) -> bool:
    """Whether the browser that brings a state is the one that was sent away with it."""
    cookies = call.source.cookies
    brought = [cookies[name] for name in (oauth_states.SECURE_COOKIE, oauth_states.COOKIE) if name in cookies]
    return state.browser is not None and any(
        compare_digest(state.browser, fingerprint(value)) for value in brought
    )


@handles(contract.COMPLETE_REDIRECT, before=_prove_redirect, calls_out=True)
def complete_redirect(call: Call, _request: contract.Redirect, found: Proven) -> NewUserTokenPair:
    """As complete, for the provider's redirect; the second factor then comes by POST with the same code."""
    return sign_in(call, found, UNSET)


def sign_in(call: Call, found: Proven, mfa_code: Any) -> NewUserTokenPair:
    """Open a session for whom a provider names: the linked user, or a new or unproven one with its address.

    Failures: auth/email-not-verified, auth/account-exists-different-provider, auth/account-banned,
    auth/mfa-required, auth/invalid-mfa-code, auth/mfa-backup-codes-exhausted, auth/invalid-oauth-code.
    """
    identity = found.identity
    amr = ["oauth"]
    user = linked_accounts.user_of(call, identity)
    is_new = False
    if user is None:
        user, is_new = _by_address(call, identity)
    else:
        call.about("user", user.id, email=user.email, provider=identity.provider)
        _require_admitted(call, user, identity)
        amr += _second_factor(call, found, user, mfa_code)
    oauth_proofs.spend(call, found)
    attempts.end_row(call, user.email)
    attempts.remember_source(call, user.id)
    pair = sessions.open_session(call, users.by_id(call, user.id), amr)
    return NewUserTokenPair(**asdict(pair), is_new_user=is_new)


def _require_admitted(call: Call, user: Row[Any], identity: Identity) -> None:
    if users.is_banned(user, call.now):
        raise Failure("auth/account-banned")
    if user.email_verified_at is None and call.settings.email.require_email_verification:
        if not (identity.proven and identity.email == user.email):
            raise Failure("auth/email-not-verified")
        mailbox.confirm(call, user)


def _by_address(call: Call, identity: Identity) -> tuple[Row[Any], bool]:
    """The user of a proven address, who is new or was unproven until now, and whether it is new."""
    if identity.email is None or not identity.proven:
        raise Failure("auth/email-not-verified")
    user = mailbox.owner(call, identity.email)
    is_new = user is None
    if user is None:
        name = identity.name or mailbox.name_from(identity.email)
        user = users.insert(
            call, email=identity.email, name=name, role="user", password_hash=None, verified=True
        )
    call.about("user", user.id, email=user.email, provider=identity.provider)
    if users.is_banned(user, call.now):
        raise Failure("auth/account-banned")
    if is_new:
        mailbox.confirm(call, user)
    elif user.email_verified_at is not None:
        raise Failure("auth/account-exists-different-provider")
    else:
        mailbox.take_over(call, user)
    _take_profile(call, user, identity)
    linked_accounts.insert(call, user, identity)
    return user, is_new


def _take_profile(call: Call, user: Row[Any], identity: Identity) -> None:
    """Name and picture, which an unproven owner may have chosen so far."""
    told = {"name": identity.name, "image": identity.picture}
    known = {column: value for column, value in told.items() if value is not None}
    if known:
        call.tx.update(schema.users, known | {"updated_at": call.now}, id=user.id)


def _second_factor(call: Call, found: Proven, user: Row[Any], code: Any) -> list[str]:
    """Ask for the second factor where there is one; a wrong one counts against what is kept, too."""
    enrolled = second_factor.enrolment(call, user.id)
    if enrolled is None:
        return []
    if code is UNSET:
        oauth_proofs.keep(call, found, failed=False)
        raise Failure("auth/mfa-required", keep=True)
    try:
        return [second_factor.use_code(call, enrolled, str(code))]
    except Failure as failure:
        if failure.status in (401, 429):
            oauth_proofs.keep(call, found, failed=failure.status == 401)
        raise
