"""Users of the environment: make, find, change, delete. Listing and searching is in user_pages.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import UNSET
from sqlalchemy import Row, and_, delete, func, or_, select
from sqlalchemy.exc import IntegrityError

from bkendctl.contract import sessions as session_contract
from bkendctl.contract import user_import as user_import_contract
from bkendctl.contract import users as contract
from bkendctl.contract.accounts import User
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Message
from bkendctl.contract.paging import Page
from bkendctl.core import (
    avatars,
    import_rows,
    keys,
    mail_tokens,
    mailbox,
    members,
    new_passwords,
    outbox,
    schema,
    second_factor,
    sessions,
    user_export,
    user_import,
    user_list,
    user_pages,
)
from bkendctl.core.call import Call
from bkendctl.core.clock import DAY, instant_of
from bkendctl.core.decoding import require_fields
from bkendctl.core.dispatch import handles

RESTORE_MS = 30 * DAY
_users = schema.users
shown = user_list.shown
is_banned = user_list.is_banned


def by_id(call: Call, user_id: str, *, deleted: bool = False) -> Row[Any]:
    """A user of the environment; user/not-found for unknown ids, and for deleted ones unless wanted."""
    row = call.tx.row(_users, id=user_id, environment_id=call.environment_id)
    if row is None or (row.deleted_at is not None and not deleted):
        raise Failure("user/not-found")
    return row


def insert(
    call: Call,
    *,
    email: str,
    name: str,
    role: str,
    password_hash: str | None,
    verified: bool = False,
    user_id: str | None = None,
) -> Row[Any]:
    """Make a user; auth/email-already-exists when another has the address."""
    user_id = user_id or call.new_id()
    values = {
        "id": user_id,
        "environment_id": call.environment_id,
        "email": email,
        "email_verified_at": call.now if verified else None,
        "name": name,
        "is_public": False,
        "role": role,
        "created_at": call.now,
        "updated_at": call.now,
    }
    try:
        call.tx.insert(_users, values)
    except IntegrityError:
        raise Failure("auth/email-already-exists") from None
    if password_hash is not None:
        _set_first_password(call, user_id, email, password_hash)
    return by_id(call, user_id)


def set_password(call: Call, user: Row[Any], password_hash: str) -> None:
    """Give a user a new password, or a first one: then it is one more way to sign in."""
    passwords = schema.passwords
    mine = passwords.c.user_id == user.id
    changed_at = call.tx.value(select(passwords.c.changed_at).where(mine))
    if changed_at is None:
        _set_first_password(call, user.id, user.email, password_hash)
        return
    # Strictly later, so that no proof of the former password outlives the change.
    fresh = {"hash": password_hash, "kind": None, "changed_at": max(call.now, changed_at + 1)}
    call.tx.update(passwords, fresh, user_id=user.id)


def _set_first_password(call: Call, user_id: str, email: str, password_hash: str) -> None:
    owner = {"environment_id": call.environment_id, "user_id": user_id}
    call.tx.insert(schema.passwords, owner | {"hash": password_hash, "changed_at": call.now})
    _link_email(call, user_id, email)


def _link_email(call: Call, user_id: str, email: str) -> None:
    """A password is a linked account of provider email."""
    values = {
        "id": call.new_id(),
        "environment_id": call.environment_id,
        "user_id": user_id,
        "provider": "email",
        "provider_account_id": email,
        "email": email,
        "connected_at": call.now,
    }
    call.tx.insert(schema.linked_accounts, values)


def _hash_password(call: Call, request: contract.CreateUser) -> str | None:
    if request.password is UNSET:
        return None
    return new_passwords.hash_of(call, str(request.password), field="password", email=request.email)


@handles(contract.CREATE, before=_hash_password, hashes=True, chooses=True)
def create(call: Call, request: contract.CreateUser, password_hash: str | None) -> User:
    """Make a user without sign-up; with a secret key the only way to a first admin."""
    user = insert(
        call,
        email=request.email,
        name=request.name,
        role=request.role,
        password_hash=password_hash,
        verified=request.email_verified,
    )
    call.about("user", user.id, email=user.email, role=user.role)
    if request.email_verified:
        mailbox.join_accepted(call, user.id, user.email)
    return shown(call, user, for_admin=True)


@handles(contract.LIST)
def list_users(call: Call, request: contract.ListUsers) -> contract.UserPage:
    """A page of the environment's users."""
    return user_pages.page(call, request)


