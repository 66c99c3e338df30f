"""Ways of signing in: attached, listed, detached, and asked for; the last one stays."""

from __future__ import annotations

import pytest

from bkendctl.contract import linked_accounts, oauth, users
from bkendctl.contract.errors import Failure
from bkendctl.contract.linked_accounts import Check, Unlink
from bkendctl.fake_provider.people import person
from tests.conftest import World, at_once
from tests.operations.providing import PROVIDERS, Providing

EMAIL = "alice@example.com"


def test_a_linked_account_signs_in_the_same_user(providing: Providing) -> None:
    """Next to the password, listed oldest first; its address proves the user's where they are the same."""
    world = providing.world
    pair = world.sign_up(EMAIL)
    assert world.me(pair).email_verified is None
    for provider in PROVIDERS:
        world.clock.advance(1)
        providing.link(pair, provider, redirect_uri=providing.own(provider))
        assert world.me(providing.sign_in(provider)).id == world.me(pair).id
    assert [each.provider for each in providing.accounts(pair)] == ["email", "google", "github"]
    assert world.me(pair).email_verified is not None
    assert world.me(world.sign_in(EMAIL)).id == world.me(pair).id


def test_an_account_elsewhere_with_another_address_proves_nothing(providing: Providing) -> None:
    """It may be linked, and the user's own address is as unproven as before."""
    world = providing.world
    pair = world.sign_up(EMAIL)
    providing.link(pair, "github", "alice@work.example")
    assert world.me(pair).email_verified is None
    assert providing.accounts(pair)[1].email == "alice@work.example"


def test_what_is_somebodys_is_not_linked_to_another(providing: Providing) -> None:
    """Nor a second account of the same provider to one user (T085)."""
    world = providing.world
    alice, bob = world.sign_up(EMAIL), world.sign_up("bob@example.com")
    providing.link(alice, "google")
    for token, email in ((bob, EMAIL), (alice, "another@example.com"), (alice, EMAIL)):
        request = providing.link_proof(token, "google", email)
        refusal = world.refused(linked_accounts.LINK, request, token=token)
        assert refusal.code == "auth/account-already-linked"
    assert [each.provider for each in providing.accounts(bob)] == ["email"]


def test_of_many_who_link_one_account_one_has_it(providing: Providing) -> None:
    """Also when they come at once (T085)."""
    world = providing.world
    tokens = [world.sign_up(f"user{number}@example.com") for number in range(4)]
    proofs = [providing.link_proof(token, "github", "shared@example.com") for token in tokens]
    answers = at_once(4, lambda n: world.call(linked_accounts.LINK, proofs[n], token=tokens[n]))
    assert (
        sorted(answer for answer in answers if isinstance(answer, str)) == ["auth/account-already-linked"] * 3
    )


def test_the_last_way_of_signing_in_stays(providing: Providing) -> None:
    """Of two that are detached at once one stays, whichever (T085); email is the password."""
    world = providing.world
    pair = world.sign_up(EMAIL)
    assert unlinked(world, pair, "email") == "auth/last-auth-method"
    providing.link(pair, "google")
    answers = at_once(2, lambda n: unlinked(world, pair, ("email", "google")[n]))
    assert sorted(answers) == ["auth/last-auth-method", "done"]
    (left,) = providing.accounts(pair)
    gone = "google" if left.provider == "email" else "email"
    assert unlinked(world, pair, gone) == "auth/account-not-found"
    assert unlinked(world, pair, left.provider) == "auth/last-auth-method"
    if gone == "email":
        assert world.refusal(world.sign_in, EMAIL) == "auth/invalid-credentials"


def unlinked(world: World, token: object, provider: str) -> str:
    """Detach; "done", or the refusal's code."""
    try:
        world.call(linked_accounts.UNLINK, Unlink(provider=provider), token=token)  # type: ignore[arg-type]
    except Failure as failure:
        return failure.code
    return "done"


def test_linking_is_no_way_round_the_second_factor(providing: Providing) -> None:
    """Who links had one already; who signs in by the link is asked again (P6, T047)."""
    world = providing.world
    pair = world.sign_up(EMAIL)
    world.enrol(pair)
    providing.link(pair, "google")
    assert world.refused(oauth.COMPLETE, providing.proof("google")).code == "auth/mfa-required"


def test_whether_an_account_is_registered_is_told(providing: Providing) -> None:
    """By password or provider, in any spelling of the address; kind and provider have to fit."""
    world = providing.world
    world.sign_up(EMAIL)
    providing.sign_in("github", "bob@example.com")

    def asked(kind: str, provider: str, account: str) -> bool:
        request = Check(type=kind, provider=provider, provider_account_id=account)  # type: ignore[arg-type]
        return bool(world.call(linked_accounts.CHECK, request).exists)

    assert asked("credentials", "email", "Alice@EXAMPLE.com")
    assert not asked("credentials", "email", "bob@example.com")
    assert not asked("credentials", "email", "no address")
    number = str(person("bob@example.com").number)
    assert asked("oauth", "github", number)
    assert not asked("oauth", "google", number)
    request = Check(type="oauth", provider="email", provider_account_id=EMAIL)
    refusal = world.refused(linked_accounts.CHECK, request)
    assert refusal.details == {"type": ["is credentials for email"]}


@pytest.mark.parametrize("world", ["embedded"], indirect=True)
def test_asking_whether_accounts_exist_counts_like_signing_in(world: World) -> None:
    """Ten an address and twenty in all in a minute from one source, outside dev (T008, decision 145)."""
    prod = world.beside("prod", "prod")

    def asked(email: str) -> str:
        request = Check(type="credentials", provider="email", provider_account_id=email)
        try:
            return str(prod.call(linked_accounts.CHECK, request).exists)
        except Failure as failure:
            return failure.code

    assert [asked("a@example.com") for _ in range(11)] == ["False"] * 10 + ["auth/too-many-login-attempts"]
    assert [asked(f"{n}@example.com") for n in range(11)] == ["False"] * 10 + ["auth/too-many-login-attempts"]
    assert prod.refusal(prod.sign_in, "b@example.com") == "auth/too-many-login-attempts"


def test_users_of_a_provider_can_be_listed(providing: Providing) -> None:
    """An admin finds who signs in how."""
    world = providing.world
    providing.sign_in("github", "bob@example.com")
    world.sign_up(EMAIL)
    found = world.call(users.LIST, users.ListUsers(provider="github", include_accounts=True), key="sk")
    (user,) = found.items
    assert (user.email, user.accounts[0].provider) == ("bob@example.com", "github")
