"""API keys: made, shown, scoped, expired, revoked."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from msgspec import to_builtins

from bkendctl.contract import accounts, keys, users
from bkendctl.contract.accounts import TokenPair
from bkendctl.contract.operation import Raw
from bkendctl.core.clock import DAY, HOUR, MINUTE, SECOND, wire
from tests.conftest import PASSWORD, World, at_once

UNKNOWN = "00000000-0000-4000-8000-000000000000"


def make(world: World, **fields: Any) -> Any:
    """A key, as the secret key makes it."""
    return world.call(keys.CREATE, keys.Create(**{"type": "secret", "name": "CI"} | fields), key="sk")


def admin(world: World, email: str = "root@example.com") -> TokenPair:
    """An admin, signed in."""
    world.make_user(email, "admin", password=PASSWORD)
    return world.sign_in(email)


@pytest.mark.parametrize(("kind", "prefix"), [("publishable", "pk_"), ("secret", "sk_")])
def test_a_new_key_is_shown_whole_once(world: World, kind: str, prefix: str) -> None:
    """The answer holds the key; afterwards only four digits at either end are seen (T117)."""
    made = make(world, type=kind)
    assert re.fullmatch(prefix + "[0-9a-f]{64}", made.key)
    assert made.masked_key == f"{made.key[:7]}****{made.key[-4:]}"
    assert (made.type, made.name, made.status, made.scopes) == (kind, "CI", "active", [])
    assert (made.environment, made.project_id) == ("dev", world.installed.project_id)
    assert (made.expires_at, made.revoked_at, made.last_used_at, made.created_by) == (None,) * 4
    shown = world.call(keys.GET, keys.KeyId(key_id=made.id), key="sk")
    listed = world.call(keys.LIST, key="sk").items
    whole = to_builtins(made)
    del whole["key"]
    assert to_builtins(shown) == whole
    assert shown in listed
    assert made.key not in f"{shown} {listed}"


def test_a_key_works_from_the_next_request_on(world: World) -> None:
    """A secret key administers, a publishable one reaches the account operations."""
    assert world.call(users.LIST, key=make(world).key).items == []
    public = make(world, type="publishable").key
    request = accounts.SignUp(method="password", email="a@example.com", password=PASSWORD, name="A")
    assert world.call(accounts.SIGN_UP, request, key=public).token_type == "Bearer"


def test_publishable_keys_make_no_keys(world: World) -> None:
    """Neither alone nor with a user's token is pk_ enough for keys (T112)."""
    request = keys.Create(type="secret", name="mine")
    assert world.refused(keys.CREATE, request).code == "auth/unauthorized"
    assert world.refused(keys.CREATE, request, token=world.sign_up()).code == "auth/forbidden"
    assert world.refused(keys.CREATE, request, key=None).code == "auth/unauthorized"


def test_a_key_is_made_in_nobody_elses_name(world: World) -> None:
    """createdBy is the admin who signed in, or null for a secret key, whatever the body says (T112)."""
    token = admin(world)
    body = {"type": "secret", "name": "x", "createdBy": UNKNOWN, "userId": UNKNOWN, "id": UNKNOWN}
    by_admin = world.call(keys.CREATE, Raw(body=body), token=token)
    assert (by_admin.created_by, by_admin.id != UNKNOWN) == (world.me(token).id, True)
    assert world.call(keys.CREATE, Raw(body=body), key="sk").created_by is None
    assert world.call(keys.CREATE, Raw(body=body), key="sk", token=token).created_by is None