@handles(contract.EXPORT)
def export(call: Call, request: contract.ExportUsers) -> Iterator[User]:
    """Every user of the environment; nothing is read before the first is asked for."""
    return user_export.every(call, request)


@handles(contract.IMPORT, before=import_rows.prepare, hashes=True)
def import_users(
    call: Call, request: user_import_contract.ImportUsers, rows: list[import_rows.Prepared]
) -> user_import_contract.ImportResult:
    """Bring in users with the password hashes of other services."""
    return user_import.Batch(call, request, rows).run()


@handles(contract.GET)
def get(call: Call, request: contract.UserId) -> User | contract.PublicUser:
    """One user: whole for itself and admins, its public profile for others, who learn nothing else."""
    if call.is_admin or call.caller.id == request.user_id:
        return shown(call, by_id(call, request.user_id, deleted=call.is_admin), for_admin=call.is_admin)
    return seen_by_others(call, request.user_id)


def seen_by_others(call: Call, user_id: str) -> contract.PublicUser:
    """A public profile; user/forbidden for any other and for unknown ids, so that they cannot be probed."""
    try:
        other = by_id(call, user_id)
    except Failure:
        raise Failure("user/forbidden") from None
    if not other.is_public:
        raise Failure("user/forbidden")
    return user_list.public(call, other)


@handles(contract.UPDATE)
def update_user(call: Call, request: contract.UpdateUser) -> User:
    """Rename a user."""
    require_fields(request, "name")
    user = by_id(call, request.user_id)
    call.about("user", user.id, before={"name": user.name}, after={"name": request.name})
    return _changed(call, user, name=request.name)


@handles(contract.DELETE)
def delete_user(call: Call, request: contract.UserId) -> Message:
    """Delete a user softly; 30 days for restoring."""
    soft_delete(call, by_id(call, request.user_id))
    return Message(message="The user was deleted.")


def soft_delete(call: Call, user: Row[Any]) -> None:
    """End sessions, drop links, mailed tokens, memberships and pictures, revoke its keys, free the address.

    Failures: user/last-admin, organization/last-owner.
    """
    call.about("user", user.id, email=user.email)
    keep_an_admin(call, user)
    members.leave_all(call, user.id)
    sessions.end_all(call, user.id, sessions.DELETED)
    avatars.drop_all(call, user)
    for table in (schema.linked_accounts, schema.known_sources):
        call.tx.run(delete(table).where(table.c.user_id == user.id))
    # A reset that was asked for is told that the account is gone (auth/account-not-found).
    mail_tokens.end_all(call, user, but=mail_tokens.RESET)
    keys.revoke_personal(call, user.id)
    _changed(call, user, deleted_at=call.now, image=None)


@handles(contract.RESTORE)
def restore(call: Call, request: contract.UserId) -> User:
    """Bring a deleted user back; sessions, links, keys and picture stay gone, and a slug taken since."""
    user = by_id(call, request.user_id, deleted=True)
    call.about("user", user.id)
    if user.deleted_at is None:
        return shown(call, user, for_admin=True)
    if user.deleted_at + RESTORE_MS < call.now:
        raise Failure("user/not-found")
    mail_tokens.end_all(call, user, but=mail_tokens.DECOY)
    passwords = schema.passwords
    try:
        restored = _changed(call, user, deleted_at=None, slug=_slug_if_free(call, user))
    except IntegrityError:
        raise Failure("auth/email-already-exists") from None
    if call.tx.first(select(passwords.c.user_id).where(passwords.c.user_id == user.id)) is not None:
        _link_email(call, user.id, user.email)
    return restored


def _slug_if_free(call: Call, user: Row[Any]) -> str | None:
    """The slug a user had, unless a live one has it now."""
    taken = and_(
        _users.c.environment_id == call.environment_id,
        _users.c.slug == user.slug,
        _users.c.deleted_at.is_(None),
    )
    return None if call.tx.first(select(_users.c.id).where(taken)) is not None else user.slug


