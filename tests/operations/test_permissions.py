"""Who may do what: every caller against every operation, and the order in which a request is judged."""

from __future__ import annotations

import re
from typing import Any

import pytest

from bkendctl.contract import accounts, keys, users
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Access, Operation, Raw
from tests.catalogue import OPERATIONS, name_of
from tests.conftest import World

UNKNOWN = "00000000-0000-4000-8000-000000000000"
KEY, JWT, SCOPE, ROLE, PASSES = "key", "jwt", "scope", "role", "passes"
CALLERS = ("none", "pk", "user", "guest", "admin", "sk", "scoped")

# Where each caller ends who asks about somebody else; x-access-values of the contract, column by column.
ENDS = {
    Access.PUBLIC: (PASSES, PASSES, PASSES, PASSES, PASSES, PASSES, PASSES),
    Access.GUEST: (KEY, PASSES, PASSES, PASSES, PASSES, PASSES, PASSES),
    Access.OPTIONAL_USER: (KEY, PASSES, PASSES, PASSES, PASSES, PASSES, PASSES),
    Access.USER: (KEY, JWT, PASSES, PASSES, PASSES, JWT, JWT),
    Access.SELF_OR_ADMIN: (KEY, JWT, ROLE, ROLE, PASSES, PASSES, SCOPE),
    Access.ADMIN: (KEY, JWT, ROLE, ROLE, PASSES, PASSES, SCOPE),
    Access.MEMBER_OR_ADMIN: (KEY, JWT, PASSES, PASSES, PASSES, PASSES, SCOPE),
    Access.MANAGER_OR_ADMIN: (KEY, JWT, PASSES, PASSES, PASSES, PASSES, SCOPE),
}

NOUNS: dict[str, list[Operation[Any, Any]]] = {}
for each in OPERATIONS:
    NOUNS.setdefault(each.name.partition(".")[0], []).append(each)

EXCEPT = {("organizations.create", "guest"): ROLE}
"""What an operation says beyond its x-access: by operation and caller."""


def code_of(operation: Operation[Any, Any], end: str) -> str | None:
    """The code a caller gets who ends there."""
    under_users = operation.path.startswith("/v1/users")
    if end == SCOPE and operation.scope is None:
        return None
    return {
        KEY: "auth/unauthorized",
        JWT: "user/unauthorized" if under_users else "auth/unauthorized",
        SCOPE: "data/scope-insufficient",
        ROLE: "user/forbidden" if under_users else "auth/forbidden",
        PASSES: None,
    }[end]


def credentials(world: World) -> dict[str, dict[str, Any]]:
    """What each caller sends."""
    people: dict[str, dict[str, Any]] = {}
    for role in ("user", "guest", "admin"):
        token = world.sign_up(f"{role}@example.com")
        request = users.SetRole(user_id=world.me(token).id, role=role)
        world.call(users.SET_ROLE, request, key="sk")
        people[role] = {"token": token}
    scoped = world.make_key("secret", "posts:*")
    return people | {"none": {"key": None}, "pk": {}, "sk": {"key": "sk"}, "scoped": {"key": scoped}}


def expected(operation: Operation[Any, Any]) -> dict[str, str | None]:
    """The code that each caller of an operation meets, None for who passes."""
    ends = dict(zip(CALLERS, ENDS[operation.access], strict=True))
    ends |= {caller: end for (name, caller), end in EXCEPT.items() if name == operation.name}
    return {caller: code_of(operation, end) for caller, end in ends.items()}


def about(operation: Operation[Any, Any], user_id: str) -> Raw:
    """A request about that user, and about ids that nothing has."""
    names = re.findall(r"{(\w+)}", operation.path)
    return Raw(path={name: user_id if name == "userId" else UNKNOWN for name in names})


@pytest.mark.parametrize("noun", NOUNS)
def test_who_may_not_is_refused(world: World, noun: str) -> None:
    """Callers and operations: each is told its code, and the other user is as before (T104, T112)."""
    callers = credentials(world)
    other = world.make_user("other@example.com")
    for operation in NOUNS[noun]:
        for caller, code in expected(operation).items():
            if code is not None:
                met = world.refused(operation, about(operation, other.id), **callers[caller]).code
                assert met == code, f"{operation.name}: {caller} met {met}"
    assert world.call(users.GET, users.UserId(user_id=other.id), key="sk") == other


@pytest.mark.parametrize("world", ["embedded"], indirect=True)
@pytest.mark.parametrize("operation", OPERATIONS, ids=name_of)
def test_who_may_is_not_refused(world: World, operation: Operation[Any, Any]) -> None:
    """The rest of the matrix: they meet at most what is wrong with the request (T104, T112)."""
    callers = credentials(world)
    raw = about(operation, world.make_user("other@example.com").id)
    stops = {code_of(operation, stop) for stop in (KEY, JWT, SCOPE, ROLE)}
    for caller, code in expected(operation).items():
        if code is None:
            met = ""
            try:
                world.call(operation, raw, **callers[caller])
            except Failure as failure:
                met = failure.code
            assert met not in stops, f"{caller} met {met}"