@pytest.mark.parametrize(
    ("body", "faulty"),
    [
        ({}, {"type", "name"}),
        ({"type": "private", "name": "x"}, {"type"}),
        ({"type": "secret", "name": ""}, {"name"}),
        ({"type": "secret", "name": "x" * 101}, {"name"}),
        ({"type": "secret", "name": "x", "scopes": ["users"]}, {"scopes.0"}),
        ({"type": "secret", "name": "x", "scopes": ["a:read", "users:read "]}, {"scopes.1"}),
        ({"type": "secret", "name": "x", "scopes": ["users:READ"]}, {"scopes.0"}),
        ({"type": "secret", "name": "x", "scopes": ["users:read\n"]}, {"scopes.0"}),
        ({"type": "secret", "name": "x", "scopes": ["**:read"]}, {"scopes.0"}),
        ({"type": "secret", "name": "x", "scopes": [":"]}, {"scopes.0"}),
        ({"type": "secret", "name": "x", "scopes": "users:read"}, {"scopes"}),
        ({"type": "secret", "name": "x", "scopes": None}, {"scopes"}),
        ({"type": "secret", "name": "x", "scopes": [f"t{n}:read" for n in range(101)]}, {"scopes"}),
        ({"type": "secret", "name": "x", "scopes": ["a:read", "a:read"]}, {"scopes"}),
        ({"type": "secret", "name": "x", "expiresAt": "2020-01-01T00:00:00Z"}, {"expiresAt"}),
        ({"type": "secret", "name": "x", "expiresAt": "tomorrow"}, {"expiresAt"}),
        (
            {
                "type": "secret",
                "name": "x",
                "expiresAt": "2020-01-01T00:00:00Z",
                "scopes": ["a:read", "a:read"],
            },
            {"expiresAt", "scopes"},
        ),
        ({"type": "secret", "name": "x", "environment": "../dev"}, {"environment"}),
    ],
)
def test_a_faulty_key_is_refused(world: World, body: dict[str, Any], faulty: set[str]) -> None:
    """Every fault is named by field, scopes by their place; none makes a key (T114)."""
    refusal = world.refused(keys.CREATE, Raw(body=body), key="sk")
    assert (refusal.code, set(refusal.details or {})) == ("common/invalid-parameters", faulty)
    assert world.call(keys.LIST, key="sk").pagination.total == 2


def test_the_reason_of_a_malformed_scope_says_what_a_scope_is(world: World) -> None:
    """The reason is about the scope, not about the list it is in."""
    body = {"type": "secret", "name": "x", "scopes": ["users"]}
    refusal = world.refused(keys.CREATE, Raw(body=body), key="sk")
    assert dict(refusal.details or {}) == {
        "scopes.0": ["must be table:operation, such as posts:read or *:list"]
    }


def test_a_request_is_judged_before_the_environment_is_looked_up(world: World) -> None:
    """A faulty request to an unknown environment is told its fault (x-check-order)."""
    past = keys.Create(type="secret", name="x", environment="nowhere", expires_at="2020-01-01T00:00:00Z")
    assert world.refused(keys.CREATE, past, key="sk").code == "common/invalid-parameters"
    unknown = keys.Create(type="secret", name="x", environment="nowhere")
    assert world.refused(keys.CREATE, unknown, key="sk").code == "data/environment-not-found"


def test_a_key_ends_at_its_expiry(world: World) -> None:
    """Good up to the last millisecond, refused from the instant on, listed as expired (T116)."""
    until = world.clock.now() + HOUR
    made = make(world, expires_at=str(wire(until)).replace("Z", "+00:00"))
    assert made.expires_at == wire(until)
    world.clock.advance(HOUR - 1)
    assert world.call(users.LIST, key=made.key).items == []
    world.clock.advance(1)
    refusal = world.refused(users.LIST, key=made.key)
    assert (refusal.code, refusal.status) == ("auth/token-expired", 401)
    assert world.call(keys.GET, keys.KeyId(key_id=made.id), key="sk").status == "expired"
    late = keys.Create(type="secret", name="x", expires_at=str(wire(world.clock.now())))
    assert world.refused(keys.CREATE, late, key="sk").code == "common/invalid-parameters"


