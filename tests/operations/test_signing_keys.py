"""Keys of access tokens: rotated without signing anybody out, retired at once."""

from __future__ import annotations

from typing import Any

import jwt
import pytest

from bkendctl.contract import signing_keys, users
from bkendctl.core.clock import wire
from tests.conftest import World, at_once

UNKNOWN = "00000000-0000-4000-8000-000000000000"


def listed(world: World) -> list[signing_keys.SigningKey]:
    """All keys."""
    return world.call(signing_keys.LIST, key="sk").items  # type: ignore[no-any-return]


def rotated(world: World, **fields: Any) -> signing_keys.SigningKey:
    """Rotate."""
    return world.call(signing_keys.ROTATE, signing_keys.Rotate(**fields), key="sk")  # type: ignore[no-any-return]


def retired(world: World, kid: str) -> signing_keys.SigningKey:
    """Retire."""
    return world.call(signing_keys.RETIRE, signing_keys.KeyId(kid=kid), key="sk")  # type: ignore[no-any-return]


def test_tokens_of_the_former_key_stay_good(world: World) -> None:
    """New ones are signed by the new key, old ones are still checked."""
    before = world.sign_up()
    [former] = listed(world)
    new = rotated(world)
    assert [(key.kid, key.status) for key in listed(world)] == [
        (new.kid, "signing"),
        (former.kid, "verifying"),
    ]
    assert new.algorithm == former.algorithm == "ES256"
    assert world.me(before).email == "alice@example.com"
    after = world.sign_in()
    assert jwt.get_unverified_header(after.access_token)["kid"] == new.kid
    assert world.me(after).email == "alice@example.com"


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA", "HS256"])
def test_every_algorithm_signs_and_verifies(world: World, algorithm: str) -> None:
    """And is carried over by the next rotation."""
    assert rotated(world, algorithm=algorithm).algorithm == algorithm
    pair = world.sign_up()
    assert jwt.get_unverified_header(pair.access_token)["alg"] == algorithm
    assert world.me(pair).email == "alice@example.com"
    assert rotated(world).algorithm == algorithm


def test_tokens_of_a_retired_key_are_refused_at_once(world: World) -> None:
    """Also one that was checked before; the session lives on, and a refresh gives a new token."""
    pair = world.sign_up()
    world.me(pair)
    [former] = listed(world)
    rotated(world)
    gone = retired(world, former.kid)
    assert (gone.status, gone.retired_at) == ("retired", wire(world.clock.now()))
    assert world.refusal(world.me, pair) == "auth/invalid-token"
    assert world.me(world.refresh(pair)).email == "alice@example.com"
    assert retired(world, former.kid) == gone


def test_the_signing_key_cannot_be_retired(world: World) -> None:
    """Nobody could sign in any more; unknown ones and those of another environment are not found."""
    [present] = listed(world)
    request = signing_keys.KeyId(kid=present.kid)
    assert world.refused(signing_keys.RETIRE, request, key="sk").code == "signing-key/in-use"
    [elsewhere] = listed(world.beside("other"))
    for kid in (UNKNOWN, elsewhere.kid):
        failure = world.refused(signing_keys.RETIRE, signing_keys.KeyId(kid=kid), key="sk")
        assert failure.code == "signing-key/not-found"


def test_one_key_signs_however_many_rotate(world: World) -> None:
    """Of many at once each makes a key, and the last one signs."""
    at_once(6, lambda _: rotated(world))
    statuses = [key.status for key in listed(world)]
    assert statuses == ["signing"] + ["verifying"] * 6


def test_no_private_half_is_told(world: World) -> None:
    """Neither in an answer nor in the audit; users and publishable keys see nothing at all."""
    rotated(world, algorithm="HS256")
    assert {"private", "secret"}.isdisjoint(repr(listed(world)).lower().split("_"))
    pair = world.sign_up()
    for operation in (signing_keys.LIST, signing_keys.ROTATE):
        assert world.refused(operation, token=pair).code == "auth/forbidden"
        assert world.refused(operation).code == "auth/unauthorized"
    assert world.call(users.LIST, key="sk").items
