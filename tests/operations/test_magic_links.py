"""Magic links: asked for, followed once, and what they may not get round."""

from __future__ import annotations

from typing import Any

import pytest

from bkendctl.contract import accounts, keys, magic_links, mfa, users
from bkendctl.contract.operation import Raw
from bkendctl.core.call import Source
from bkendctl.core.clock import MINUTE
from tests.conftest import PASSWORD, World, at_once
from tests.operations.mailed import ALICE, APP, by_link, follow, link_of, magic_token, token_of, told
from tests.operations.test_mfa import amr

UNKNOWN = ("auth/invalid-token", 401)


def refusal(world: World, token: str, **more: Any) -> tuple[str, int]:
    """Follow a link that is refused: code and status."""
    failure = world.refused(magic_links.COMPLETE, magic_links.Complete(token=token, **more))
    return failure.code, failure.status


def test_a_link_signs_in(world: World) -> None:
    """The mail leads to the app with token and address, and holds the bare token; amr says magiclink."""
    world.sign_up()
    answer = world.call(accounts.SIGN_IN, by_link())
    assert answer == accounts.MessageEmail(message=answer.message, email=ALICE)
    link = link_of(world, "magic_link")
    token = token_of(world, "magic_link")
    assert link == f"{APP}?token={token}&email=alice%40example.com"
    assert world.mails("magic_link")[0].text.count(token) == 2
    pair = follow(world, token)
    assert pair.is_new_user is False
    assert world.me(pair).email == ALICE
    assert amr(pair) == ["magiclink"]


@pytest.mark.parametrize("operation", [accounts.SIGN_UP, accounts.SIGN_IN], ids=["sign-up", "sign-in"])
def test_a_link_signs_up_who_is_not_known(world: World, operation: Any) -> None:
    """No user before the click; then one with a proven address, an ordinary role and a name (38, 41)."""
    world.call(
        operation, operation.request(method="magiclink", email="New.User@example.com", callback_url=APP)
    )
    assert world.call(users.LIST, users.ListUsers(), key="sk").items == []
    pair = follow(world, token_of(world, "magic_link", "new.user@example.com"))
    assert pair.is_new_user is True
    me = world.me(pair)
    assert (me.email, me.name, me.role) == ("new.user@example.com", "new.user", "user")
    assert me.email_verified is not None
    assert world.refusal(world.sign_in, me.email) == "auth/invalid-credentials"


def test_sign_up_by_link_answers_alike_for_a_known_address(world: World) -> None:
    """No 409 where a password would get one."""
    world.sign_up()
    request = accounts.SignUp(method="magiclink", email=ALICE, callback_url=APP)
    other = accounts.SignUp(method="magiclink", email="nobody@example.com", callback_url=APP)
    assert told(world, accounts.SIGN_UP, request) == told(world, accounts.SIGN_UP, other)
    assert follow(world, token_of(world, "magic_link")).is_new_user is False


def test_a_link_works_once(world: World) -> None:
    """T094: used, guessed, emptied and older tokens are all unknown."""
    older = magic_token(world)
    token = magic_token(world)
    assert refusal(world, older) == UNKNOWN
    follow(world, token)
    assert refusal(world, token) == UNKNOWN
    assert refusal(world, "x" * 43) == UNKNOWN


def test_of_fifty_clicks_one_signs_in(world: World) -> None:
    """T094, P5: fifty parallel uses of one token open one session and make one user."""
    token = magic_token(world)
    outcomes = at_once(50, lambda _: follow(world, token))
    assert sum(not isinstance(outcome, str) for outcome in outcomes) == 1
    assert outcomes.count("auth/invalid-token") == 49
    assert len(world.call(users.LIST, users.ListUsers(), key="sk").items) == 1


@pytest.mark.parametrize("minutes", [15, 60])
def test_a_link_expires(world: World, minutes: int) -> None:
    """It lives magicLinkExpirationMinutes, by default 15, to the millisecond, and says so afterwards."""
    if minutes != 15:
        world.configure("email", magicLinkExpirationMinutes=minutes)
    token = magic_token(world)
    world.clock.advance(minutes * MINUTE)
    assert refusal(world, token) == ("auth/token-expired", 401)
    token = magic_token(world)
    world.clock.advance(minutes * MINUTE - 1)
    follow(world, token)


