"""Codes of the hosted page: traded once, soon, by whom they were given to."""

from __future__ import annotations

from typing import Any

import pytest

from bkendctl.contract import accounts, hosted, password_resets, users
from bkendctl.contract.accounts import TokenPair
from bkendctl.contract.operation import Raw, place
from bkendctl.core.call import Call, Source
from bkendctl.core.clock import SECOND
from bkendctl.core.dispatch import answer
from bkendctl.core.hosted import challenge_of, give
from bkendctl.core.randomness import new_id
from tests.conftest import PASSWORD, World, at_once
from tests.operations.mailed import ALICE, token_of

APP = "https://app.example.com/done"
VERIFIER = "v" * 43
MISUSED = ("auth/invalid-token", 401)


def code_for(world: World, email: str = ALICE, *, redirect_uri: str = APP) -> str:
    """Sign in as the page does: the same operation, its tokens traded for a code."""
    raw = place(accounts.SIGN_IN, accounts.SignIn(email=email, password=PASSWORD))
    raw.headers["x-api-key"] = world.pk
    call = Call(world.core, accounts.SIGN_IN, Source(user_agent="Browser/1"))
    return give(call, answer(call, raw), redirect_uri, challenge_of(VERIFIER))


def anyones_code(world: World) -> str:
    """The code of somebody who signs up for it."""
    email = f"{new_id(world.core.randomness)}@example.com"
    world.sign_up(email)
    return code_for(world, email)


def wanted(code: str, **other: str) -> hosted.Exchange:
    """The request that trades a code."""
    fields = {"code": code, "code_verifier": VERIFIER, "redirect_uri": APP} | other
    return hosted.Exchange(**fields)


def trade(world: World, code: str, **how: Any) -> TokenPair:
    """Trade a code."""
    return world.call(hosted.EXCHANGE, wanted(code), **how)  # type: ignore[no-any-return]


def refusal(world: World, code: str, **other: str) -> tuple[str, int]:
    """Trade a code that is refused."""
    failure = world.refused(hosted.EXCHANGE, wanted(code, **other))
    return failure.code, failure.status


def test_a_code_gives_the_tokens_of_one_session(world: World) -> None:
    """Its session is named after who traded it, and lives as long as any other."""
    world.sign_up()
    pair = trade(world, code_for(world), source=Source(ip_address="192.0.2.7", user_agent="App/2 (x)"))
    assert world.me(pair).email == ALICE
    (mine,) = [each for each in world.sessions(pair) if each.is_current]
    assert (mine.user_agent, mine.device_info, mine.ip_address) == ("App/2 (x)", "App/2", "192.0.2.7")
    world.clock.advance(120 * SECOND)
    world.me(world.refresh(pair))


def test_a_code_works_once(world: World) -> None:
    """P5: of fifty parallel trades one succeeds."""
    world.sign_up()
    code = code_for(world)
    outcomes = at_once(50, lambda _: trade(world, code))
    assert sum(not isinstance(outcome, str) for outcome in outcomes) == 1
    assert outcomes.count("auth/invalid-token") == 49


@pytest.mark.parametrize(
    "other",
    [
        {"code_verifier": "w" * 43},
        {"code_verifier": challenge_of(VERIFIER)},
        {"redirect_uri": f"{APP}/"},
        {"redirect_uri": APP.upper()},
    ],
)
def test_a_wrong_try_spends_the_code_and_ends_its_session(world: World, other: dict[str, str]) -> None:
    """T074: another verifier, also the challenge itself (plain), or another redirect URI."""
    world.sign_up()
    code = code_for(world)
    assert refusal(world, code, **other) == MISUSED
    assert refusal(world, code) == MISUSED
    assert [each.user_agent for each in world.sessions(world.sign_in())].count("Browser/1") == 0


def test_a_code_lives_a_minute(world: World) -> None:
    """And so does the session behind it that nobody collected."""
    pair = world.sign_up()
    code = code_for(world)
    world.clock.advance(60 * SECOND - 1)
    late = code_for(world)
    trade(world, code)
    assert len(world.sessions(pair)) == 3
    world.clock.advance(60 * SECOND)
    assert refusal(world, late) == ("auth/token-expired", 401)
    assert refusal(world, late) == MISUSED
    assert len(world.sessions(pair)) == 2


def test_the_tokens_a_code_stands_for_are_dead(world: World) -> None:
    """Nothing that the page held can be used, before or after the trade."""
    world.sign_up()
    raw = place(accounts.SIGN_IN, accounts.SignIn(email=ALICE, password=PASSWORD))
    raw.headers["x-api-key"] = world.pk
    call = Call(world.core, accounts.SIGN_IN, Source())
    held: TokenPair = answer(call, raw)
    code = give(call, held, APP, challenge_of(VERIFIER))
    assert world.refusal(world.refresh, held) == "auth/invalid-refresh-token"
    trade(world, code)
    assert world.refusal(world.refresh, held) == "auth/invalid-refresh-token"


def test_what_ends_sessions_ends_codes(world: World) -> None:
    """P3: a reset, the end of all sessions, a ban and a deletion between page and trade."""
    pair = world.sign_up()
    code = code_for(world)
    world.call(password_resets.REQUEST, password_resets.Request(email=ALICE))
    fields = {"email": ALICE, "token": token_of(world, "password_reset"), "new_password": PASSWORD + "2"}
    world.call(password_resets.CONFIRM, password_resets.Confirm(**fields))
    assert refusal(world, code) == MISUSED
    world.assert_dead(pair)
    bob = world.make_user("bob@example.com", password=PASSWORD)
    code, other = code_for(world, bob.email), code_for(world, bob.email)
    world.call(users.BAN, users.Ban(user_id=bob.id), key="sk")
    assert refusal(world, code) == ("auth/account-banned", 403)
    world.call(users.DELETE, users.UserId(user_id=bob.id), key="sk")
    assert refusal(world, other) in (MISUSED, ("auth/account-banned", 403))


def test_a_code_is_of_its_environment(world: World) -> None:
    """Another environment's key gets nothing for it, and leaves it alone."""
    world.sign_up()
    code = code_for(world)
    assert world.beside("live", "prod").refused(hosted.EXCHANGE, wanted(code)).code == "auth/invalid-token"
    trade(world, code)


@pytest.mark.parametrize("name", ["code", "codeVerifier", "redirectUri"])
def test_every_part_is_needed(world: World, name: str) -> None:
    """Missing, null or too short: 400 and the field, and nothing is spent."""
    world.sign_up()
    code = code_for(world)
    body = {"code": code, "codeVerifier": VERIFIER, "redirectUri": APP}
    for bad in ({}, {name: None}, {name: "" if name != "redirectUri" else 7}):
        given = {key: value for key, value in body.items() if key != name} | bad
        failure = world.refused(hosted.EXCHANGE, Raw(body=given))
        assert (failure.code, set(failure.details or {})) == ("common/invalid-parameters", {name})
    trade(world, code)
