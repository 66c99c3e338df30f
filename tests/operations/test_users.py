"""Users as an admin manages them: make, read, rename, delete, restore, ban, roles, sessions, MFA."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from msgspec import to_builtins

from bkendctl.contract import (
    accounts,
    avatars,
    mfa,
    notifications,
    onboarding,
    preferences,
    profile,
    public_settings,
    users,
)
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Operation, Raw
from bkendctl.core.clock import DAY, HOUR, SECOND, wire
from tests.catalogue import OPERATIONS, name_of
from tests.conftest import PASSWORD, World

UNKNOWN = "00000000-0000-4000-8000-000000000000"


def test_a_created_user_is_shown_whole_with_unset_values_as_null(world: World) -> None:
    """A new user has an id of its own, role user, an unproven address, and nulls where nothing is set."""
    made = world.call(users.CREATE, users.CreateUser(name="Bea", email="Bea@Example.com"), key="sk")
    assert UUID(made.id).version == 4
    assert (made.name, made.email, made.role) == ("Bea", "bea@example.com", "user")
    assert (made.email_verified, made.nickname, made.image, made.last_sign_in_at) == (None,) * 4
    assert (made.status, made.onboarding_status, made.mfa_enabled) == ("active", "pending", False)
    assert made.created_at == made.updated_at == wire(world.clock.now())
    assert world.call(users.GET, users.UserId(user_id=made.id), key="sk") == made


def test_a_user_created_with_a_password_signs_in_with_it(world: World) -> None:
    """An admin may give a first password and mark the address as proven; no mail goes out."""
    made = world.make_user("bea@example.com", password=PASSWORD, email_verified=True)
    assert made.email_verified == made.created_at
    assert world.me(world.sign_in("bea@example.com")).id == made.id
    assert world.mails() == []


def test_a_user_created_without_a_password_cannot_sign_in_by_password(world: World) -> None:
    """Without a password every password is wrong, and nothing tells why."""
    world.make_user("bea@example.com")
    request = accounts.SignIn(email="bea@example.com", password=PASSWORD)
    assert world.refused(accounts.SIGN_IN, request).code == "auth/invalid-credentials"


def test_an_address_belongs_to_one_user_whatever_its_case(world: World) -> None:
    """Making a second user of an address is refused with 409 (T109)."""
    world.make_user("bea@example.com")
    refusal = world.refused(users.CREATE, users.CreateUser(name="B", email="BEA@example.COM"), key="sk")
    assert (refusal.code, refusal.status) == ("auth/email-already-exists", 409)


@pytest.mark.parametrize(
    ("fields", "code", "faulty"),
    [
        ({"name": ""}, "user/invalid-name", {"name"}),
        ({"name": "x" * 101}, "user/invalid-name", {"name"}),
        ({"email": "nobody"}, "auth/invalid-email", {"email"}),
        ({"role": "owner"}, "user/invalid-role", {"role"}),
        ({"password": "short"}, "auth/invalid-password-format", {"password"}),
        ({"password": ""}, "auth/invalid-password-format", {"password"}),
        ({"name": "", "email": "nobody"}, "common/invalid-parameters", {"name", "email"}),
        ({"email_verified": "yes"}, "common/invalid-parameters", {"emailVerified"}),
    ],
)
def test_a_faulty_field_is_refused_by_its_own_code_when_it_is_the_only_one(
    world: World, fields: dict[str, str], code: str, faulty: set[str]
) -> None:
    """One fault answers its own code, several the generic one; details name every faulty field."""
    request = users.CreateUser(**{"name": "Bea", "email": "bea@example.com"} | fields)
    refusal = world.refused(users.CREATE, request, key="sk")
    assert refusal.code == code
    assert set(refusal.details or {}) == faulty
    assert world.call(users.LIST, key="sk").pagination.total == 0


def test_a_user_sees_itself_without_what_is_for_admins(world: World) -> None:
    """Status, ban and deletion are shown to admins alone."""
    token = world.sign_up()
    own = world.call(users.GET, users.UserId(user_id=world.me(token).id), token=token)
    assert own == world.me(token)
    assert not {"status", "bannedUntil", "banReason", "deletedAt"} & set(to_builtins(own))
    seen_by_admin = world.call(users.GET, users.UserId(user_id=own.id), key="sk")
    assert {"status", "bannedUntil", "banReason", "deletedAt"} <= set(to_builtins(seen_by_admin))


def test_other_users_learn_nothing_of_a_private_profile(world: World) -> None:
    """Reading another user is 403, and so is an unknown id, so that ids cannot be probed (decision 88)."""
    other = world.make_user("bea@example.com")
    token = world.sign_up()
    for user_id in (other.id, UNKNOWN, "no-id"):
        refusal = world.refused(users.GET, users.UserId(user_id=user_id), token=token)
        assert refusal.code == "user/forbidden"


SMALLEST_CHANGE: dict[str, dict[str, Any]] = {
    users.UPDATE.name: {"name": "New"},
    users.SET_ROLE.name: {"role": "user"},
    profile.SET.name: {"bio": None},
    preferences.SET.name: {"theme": None},
    notifications.SET.name: {"sms": True},
    onboarding.SET.name: {"current_step": None},
    public_settings.SET.name: {"slug": None},
    avatars.CREATE_UPLOAD.name: {"filename": "me.png"},
    avatars.SAVE.name: {"s3_key": f"{UNKNOWN}.png"},
}


@pytest.mark.parametrize(
    "operation",
    [operation for operation in OPERATIONS if operation.path.startswith("/v1/users/{userId}")],
    ids=name_of,
)
def test_unknown_and_malformed_ids_are_not_found(world: World, operation: Operation[Any, Any]) -> None:
    """An admin who names no user of the environment gets 404, also for what is no id (decision 28)."""
    change = SMALLEST_CHANGE.get(operation.name, {})
    for user_id in (UNKNOWN, "no-id", "../users", "a" * 5000, UNKNOWN.upper() + " "):
        refusal = world.refused(operation, operation.request(user_id=user_id, **change), key="sk")
        assert (user_id, refusal.code) == (user_id, "user/not-found")


def test_a_user_is_renamed(world: World) -> None:
    """Renaming changes the name and the time of change, and nothing else."""
    made = world.make_user("bea@example.com")
    world.clock.advance(SECOND)
    renamed = world.call(users.UPDATE, users.UpdateUser(user_id=made.id, name="Beatrix"), key="sk")
    made.name, made.updated_at = "Beatrix", wire(world.clock.now())
    assert renamed == made


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "common/invalid-parameters"),
        ({"unknown": 1}, "common/invalid-parameters"),
        ({"name": None}, "user/invalid-name"),
        ({"name": ""}, "user/invalid-name"),
        ({"name": "a\0b"}, "common/invalid-parameters"),
    ],
)
def test_a_patch_tells_absent_from_null(world: World, body: dict[str, object], code: str) -> None:
    """A change has to name something; null is no name; nothing is changed by a refusal."""
    made = world.make_user("bea@example.com")
    with pytest.raises(Failure) as caught:
        world.call(users.UPDATE, Raw(path={"userId": made.id}, body=body), key="sk")
    assert caught.value.code == code
    assert world.call(users.GET, users.UserId(user_id=made.id), key="sk") == made


def test_fields_that_are_not_asked_for_change_nothing(world: World) -> None:
    """Mass assignment: id, role, proof, password and times cannot be slipped into a request (T105)."""
    made = world.make_user("bea@example.com")
    slipped = {
        "id": str(uuid4()),
        "role": "admin",
        "emailVerified": True,
        "email": "eve@example.com",
        "passwordHash": "x",
        "deletedAt": "2020-01-01T00:00:00Z",
        "createdAt": "2020-01-01T00:00:00Z",
        "environmentId": str(uuid4()),
        "userId": str(uuid4()),
    }
    request = Raw(path={"userId": made.id}, body={"name": "Bea"} | slipped)
    changed = world.call(users.UPDATE, request, key="sk")
    made.name = "Bea"
    assert changed == made
    wanted = {"method": "password", "email": "al@example.com", "password": PASSWORD, "name": "Al"}
    token = world.call(accounts.SIGN_UP, Raw(body=slipped | wanted))
    mine = world.me(token)
    assert (mine.role, mine.email_verified, mine.created_at) == ("user", None, wire(world.clock.now()))
    assert mine.id != slipped["id"]


def test_a_deleted_user_is_gone_at_once_and_its_address_free(world: World) -> None:
    """Deletion ends sessions and sign-in; the address makes a new user that inherits nothing (T137)."""
    token = world.sign_up()
    gone = world.me(token)
    world.call(users.DELETE, users.UserId(user_id=gone.id), key="sk")
    assert world.refused(accounts.GET_ME, token=token).code == "auth/user-not-found"
    request = accounts.SignIn(email=gone.email, password=PASSWORD)
    assert world.refused(accounts.SIGN_IN, request).code == "auth/invalid-credentials"
    assert world.call(users.LIST, key="sk").items == []
    shown = world.call(users.GET, users.UserId(user_id=gone.id), key="sk")
    assert (shown.status, shown.deleted_at) == ("deleted", wire(world.clock.now()))
    assert world.refused(users.DELETE, users.UserId(user_id=gone.id), key="sk").code == "user/not-found"
    again = world.me(world.sign_up(email=gone.email))
    assert again.id != gone.id


def test_a_user_may_delete_itself_but_nobody_else(world: World) -> None:
    """DELETE of the own id is a withdrawal (decision 111); another's is 403 and changes nothing."""
    token, other = world.sign_up(), world.make_user("bea@example.com")
    refusal = world.refused(users.DELETE, users.UserId(user_id=other.id), token=token)
    assert refusal.code == "user/forbidden"
    world.call(users.DELETE, users.UserId(user_id=world.me(token).id), token=token)
    assert world.refused(accounts.GET_ME, token=token).code == "auth/user-not-found"
    assert [user.id for user in world.call(users.LIST, key="sk").items] == [other.id]