def test_a_link_is_of_its_environment(world: World) -> None:
    """T094: elsewhere its token is unknown."""
    token = magic_token(world)
    assert refusal(world.beside("other"), token) == UNKNOWN
    follow(world, token)


@pytest.mark.parametrize("category", ["signup_confirmation", "password_reset"])
def test_other_mailed_tokens_are_no_magic_links(world: World, category: str) -> None:
    """T068: a token counts for what it was mailed for."""
    from bkendctl.contract import password_resets

    world.sign_up()
    world.call(password_resets.REQUEST, password_resets.Request(email=ALICE))
    assert refusal(world, token_of(world, category)) == UNKNOWN


@pytest.mark.parametrize(
    "body", [{}, {"token": ""}, {"token": None}, {"token": "x" * 15}, {"token": ["x" * 43]}]
)
def test_a_malformed_token_is_named(world: World, body: dict[str, Any]) -> None:
    """Missing, empty, null, short or a list: 400 and the field."""
    failure = world.refused(magic_links.COMPLETE, Raw(body=body))
    assert (failure.code, set(failure.details or {})) == ("common/invalid-parameters", {"token"})


# The second factor


def test_the_second_factor_is_asked_for(world: World) -> None:
    """T045: without a code 403 and no tokens; the token is not used up, and goes on with a code."""
    setup = _proven_with_mfa(world)
    token = magic_token(world)
    for _ in range(3):
        assert refusal(world, token) == ("auth/mfa-required", 403)
    pair = follow(world, token, mfa_code=world.code(setup.secret))
    assert amr(pair) == ["magiclink", "otp"]
    assert refusal(world, token) == UNKNOWN


def test_a_backup_code_is_a_second_factor(world: World) -> None:
    """amr tells which it was."""
    setup = _proven_with_mfa(world)
    pair = follow(world, magic_token(world), mfa_code=setup.backup_codes[0])
    assert amr(pair) == ["magiclink", "backup"]


def test_five_wrong_codes_end_the_token(world: World) -> None:
    """T045: after the fifth the link is dead, also for the right code and once the lock is over."""
    world.configure("email", magicLinkExpirationMinutes=60)
    setup = _proven_with_mfa(world)
    token = magic_token(world)
    for _ in range(5):
        assert refusal(world, token, mfa_code="wr0ngc0d") == ("auth/invalid-mfa-code", 401)
    world.clock.advance(16 * MINUTE)
    assert refusal(world, token, mfa_code=world.code(setup.secret)) == UNKNOWN
    follow(world, magic_token(world), mfa_code=world.code(setup.secret))


def test_four_wrong_codes_do_not_end_the_token(world: World) -> None:
    """The fifth may be right."""
    setup = _proven_with_mfa(world)
    token = magic_token(world)
    for _ in range(4):
        refusal(world, token, mfa_code="wr0ngc0d")
    follow(world, token, mfa_code=world.code(setup.secret))


# Who proves the mailbox


def test_an_unproven_account_is_taken_over(world: World) -> None:
    """T081: what an unproven owner set goes, its second factor unasked; a notice tells."""
    squatter = world.sign_up()
    world.call(users.SET_ROLE, users.SetRole(user_id=world.me(squatter).id, role="admin"), key="sk")
    made = world.call(keys.CREATE, keys.Create(name="mine", type="publishable", scopes=[]), token=squatter)
    world.enrol(squatter)
    pair = follow(world, magic_token(world))
    assert pair.is_new_user is False
    me = world.me(pair)
    assert (me.email_verified is not None, me.mfa_enabled) == (True, False)
    world.assert_dead(squatter)
    assert world.refusal(world.sign_in) == "auth/invalid-credentials"
    assert world.refused(accounts.GET_ME, key=made.key, token=pair).code == "auth/token-revoked"
    assert len(world.mails("sessions_ended", to=ALICE)) == 1


def test_a_proven_account_keeps_all(world: World) -> None:
    """Password and other sessions stay, and nobody is told anything."""
    _prove(world, first := world.sign_up())
    follow(world, magic_token(world))
    world.me(first)
    world.sign_in()
    assert world.mails("sessions_ended") == []


