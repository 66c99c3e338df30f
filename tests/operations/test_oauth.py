"""Signing in with Google and GitHub: who is made, found, taken over or refused."""

from __future__ import annotations

import pytest
from msgspec import UNSET

from bkendctl.contract import accounts, audit_events, invitations, mfa, oauth, users
from bkendctl.core.clock import MINUTE
from bkendctl.core.hosted import challenge_of
from tests.conftest import PASSWORD
from tests.operations.mailed import follow, magic_token
from tests.operations.providing import APP, PROVIDERS, VERIFIER, Providing

EMAIL = "alice@example.com"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_first_sign_in_makes_a_user_with_name_and_picture(providing: Providing, provider: str) -> None:
    """Name, picture and proven address are the provider's; the second time it is the same user."""
    world = providing.world
    first = providing.sign_in(provider)
    user = world.me(first)
    assert (first.is_new_user, user.email, user.name) == (True, EMAIL, "Alice")
    assert user.email_verified is not None
    assert str(user.image).startswith("https://example.com/")
    again = providing.sign_in(provider)
    assert (again.is_new_user, world.me(again).id) == (False, user.id)
    (account,) = providing.accounts(again)
    assert (account.provider, account.email) == (provider, EMAIL)
    assert str(user.image) == f"https://example.com/{account.provider_account_id}.png"


def test_what_is_offered_is_complete_and_holds_no_secret(providing: Providing) -> None:
    """Each enabled provider with an address ready to be opened; a disabled one is not offered."""
    world = providing.world
    offered = world.call(oauth.PROVIDERS, oauth.Providers(redirect_uri=APP))
    assert [each.provider for each in offered.oauth] == ["google", "github"]
    assert all("state=" in each.authorization_url for each in offered.oauth)
    assert "nonce=" in offered.oauth[0].authorization_url
    assert offered.email.password_policy.min_length == 8
    assert offered.mfa.methods == ["totp", "backup_code"]
    bare = world.call(oauth.PROVIDERS).oauth[1]
    assert "?" not in bare.authorization_url
    assert bare.redirect_uri == providing.own("github")
    assert bare.state != world.call(oauth.PROVIDERS).oauth[1].state
    providing.configure("github", enabled=False)
    assert [each.provider for each in world.call(oauth.PROVIDERS).oauth] == ["google"]
    request = oauth.Complete(provider="github", code="c", redirect_uri=APP)
    assert world.refused(oauth.COMPLETE, request).code == "auth/oauth-not-configured"


def test_the_servers_own_redirect_uri_keeps_the_verifier_here(providing: Providing) -> None:
    """PKCE without the client's doing; its own challenge is refused then."""
    own = providing.own("google")
    assert "code_challenge=" in providing.offer("google", own).authorization_url
    assert providing.sign_in("google", redirect_uri=own).is_new_user
    request = oauth.Providers(redirect_uri=own, code_challenge=challenge_of(VERIFIER))
    refusal = providing.world.refused(oauth.PROVIDERS, request)
    assert refusal.details == {"codeChallenge": ["is the server's own with its redirect URI"]}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_apps_own_verifier_is_needed_where_its_challenge_was_sent(
    providing: Providing, provider: str
) -> None:
    """S256 by the client (T074): none and a wrong one are refused, and the state is not used up by that."""
    given = providing.proof(provider, code_challenge=challenge_of(VERIFIER))
    world = providing.world
    assert world.refused(oauth.COMPLETE, given).code == "auth/invalid-token"
    given.code_verifier = VERIFIER[::-1]
    assert world.refused(oauth.COMPLETE, given).code == "auth/invalid-token"
    given.code_verifier = VERIFIER
    assert world.call(oauth.COMPLETE, given).is_new_user


def test_an_apps_own_state_is_left_to_it(providing: Providing) -> None:
    """The documented flow: the app makes the address and checks the state itself (decision 59)."""
    url = providing.offer("github").authorization_url
    code = providing.consent(url)["code"]
    request = oauth.Complete(provider="github", code=code, redirect_uri=APP, state="mine")
    assert providing.world.call(oauth.COMPLETE, request).is_new_user