def test_a_deleted_user_is_restored_within_thirty_days(world: World) -> None:
    """Up to the last moment of day 30 a user comes back with its password; its sessions stay ended."""
    token = world.sign_up()
    user = world.me(token)
    world.call(users.DELETE, users.UserId(user_id=user.id), key="sk")
    world.clock.advance(30 * DAY)
    restored = world.call(users.RESTORE, users.UserId(user_id=user.id), key="sk")
    assert (restored.status, restored.deleted_at) == ("active", None)
    assert world.me(world.sign_in(user.email)).id == user.id


def test_sessions_of_before_a_deletion_stay_ended_after_restoring(world: World) -> None:
    """Restoring revives no token."""
    token = world.sign_up()
    user_id = world.me(token).id
    world.call(users.DELETE, users.UserId(user_id=user_id), key="sk")
    world.call(users.RESTORE, users.UserId(user_id=user_id), key="sk")
    assert world.refused(accounts.GET_ME, token=token).code == "auth/invalid-token"


def test_after_thirty_days_a_deleted_user_is_not_restored(world: World) -> None:
    """A moment after day 30 the user is unknown to restore."""
    user = world.make_user("bea@example.com")
    world.call(users.DELETE, users.UserId(user_id=user.id), key="sk")
    world.clock.advance(30 * DAY + 1)
    assert world.refused(users.RESTORE, users.UserId(user_id=user.id), key="sk").code == "user/not-found"