@handles(contract.SET_ROLE)
def set_role(call: Call, request: contract.SetRole) -> User:
    """Give a role, in effect from the next request on. user/last-admin when no active admin would be left."""
    user = by_id(call, request.user_id)
    call.about("user", user.id, before={"role": user.role}, after={"role": request.role})
    if request.role != "admin":
        keep_an_admin(call, user)
    return _changed(call, user, role=request.role)


@handles(contract.BAN)
def ban(call: Call, request: contract.Ban) -> User:
    """Ban a user, for good or until an instant, and end its sessions."""
    until = None if request.until is UNSET else instant_of(str(request.until))
    if until is not None and until <= call.now:
        raise Failure("common/invalid-parameters", details={"until": ["must lie in the future"]})
    user = by_id(call, request.user_id)
    reason = None if request.reason is UNSET else request.reason
    call.about("user", user.id, until=call.at(until), reason=reason)
    keep_an_admin(call, user)
    sessions.end_all(call, user.id, "banned")
    keys.revoke_personal(call, user.id)
    return _changed(call, user, banned_at=call.now, banned_until=until, ban_reason=reason)


@handles(contract.UNBAN)
def unban(call: Call, request: contract.UserId) -> User:
    """Lift a ban; fine without one."""
    user = by_id(call, request.user_id)
    call.about("user", user.id)
    return _changed(call, user, banned_at=None, banned_until=None, ban_reason=None)


@handles(contract.SESSIONS)
def list_user_sessions(call: Call, request: contract.ListUserSessions) -> Page[session_contract.Session]:
    """Live sessions of a user."""
    return sessions.page_of(call, by_id(call, request.user_id).id, request.page, request.limit)


@handles(contract.REVOKE_SESSIONS)
def revoke_sessions(call: Call, request: contract.UserId) -> session_contract.SessionsEnded:
    """End all sessions of a user."""
    user = by_id(call, request.user_id)
    ended = sessions.end_all(call, user.id, "revoked")
    call.about("user", user.id, endedSessions=ended)
    return session_contract.SessionsEnded(message=f"{ended} sessions have ended.", ended_count=ended)


@handles(contract.RESET_MFA)
def reset_mfa(call: Call, request: contract.UserId) -> Message:
    """Switch MFA off for a user who lost the device, and end its sessions."""
    user = by_id(call, request.user_id)
    call.about("user", user.id)
    table = schema.mfa_enrolments
    confirmed = and_(table.c.user_id == user.id, table.c.confirmed_at.is_not(None))
    if call.tx.first(select(table.c.user_id).where(confirmed)) is None:
        raise Failure("auth/mfa-not-enabled")
    second_factor.remove(call, user.id)
    sessions.end_all(call, user.id, "mfa-reset")
    outbox.send(call, "mfa_changed", user.email, mailbox.values_for(call, user, change="mfa_reset"))
    return Message(message="MFA is off; the user has to enrol again.")


def rewritten(call: Call, user: Row[Any], **values: Any) -> Row[Any]:
    """Write columns of a user and its time of change, and read it again. IntegrityError: a value is taken."""
    call.tx.update(_users, values | {"updated_at": call.now}, id=user.id)
    return by_id(call, user.id, deleted=True)


def _changed(call: Call, user: Row[Any], **values: Any) -> User:
    return shown(call, rewritten(call, user, **values), for_admin=call.is_admin)


def keep_an_admin(call: Call, user: Row[Any]) -> None:
    """Once there is an active admin the last one is kept, also against a secret key (decision 116)."""
    if user.role != "admin" or is_banned(user, call.now):
        return
    others = and_(
        _users.c.environment_id == call.environment_id,
        _users.c.role == "admin",
        _users.c.id != user.id,
        _users.c.deleted_at.is_(None),
        or_(_users.c.banned_at.is_(None), _users.c.banned_until <= call.now),
    )
    if not call.tx.value(select(func.count()).select_from(_users).where(others)):
        raise Failure("user/last-admin")