def test_an_id_token_alone_signs_a_native_app_in(providing: Providing) -> None:
    """Google's ID token without a code; GitHub has none, and an access token alone never does (T077)."""
    world, google = providing.world, providing.fake.google
    providing.sign_in("google", "native@example.com")
    grant = list(google.grants._by_code.values())[-1]
    token = google.id_token(grant, nonce=None, azp="an-android-client")
    request = oauth.Complete(provider="google", id_token=token)
    assert world.call(oauth.COMPLETE, request).access_token
    refusal = world.refused(oauth.COMPLETE, oauth.Complete(provider="github", id_token=token))
    assert refusal.details == {"idToken": ["only google gives ID tokens"]}
    alone = oauth.Complete(provider="google", access_token=str(grant.access_token))
    assert world.refused(oauth.COMPLETE, alone).code == "common/invalid-parameters"


def test_a_proven_address_is_never_taken_over(providing: Providing) -> None:
    """Who proved an address keeps it; the provider's account is linked after signing in (decision 60)."""
    world = providing.world
    pair = follow(world, magic_token(world, EMAIL))
    refusal = world.refused(oauth.COMPLETE, providing.proof("google"))
    assert refusal.code == "auth/account-exists-different-provider"
    assert providing.accounts(pair) == []


def test_an_unproven_account_is_taken_over_with_nothing_left(providing: Providing) -> None:
    """A squatter's password, session and MFA are gone, its MFA is not asked for, a notice goes out (T079)."""
    world = providing.world
    squatter = world.sign_up(EMAIL, name="Squatter")
    world.enrol(squatter)
    pair = providing.sign_in("google")
    assert not pair.is_new_user
    user = world.me(pair)
    assert (user.name, user.mfa_enabled) == ("Alice", False)
    assert user.email_verified is not None
    world.assert_dead(squatter)
    assert world.refusal(world.sign_in, EMAIL) == "auth/invalid-credentials"
    assert [each.provider for each in providing.accounts(pair)] == ["google"]
    assert len(world.mails("sessions_ended", EMAIL)) == 1


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_unproven_address_of_the_provider_makes_and_finds_nobody(
    providing: Providing, provider: str
) -> None:
    """Without a verified address there is no user (T078), unless the account is linked already (T083)."""
    world = providing.world
    refusal = world.refused(oauth.COMPLETE, providing.proof(provider, outcome="unverified"))
    assert refusal.code == "auth/email-not-verified"
    assert world.call(users.LIST, key="sk").pagination.total == 0
    user = world.me(providing.sign_in(provider))
    again = providing.sign_in(provider, outcome="unverified")
    assert world.me(again).id == user.id


def test_another_account_with_the_same_address_is_another_one(providing: Providing) -> None:
    """A reassigned address does not open the account of who had it before (T083)."""
    providing.sign_in("google")
    refusal = providing.world.refused(oauth.COMPLETE, providing.proof("google", outcome="other-account"))
    assert refusal.code == "auth/account-exists-different-provider"


def enrolled(providing: Providing) -> tuple[str, mfa.MfaSetup]:
    """A user who signs in with Google, and has a password and MFA."""
    world = providing.world
    pair = world.sign_up(EMAIL)
    providing.link(pair, "google")
    return world.me(pair).id, world.enrol(pair)