def test_a_banned_user_stays_out(world: World) -> None:
    """403, told only to who reads the mailbox; asking answers as for everybody."""
    world.sign_up()
    user = world.make_user("bob@example.com", email_verified=True)
    world.call(users.BAN, users.Ban(user_id=user.id), key="sk")
    assert told(world, accounts.SIGN_IN, by_link(user.email)) == told(world, accounts.SIGN_IN, by_link())
    token = token_of(world, "magic_link", user.email)
    assert refusal(world, token) == ("auth/account-banned", 403)
    world.call(users.UNBAN, users.UserId(user_id=user.id), key="sk")
    follow(world, token)


def test_links_of_a_deleted_user_are_dead(world: World) -> None:
    """T137: also one asked for before the user existed; a new link makes a new user."""
    early = magic_token(world)
    pair = world.sign_up()
    late = magic_token(world)
    old = world.me(pair).id
    world.call(accounts.WITHDRAW, token=pair)
    assert [refusal(world, token) for token in (early, late)] == [UNKNOWN, UNKNOWN]
    again = follow(world, magic_token(world))
    assert again.is_new_user is True
    assert world.me(again).id != old


def test_a_link_lets_in_where_a_proven_address_is_needed(world: World) -> None:
    """requireEmailVerification asks for just what a link proves."""
    world.configure("email", requireEmailVerification=True)
    assert world.me(follow(world, magic_token(world))).email_verified is not None


# Asking


def test_nobody_learns_who_is_known(world: World) -> None:
    """T004: known, unknown, passwordless, deleted and banned addresses get the same answer."""
    world.sign_up()
    gone = world.sign_up("gone@example.com")
    world.call(accounts.WITHDRAW, token=gone)
    world.make_user("nopassword@example.com")
    addresses = (ALICE, "nobody@example.com", "gone@example.com", "nopassword@example.com")
    assert len({told(world, accounts.SIGN_IN, by_link(email)) for email in addresses}) == 1


def test_mails_are_counted_alike(world: World) -> None:
    """T005, T099: after five to one address 429, known or not; so many by source; whatever the spelling."""
    world.configure(
        "sessions", rateLimits={"code": {"limit": 5, "limitPerSource": 12, "windowSeconds": 3600}}
    )
    world.sign_up()
    for email in (ALICE, "nobody@example.com"):
        answers = [told(world, accounts.SIGN_IN, by_link(email)) for _ in range(6)]
        assert len(set(answers[:5])) == 1
        assert answers[5].startswith("auth/too-many-code-requests")
    again = world.refused(accounts.SIGN_IN, by_link("ALICE@Example.com"))
    assert (again.code, (again.retry_after or 0) > 3000) == ("auth/too-many-code-requests", True)
    for number in range(2):
        world.call(accounts.SIGN_IN, by_link(f"user{number}@example.com"))
    assert world.refused(accounts.SIGN_IN, by_link("more@example.com")).code == "auth/too-many-code-requests"
    elsewhere = Source(ip_address="192.0.2.9")
    world.call(accounts.SIGN_IN, by_link("more@example.com"), source=elsewhere)
    assert len(world.mails("magic_link", to=ALICE)) == 5


@pytest.mark.parametrize("operation", [accounts.SIGN_UP, accounts.SIGN_IN], ids=["sign-up", "sign-in"])
@pytest.mark.parametrize(
    ("setting", "code"),
    [("magicLinkEnabled", "auth/magiclink-disabled"), ("enabled", "auth/email-auth-disabled")],
)
def test_links_can_be_switched_off(world: World, operation: Any, setting: str, code: str) -> None:
    """Neither asked for nor followed, also one that was mailed before."""
    token = magic_token(world)
    world.configure("email", **{setting: False})
    request = operation.request(method="magiclink", email=ALICE, callback_url=APP)
    assert world.refused(operation, request).code == code
    assert refusal(world, token) == ("auth/magiclink-disabled", 400)
    if setting == "magicLinkEnabled":
        world.sign_up()


@pytest.mark.parametrize("operation", [accounts.SIGN_UP, accounts.SIGN_IN], ids=["sign-up", "sign-in"])
def test_each_method_has_its_own_fields(world: World, operation: Any) -> None:
    """A link needs callbackUrl, a password password; the other method's fields are ignored."""
    base = {"method": "magiclink", "email": ALICE}
    failure = world.refused(operation, Raw(body=base))
    assert (failure.code, dict(failure.details or {})) == (
        "common/invalid-parameters",
        {"callbackUrl": ["is required"]},
    )
    world.call(operation, Raw(body=base | {"callbackUrl": APP, "password": 7}))
    needed = {"password", "name"} if operation is accounts.SIGN_UP else {"password"}
    failure = world.refused(operation, Raw(body={"method": "password", "email": ALICE, "callbackUrl": 7}))
    assert set(failure.details or {}) == needed
    failure = world.refused(operation, Raw(body=base | {"method": "sms", "password": PASSWORD, "name": "A"}))
    assert dict(failure.details or {}) == {"method": ["must be password or magiclink"]}