def test_a_revoked_key_is_refused_at_once(world: World) -> None:
    """From the next request on, on guest paths too; revoking again succeeds and keeps the time (T116)."""
    made = make(world)
    world.call(keys.REVOKE, keys.KeyId(key_id=made.id), key="sk")
    for operation in (users.LIST, keys.CURRENT):
        refusal = world.refused(operation, key=made.key)
        assert (refusal.code, refusal.status) == ("auth/token-revoked", 401)
    when = wire(world.clock.now())
    world.clock.advance(SECOND)
    world.call(keys.REVOKE, keys.KeyId(key_id=made.id), key="sk")
    shown = world.call(keys.GET, keys.KeyId(key_id=made.id), key="sk")
    assert (shown.status, shown.revoked_at) == ("revoked", when)


def test_a_key_may_revoke_itself(world: World) -> None:
    """The last thing a key does may be to end itself."""
    made = make(world, scopes=["api-keys:delete"])
    world.call(keys.REVOKE, keys.KeyId(key_id=made.id), key=made.key)
    assert world.refused(keys.CURRENT, key=made.key).code == "auth/token-revoked"


@pytest.mark.parametrize("operation", [keys.GET, keys.REVOKE])
@pytest.mark.parametrize("key_id", [UNKNOWN, "none", "x" * 5000])
def test_unknown_keys_are_not_found(world: World, operation: Any, key_id: str) -> None:
    """Ids of no key, also malformed ones."""
    assert world.refused(operation, keys.KeyId(key_id=key_id), key="sk").code == "api-key/not-found"


def banned(world: World, user_id: str) -> None:
    """Ban the user."""
    world.call(users.BAN, users.Ban(user_id=user_id), key="sk")


def deleted(world: World, user_id: str) -> None:
    """Delete the user."""
    world.call(users.DELETE, users.UserId(user_id=user_id), key="sk")


@pytest.mark.parametrize(("end", "back"), [(banned, users.UNBAN), (deleted, users.RESTORE)])
def test_the_keys_of_a_user_end_with_its_ban_or_deletion(
    world: World, end: Callable[[World, str], None], back: Any
) -> None:
    """Personal keys are refused at once and stay so when their maker comes back (T060)."""
    admin(world)
    token = admin(world, "second@example.com")
    user_id = world.me(token).id
    mine = world.call(keys.CREATE, keys.Create(type="secret", name="mine"), token=token)
    others = make(world)
    end(world, user_id)
    assert world.refused(users.LIST, key=mine.key).code == "auth/token-revoked"
    assert world.call(users.LIST, key=others.key).items
    world.call(back, users.UserId(user_id=user_id), key="sk")
    assert world.refused(users.LIST, key=mine.key).code == "auth/token-revoked"


@pytest.mark.parametrize(
    ("own", "wanted", "allowed"),
    [
        (["api-keys:create", "posts:read"], ["posts:read"], True),
        (["api-keys:create", "posts:*"], ["posts:read", "posts:delete"], True),
        (["api-keys:*", "*:read"], ["posts:read", "*:read"], True),
        (["*:*"], ["*:*"], True),
        (["api-keys:create", "posts:read"], ["posts:*"], False),
        (["api-keys:create", "*:read"], ["*:*"], False),
        (["api-keys:create", "posts:read"], ["posts:read", "users:read"], False),
        (["api-keys:create", "posts:*"], ["*:read"], False),
        (["api-keys:create"], [], False),
        (["*:*"], [], False),
        (["posts:*"], ["posts:read"], False),
    ],
)
@pytest.mark.parametrize("kind", ["publishable", "secret"])
def test_a_scoped_key_makes_no_wider_one(
    world: World, own: list[str], wanted: list[str], allowed: bool, kind: str
) -> None:
    """New scopes lie within the own ones; an empty list would reach further (decision 127)."""
    scoped = make(world, scopes=own).key
    request = keys.Create(type=kind, name="x", scopes=wanted)
    if allowed:
        assert world.call(keys.CREATE, request, key=scoped).scopes == wanted
    else:
        assert world.refused(keys.CREATE, request, key=scoped).code == "data/scope-insufficient"