def test_restoring_is_refused_when_the_address_was_taken(world: World) -> None:
    """A restore never makes two users of one address; without a deletion it just succeeds."""
    user = world.make_user("bea@example.com")
    assert world.call(users.RESTORE, users.UserId(user_id=user.id), key="sk") == user
    world.call(users.DELETE, users.UserId(user_id=user.id), key="sk")
    world.make_user("bea@example.com")
    refusal = world.refused(users.RESTORE, users.UserId(user_id=user.id), key="sk")
    assert refusal.code == "auth/email-already-exists"


def test_a_ban_ends_sessions_and_refuses_sign_in_until_it_is_lifted(world: World) -> None:
    """From the next request on nothing of a banned user works; unbanning lets it sign in again."""
    token = world.sign_up()
    user_id = world.me(token).id
    banned = world.call(users.BAN, users.Ban(user_id=user_id, reason="spam"), key="sk")
    assert (banned.status, banned.ban_reason, banned.banned_until) == ("banned", "spam", None)
    assert world.refused(accounts.GET_ME, token=token).code == "auth/invalid-token"
    request = accounts.SignIn(email="alice@example.com", password=PASSWORD)
    assert world.refused(accounts.SIGN_IN, request).code == "auth/account-banned"
    lifted = world.call(users.UNBAN, users.UserId(user_id=user_id), key="sk")
    assert (lifted.status, lifted.ban_reason, lifted.banned_until) == ("active", None, None)
    assert world.me(world.sign_in()).id == user_id


def test_a_ban_with_an_end_ends_by_itself(world: World) -> None:
    """A ban runs up to its instant, given with any offset, and not beyond."""
    token = world.sign_up()
    user_id = world.me(token).id
    until = world.clock.now() + HOUR
    wanted = str(wire(until)).replace("Z", "+00:00")
    banned = world.call(users.BAN, users.Ban(user_id=user_id, until=wanted), key="sk")
    assert banned.banned_until == wire(until)
    world.clock.advance(HOUR - 1)
    request = accounts.SignIn(email="alice@example.com", password=PASSWORD)
    assert world.refused(accounts.SIGN_IN, request).code == "auth/account-banned"
    world.clock.advance(1)
    assert world.me(world.sign_in()).id == user_id
    shown = world.call(users.GET, users.UserId(user_id=user_id), key="sk")
    assert (shown.status, shown.banned_until) == ("active", None)