@pytest.mark.parametrize(
    "email",
    [
        "a@b.example, c@d.example",
        "a@b.example\nBcc: c@d.example",
        "<a@b.example>",
        "a@b",
        "x" * 300 + "@b.example",
    ],
)
def test_one_address_is_one_recipient(world: World, email: str) -> None:
    """T102: nothing that names another recipient passes for an address."""
    assert world.refused(accounts.SIGN_IN, by_link(email)).code == "auth/invalid-email"
    assert world.mails() == []


# Where links lead


@pytest.mark.parametrize(
    "url",
    [
        "//evil.example", "https:evil.example", "/\\evil.example", "https://ok@evil.example",
        "https://ok\\@evil.example", "\thttps://evil.example", "https://ok.example/\n", "javascript:alert(1)",
        "data:text/html,x", "https://", "", "ok.example", "https://ok.example:99999/", "https://ok.example/a/../b",
    ],
)  # fmt: skip
def test_callback_urls_are_refused_when_asked(world: World, url: str) -> None:
    """T090: what browsers read otherwise than it seems gets no mail, even in dev."""
    failure = world.refused(accounts.SIGN_IN, by_link(callback_url=url))
    assert (failure.code, set(failure.details or {})) == ("common/invalid-parameters", {"callbackUrl"})
    assert world.mails() == []


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://app.example.com", True),
        ("https://APP.example.com:443/any?x=1#y", True),
        ("https://app.example.com.evil.example/", False),
        ("https://app.example.com:8443/", False),
        ("http://app.example.com/", False),
        ("https://shop.example.com/in", True),
        ("https://shop.example.com/in/side?x=1", True),
        ("https://shop.example.com/inside", False),
        ("https://shop.example.com/", False),
        ("https://shop.example.com/in/%2E%2e/out", False),
        ("http://127.0.0.1:8787/magic-link", True),
    ],
)
def test_callback_urls_lie_below_what_is_allowed(world: World, url: str, allowed: bool) -> None:
    """By exact origin and whole segments of the path; the server's own pages always."""
    world.configure("email", allowedCallbackUrls=["https://app.example.com", "https://shop.example.com/in"])
    if allowed:
        world.call(accounts.SIGN_IN, by_link(callback_url=url))
    else:
        assert world.refused(accounts.SIGN_IN, by_link(callback_url=url)).code == "common/invalid-parameters"


def test_outside_dev_callback_urls_have_to_be_named(world: World) -> None:
    """Decision 42: with nothing allowed there is no link."""
    live = world.beside("live", "prod")
    assert live.refused(accounts.SIGN_IN, by_link()).code == "common/invalid-parameters"


def test_a_link_keeps_what_the_callback_url_has(world: World) -> None:
    """Query and fragment stay where they belong."""
    world.call(accounts.SIGN_IN, by_link(callback_url="https://app.example.com/in?next=/x#top"))
    link = link_of(world, "magic_link")
    assert link.startswith("https://app.example.com/in?next=/x&token=")
    assert link.endswith("&email=alice%40example.com#top")


def test_a_lock_does_not_stop_a_link(world: World) -> None:
    """Wrong passwords of others lock passwords out, not the owner of the mailbox."""
    world.sign_up()
    for _ in range(5):
        world.refusal(world.sign_in, ALICE, "Wr0ng-password!")
    assert world.refusal(world.sign_in) == "auth/account-locked"
    follow(world, magic_token(world))


def _prove(world: World, pair: accounts.TokenPair) -> None:
    token = token_of(world, "signup_confirmation", world.me(pair).email)
    request = accounts.ConfirmSignUp(token=token, email=world.me(pair).email)
    world.call(accounts.CONFIRM_SIGN_UP, request, key=None)


def _proven_with_mfa(world: World) -> mfa.MfaSetup:
    _prove(world, pair := world.sign_up())
    return world.enrol(pair)