def test_an_admin_behind_a_scoped_key_makes_no_wider_one(world: World) -> None:
    """The key's scopes bind its maker also when a user with role admin signs in through it."""
    token = admin(world)
    narrow = make(world, type="publishable", scopes=["api-keys:create"]).key
    request = keys.Create(type="secret", name="x", scopes=["users:read"])
    refusal = world.refused(keys.CREATE, request, key=narrow, token=token)
    assert refusal.code == "data/scope-insufficient"


def test_the_calling_key_sees_itself(world: World) -> None:
    """Any key may; a publishable one learns neither its maker nor its last use (decision 141)."""
    token = admin(world)
    secret, public = (
        world.call(keys.CREATE, keys.Create(type=kind, name="x", scopes=["a:read"]), token=token)
        for kind in ("secret", "publishable")
    )
    world.call(keys.CURRENT, key=secret.key)
    seen = world.call(keys.CURRENT, key=secret.key)
    assert (seen.id, seen.created_by, seen.last_used_at) == (
        secret.id, world.me(token).id, wire(world.clock.now()),
    )  # fmt: skip
    world.call(keys.CURRENT, key=public.key)
    seen = world.call(keys.CURRENT, key=public.key)
    assert (seen.id, seen.created_by, seen.last_used_at) == (public.id, None, None)
    assert seen.masked_key == public.masked_key


def test_the_last_use_is_noted_at_most_once_a_minute(world: World) -> None:
    """lastUsedAt moves with the first use and then once a minute (decision 124)."""
    made = make(world)
    start = world.clock.now()
    noted = []
    for wait in (0, MINUTE - 1, 1):
        world.clock.advance(wait)
        world.call(users.LIST, key=made.key)
        noted.append(world.call(keys.GET, keys.KeyId(key_id=made.id), key="sk").last_used_at)
    assert noted == [wire(start), wire(start), wire(start + MINUTE)]


def test_keys_are_listed_newest_first_by_kind_and_state(world: World) -> None:
    """Active ones unless asked otherwise; all, by kind and by page."""
    world.clock.advance(SECOND)
    revoked = make(world, name="revoked")
    make(world, name="expired", expires_at=str(wire(world.clock.now() + DAY)), type="publishable")
    world.call(keys.REVOKE, keys.KeyId(key_id=revoked.id), key="sk")
    world.clock.advance(DAY)
    make(world, name="newest")

    def names(**wanted: Any) -> list[str]:
        page = world.call(keys.LIST, keys.ListKeys(**wanted), key="sk")
        return [key.name for key in page.items]

    first = ["init publishable", "init secret"]
    assert names()[0] == "newest"
    assert sorted(names()) == sorted([*first, "newest"])
    assert names(status="revoked") == ["revoked"]
    assert names(status="expired") == ["expired"]
    assert sorted(names(status="all")) == sorted([*first, "newest", "expired", "revoked"])
    assert names(type="secret") == ["newest", "init secret"]
    assert names(status="all", limit=1, page=1) == ["newest"]
    assert names(environment="nowhere") == []
    page = world.call(keys.LIST, keys.ListKeys(status="all", limit=2), key="sk").pagination
    assert (page.total, page.total_pages) == (5, 3)


def test_a_key_for_another_environment_works_there(world: World) -> None:
    """environment names one of the same project; the key reaches that one alone."""
    beside = world.beside("staging", "staging")
    world.make_user("bea@example.com")
    made = make(world, environment="staging")
    assert made.environment == "staging"
    assert beside.call(users.LIST, key=made.key).pagination.total == 0


# Rotation


def rotated(world: World, key_id: str, key: str = "sk", **fields: Any) -> Any:
    """Rotate a key."""
    return world.call(keys.ROTATE, keys.Rotate(key_id=key_id, **fields), key=key)