def test_a_request_is_judged_step_by_step(world: World) -> None:
    """Key, JWT, scope, role, validation, state: a fault is told once those before it are mended."""
    token = world.sign_up()
    mine = world.me(token)
    narrow, wide = (world.make_key("publishable", scope) for scope in ("posts:read", "users:update"))
    bad = Raw(path={"userId": UNKNOWN}, body={"role": "king"})
    good = Raw(path={"userId": UNKNOWN}, body={"role": "user"})

    def met(raw: Raw, **how: Any) -> str:
        return world.refused(users.SET_ROLE, raw, **how).code

    assert met(bad, key=None, token="rubbish") == "auth/unauthorized"
    assert met(bad, key="pk_1", token="rubbish") == "auth/invalid-token-format"
    assert met(bad, key="pk_" + "0" * 64, token="rubbish") == "auth/invalid-token"
    assert met(bad, key=narrow) == "user/unauthorized"
    assert met(bad, key=narrow, token="rubbish") == "auth/invalid-token"
    assert met(bad, key=narrow, token=token) == "data/scope-insufficient"
    assert met(bad, key=wide, token=token) == "user/forbidden"
    world.call(users.SET_ROLE, users.SetRole(user_id=mine.id, role="admin"), key="sk")
    assert met(bad, key=narrow, token=token) == "data/scope-insufficient"
    assert met(bad, key=wide, token=token) == "user/invalid-role"
    assert met(good, key=wide, token=token) == "user/not-found"
    own = Raw(path={"userId": mine.id}, body={"role": "user"})
    assert met(own, key=wide, token=token) == "user/last-admin"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "pk_",
        "sk_" + "a" * 63,
        "sk_" + "a" * 65,
        "xk_" + "a" * 64,
        "SK_" + "a" * 64,
        "sk_" + "g" * 64,
        "sk_" + "\u0661" * 64,
        "sk_" + "a" * 64 + "\n",
        " sk_" + "a" * 64,
    ],
)
def test_what_is_no_key_is_told_by_its_form(world: World, header: str) -> None:
    """A key is pk_ or sk_ and 64 hex digits, nothing before or after (T116)."""
    assert world.refused(accounts.GET_ME, key=header).code == "auth/invalid-token-format"


def test_a_key_in_upper_case_is_another_key(world: World) -> None:
    """The digits count as they were given out (T116)."""
    shouted = world.sk[:3] + world.sk[3:].upper()
    assert world.refused(users.LIST, key=shouted).code == "auth/invalid-token"


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Basic abc", "abc", "Bearer a b", ""])
def test_an_authorization_header_without_a_token_is_refused(world: World, header: str) -> None:
    """What is there but no bearer token answers invalid-token, also next to a secret key."""
    for key in (world.pk, world.sk):
        raw = Raw(headers={"authorization": header, "x-api-key": key})
        assert world.refused(users.LIST, raw, key=None).code == "auth/invalid-token"


def test_a_stale_token_does_no_harm_on_guest_paths(world: World) -> None:
    """Operations open to guests ignore the header (decision 15)."""
    world.sign_up()
    request = accounts.SignIn(email="alice@example.com", password="Corr3ct-horse!")
    assert world.call(accounts.SIGN_IN, request, token="stale").token_type == "Bearer"


def test_a_secret_key_next_to_a_token_acts_by_itself(world: World) -> None:
    """Next to a secret key the JWT has to be good but lends nothing; on own paths it says who acts (113)."""
    token = world.sign_up()
    other = world.make_user("bea@example.com")
    renamed = world.call(users.UPDATE, users.UpdateUser(user_id=other.id, name="B"), key="sk", token=token)
    assert renamed.name == "B"
    assert world.call(accounts.GET_ME, key="sk", token=token).email == "alice@example.com"
    assert world.refused(users.LIST, key="sk", token="rubbish").code == "auth/invalid-token"
    world.call(users.DELETE, users.UserId(user_id=world.me(token).id), key="sk")
    assert world.refused(users.LIST, key="sk", token=token).code == "auth/user-not-found"


def test_a_user_with_role_guest_works_on_its_own_account_alone(world: World) -> None:
    """guest renames and deletes itself, and sees nobody (decision 18)."""
    token = world.sign_up()
    mine = world.me(token).id
    world.call(users.SET_ROLE, users.SetRole(user_id=mine, role="guest"), key="sk")
    assert world.call(users.UPDATE, users.UpdateUser(user_id=mine, name="G"), token=token).name == "G"
    assert world.refused(users.LIST, token=token).code == "user/forbidden"
    world.call(users.DELETE, users.UserId(user_id=mine), token=token)


def test_an_admin_user_is_bound_by_the_scopes_of_the_key(world: World) -> None:
    """Scopes bind keys of both kinds before any role: an admin with a narrow pk_ is refused (T114)."""
    token = world.sign_up()
    request = users.SetRole(user_id=world.me(token).id, role="admin")
    world.call(users.SET_ROLE, request, key="sk")
    narrow = world.make_key("publishable", "users:list")
    assert world.call(users.LIST, key=narrow, token=token).pagination.total == 1
    refusal = world.refused(users.DELETE, users.UserId(user_id=UNKNOWN), key=narrow, token=token)
    assert refusal.code == "data/scope-insufficient"


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        (["users:list"], True),
        (["*:list"], True),
        (["users:*"], True),
        (["*:*"], True),
        (["posts:*", "users:list"], True),
        (["users:read"], False),
        (["*:read"], False),
        (["user:list"], False),
        (["Users:list"], False),
        (["users_list:list"], False),
    ],
)
def test_a_scope_covers_its_table_and_operation(world: World, scopes: list[str], allowed: bool) -> None:
    """* stands for any table or operation; names are compared to the letter (T114)."""
    key = world.make_key("secret", *scopes)
    if allowed:
        assert world.call(users.LIST, key=key).items == []
    else:
        assert world.refused(users.LIST, key=key).code == "data/scope-insufficient"


def test_operations_without_a_scope_take_any_key(world: World) -> None:
    """Where the contract names no scope, scopes do not matter."""
    key = world.make_key("secret", "posts:read")
    assert world.call(keys.CURRENT, key=key).scopes == ["posts:read"]