def test_the_second_factor_is_asked_for_and_the_code_stays_good(providing: Providing) -> None:
    """Without it no tokens; with it the same code signs in, though the provider takes it once (T046)."""
    world = providing.world
    user_id, setup = enrolled(providing)
    given = providing.proof("google")
    assert world.refused(oauth.COMPLETE, given).code == "auth/mfa-required"
    given.mfa_code = "000000"
    assert world.refused(oauth.COMPLETE, given).code == "auth/invalid-mfa-code"
    given.mfa_code = world.code(setup.secret)
    pair = world.call(oauth.COMPLETE, given)
    assert world.me(pair).id == user_id
    world.clock.advance(MINUTE)
    given.mfa_code = world.code(setup.secret)
    assert world.refused(oauth.COMPLETE, given).code == "auth/invalid-token"  # its state was used
    given.state = UNSET
    assert world.refused(oauth.COMPLETE, given).code == "auth/invalid-oauth-code"


def test_what_the_provider_said_is_kept_for_ten_minutes_and_for_that_request(providing: Providing) -> None:
    """Another redirect URI does not fetch it, nor does the right one later; backup codes do in time."""
    world = providing.world
    _, setup = enrolled(providing)
    given, late = providing.proof("google"), providing.proof("google")
    for request in (given, late):
        assert world.refused(oauth.COMPLETE, request).code == "auth/mfa-required"
    other = oauth.Complete(
        provider="google", code=given.code, redirect_uri=APP + "2", mfa_code=setup.backup_codes[0]
    )
    assert world.refused(oauth.COMPLETE, other).code == "auth/invalid-oauth-code"
    given.mfa_code = setup.backup_codes[0]
    assert world.call(oauth.COMPLETE, given).access_token
    world.clock.advance(10 * MINUTE)
    late.mfa_code = setup.backup_codes[1]
    assert world.refused(oauth.COMPLETE, late).code == "auth/token-expired"


def test_a_banned_user_is_told_so_by_the_provider_too(providing: Providing) -> None:
    """No tokens for who is banned."""
    world = providing.world
    user = world.me(providing.sign_in("google"))
    world.call(users.BAN, users.Ban(user_id=user.id), key="sk")
    assert world.refused(oauth.COMPLETE, providing.proof("google")).code == "auth/account-banned"


def test_an_accepted_invitation_is_joined_by_the_proven_address(providing: Providing) -> None:
    """A provider's proof of the mailbox makes the membership (decision 81)."""
    world = providing.world
    request = invitations.Create(
        resource_type="project",
        resource_id=world.installed.project_id,
        email=EMAIL,
        resource_role="member",
    )
    world.call(invitations.CREATE, request, key="sk")
    token = world.mails("invitation")[0].links[0].partition("token=")[2].partition("&")[0]
    accepted = world.call(invitations.ACCEPT, invitations.Accept(token=token))
    assert accepted.membership_pending
    pair = providing.sign_in("github")
    assert world.call(invitations.LIST, token=pair).items[0].status == "accepted"
    assert not world.call(invitations.LIST, token=pair).items[0].membership_pending


def test_a_deleted_user_comes_back_as_somebody_new(providing: Providing) -> None:
    """Nothing is inherited after a deletion (T137)."""
    world = providing.world
    first = providing.sign_in("google")
    gone = world.me(first).id
    world.call(accounts.WITHDRAW, token=first)
    again = providing.sign_in("google")
    assert again.is_new_user
    assert world.me(again).id != gone


def test_who_must_prove_an_address_does_so_by_the_provider(providing: Providing) -> None:
    """With requireEmailVerification a link to another address does not let an unproven user in."""
    world = providing.world
    pair = world.sign_up(EMAIL)
    providing.link(pair, "github", "other@example.com")
    world.configure("email", requireEmailVerification=True)
    refusal = world.refused(oauth.COMPLETE, providing.proof("github", "other@example.com"))
    assert refusal.code == "auth/email-not-verified"
    assert world.refusal(world.sign_in, EMAIL, PASSWORD) == "auth/email-not-verified"


def test_the_audit_names_provider_and_user(providing: Providing) -> None:
    """A sign-in is recorded like any other."""
    providing.sign_in("google")
    (event, *_) = providing.world.call(audit_events.LIST, key="sk").items
    assert (event.action, event.outcome, event.details["provider"]) == ("oauth.complete", "success", "google")