@pytest.mark.parametrize("user_id", ["bea", UNKNOWN])
def test_a_ban_that_has_ended_before_it_began_is_refused(world: World, user_id: str) -> None:
    """until has to lie ahead; that is said before the user is looked up (x-check-order)."""
    user = world.make_user("bea@example.com")
    wanted = user.id if user_id == "bea" else user_id
    request = users.Ban(user_id=wanted, until=str(wire(world.clock.now())))
    refusal = world.refused(users.BAN, request, key="sk")
    assert (refusal.code, set(refusal.details or {})) == ("common/invalid-parameters", {"until"})


def test_unbanning_a_user_without_a_ban_succeeds(world: World) -> None:
    """Lifting a ban that is none changes nothing."""
    user = world.make_user("bea@example.com")
    assert world.call(users.UNBAN, users.UserId(user_id=user.id), key="sk") == user


def test_a_role_counts_from_the_next_request_on(world: World) -> None:
    """The role is read from the database, not from the token's claim (T059)."""
    world.make_user("root@example.com", "admin")
    token = world.sign_up()
    user_id = world.me(token).id
    assert world.refused(users.LIST, token=token).code == "user/forbidden"
    world.call(users.SET_ROLE, users.SetRole(user_id=user_id, role="admin"), key="sk")
    assert world.call(users.LIST, token=token).pagination.total == 2
    world.call(users.SET_ROLE, users.SetRole(user_id=user_id, role="guest"), key="sk")
    assert world.refused(users.LIST, token=token).code == "user/forbidden"
    assert world.me(token).role == "guest"


def test_an_admin_sees_and_ends_the_sessions_of_a_user(world: World) -> None:
    """Live sessions are listed page by page without token material; ending them counts at once."""
    tokens = [world.sign_up(), world.sign_in(), world.sign_in()]
    user_id = world.me(tokens[0]).id
    page = world.call(users.SESSIONS, users.ListUserSessions(user_id=user_id, limit=2), key="sk")
    assert (len(page.items), page.pagination.total, page.pagination.total_pages) == (2, 3, 2)
    assert {session.user_id for session in page.items} == {user_id}
    assert not any(session.is_current for session in page.items)
    ended = world.call(users.REVOKE_SESSIONS, users.UserId(user_id=user_id), key="sk")
    assert ended.ended_count == 3
    for token in tokens:
        assert world.refused(accounts.GET_ME, token=token).code == "auth/invalid-token"
    again = world.call(users.REVOKE_SESSIONS, users.UserId(user_id=user_id), key="sk")
    assert again.ended_count == 0
    page = world.call(users.SESSIONS, users.ListUserSessions(user_id=user_id), key="sk")
    assert (page.items, page.pagination.total_pages) == ([], 0)


def test_an_admin_resets_mfa_of_a_user_who_lost_the_device(world: World) -> None:
    """MFA and its backup codes go, sessions end, the user is told by mail and signs in by password."""
    token = world.sign_up()
    world.enrol(token)
    user_id = world.me(token).id
    world.call(users.RESET_MFA, users.UserId(user_id=user_id), key="sk")
    assert world.refused(accounts.GET_ME, token=token).code == "auth/invalid-token"
    assert len(world.mails("mfa_changed")) == 2
    fresh = world.sign_in()
    status = world.call(mfa.STATUS, token=fresh)
    assert (status.enabled, status.backup_codes_remaining) == (False, 0)
    assert world.refused(users.RESET_MFA, users.UserId(user_id=user_id), key="sk").code == (
        "auth/mfa-not-enabled"
    )


def test_a_begun_but_unconfirmed_mfa_is_none_to_reset(world: World) -> None:
    """A set-up that was never confirmed does not count as MFA."""
    token = world.sign_up()
    world.call(mfa.ENABLE, mfa.Enable(password=PASSWORD), token=token)
    user_id = world.me(token).id
    refusal = world.refused(users.RESET_MFA, users.UserId(user_id=user_id), key="sk")
    assert refusal.code == "auth/mfa-not-enabled"
    assert world.me(token).id == user_id