def test_a_rotated_key_carries_everything_over(world: World) -> None:
    """Name, kind, environment, scopes and expiry; the old one is revoked at once without a grace."""
    old = make(world, scopes=["users:list"], expires_at=wire(world.clock.now() + DAY))
    new = rotated(world, old.id)
    for name in ("type", "name", "environment", "scopes", "expires_at", "status"):
        assert getattr(new, name) == getattr(old, name)
    assert new.id != old.id
    assert world.refused(users.LIST, key=old.key).code == "auth/token-revoked"
    world.call(users.LIST, key=new.key)


def test_both_are_valid_while_the_grace_runs(world: World) -> None:
    """By the moving clock, to the millisecond; the old one says when it ends."""
    old = make(world)
    new = rotated(world, old.id, grace_seconds=3600)
    shown = world.call(keys.GET, keys.KeyId(key_id=old.id), key="sk")
    assert (shown.status, shown.revoked_at) == ("active", wire(world.clock.now() + HOUR))
    world.clock.advance(HOUR - 1)
    for key in (old.key, new.key):
        world.call(users.LIST, key=key)
    world.clock.advance(1)
    assert world.refused(users.LIST, key=old.key).code == "auth/token-revoked"
    world.call(users.LIST, key=new.key)


def test_a_key_is_rotated_once(world: World) -> None:
    """Neither a revoked nor a rotated one, of many at once none but the first, none of elsewhere."""
    old = make(world)
    answers = at_once(8, lambda _: rotated(world, old.id, grace_seconds=60))
    assert sum(not isinstance(answer, str) for answer in answers) == 1
    assert {answer for answer in answers if isinstance(answer, str)} == {"api-key/already-revoked"}
    gone = make(world)
    world.call(keys.REVOKE, keys.KeyId(key_id=gone.id), key="sk")
    for key_id, code in ((gone.id, "api-key/already-revoked"), (UNKNOWN, "api-key/not-found")):
        assert world.refused(keys.ROTATE, keys.Rotate(key_id=key_id), key="sk").code == code


def test_an_expired_key_needs_a_new_expiry(world: World) -> None:
    """Else the new one were born expired; null is for never."""
    old = make(world, expires_at=wire(world.clock.now() + MINUTE))
    world.clock.advance(MINUTE)
    failure = world.refused(keys.ROTATE, keys.Rotate(key_id=old.id), key="sk")
    assert (failure.code, list(failure.details or ())) == ("common/invalid-parameters", ["expiresAt"])
    assert rotated(world, old.id, expires_at=None).expires_at is None


def test_a_key_with_scopes_rotates_only_within_them(world: World) -> None:
    """Decision 127: it would hold the new one in its hand."""
    keeper = make(world, scopes=["api-keys:update", "users:list"]).key
    for scopes in ([], ["users:delete"]):
        wider = make(world, scopes=scopes)
        failure = world.refused(keys.ROTATE, keys.Rotate(key_id=wider.id), key=keeper)
        assert failure.code == "data/scope-insufficient"
    assert rotated(world, make(world, scopes=["users:list"]).id, key=keeper).scopes == ["users:list"]


def test_a_personal_key_stays_personal(world: World) -> None:
    """Rotated by a secret key it still ends with its user."""
    token = admin(world)
    world.make_user("second@example.com", "admin")
    mine = world.call(keys.CREATE, keys.Create(type="secret", name="mine"), token=token)
    new = rotated(world, mine.id)
    assert new.created_by == mine.created_by is not None
    world.call(users.BAN, users.Ban(user_id=mine.created_by), key="sk")
    assert world.refused(users.LIST, key=new.key).code == "auth/token-revoked"


@pytest.mark.parametrize("seconds", [-1, 604_801])
def test_a_grace_has_its_bounds(world: World, seconds: int) -> None:
    """From none to a week."""
    request = keys.Rotate(key_id=make(world).id, grace_seconds=seconds)
    assert list(world.refused(keys.ROTATE, request, key="sk").details or ()) == ["graceSeconds"]
