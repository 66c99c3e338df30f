"""Fixtures of dev environments, with fixed ids: made, or changed to match; nothing else is touched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import UNSET, Struct
from sqlalchemy import Row, Table, and_, func, or_, select
from sqlalchemy.exc import IntegrityError

from bkendctl.contract.config import Seed, SeedInvitation, SeedKey, SeedOrganization, SeedUser
from bkendctl.contract.errors import Failure
from bkendctl.core import keys, mailbox, members, resources, schema, second_factor, sessions, totp, users
from bkendctl.core.call import Call
from bkendctl.core.clock import DAY
from bkendctl.core.crypto import fingerprint
from bkendctl.core.randomness import new_token
from bkendctl.core.slugs import free_slug

Note = Callable[[str, Any, Any], None]
"""Takes a change: path, value before, value after."""
Hashes = dict[str, str]
"""Hashes of passwords that differ from what is stored, by the user's id."""

MASKED = "***"
INVITATION_MS = 7 * DAY
_SCOPES = {
    "users": "users:create",
    "organizations": "organizations:create",
    "invitations": "invitations:create",
    "api_keys": "api-keys:create",
}
_SECRETS = ("password", "totpSecret", "token", "key")
_users, _passwords = schema.users, schema.passwords


def scopes_of(seed: Seed) -> list[str]:
    """What a scoped key needs for it."""
    return [scope for name, scope in _SCOPES.items() if getattr(seed, name)]


def hashes_for(call: Call, seed: Seed) -> Hashes:
    """Hash what is not stored so already, outside the transaction; the policy is for people's passwords."""
    hashes: Hashes = {}
    for user in seed.users or ():
        if user.password is UNSET:
            continue
        with call.core.database.read() as transaction:
            row = transaction.row(_passwords, user_id=user.id)
        with call.core.hasher.slot() as hasher:
            if row is None or not hasher.matches(row.hash, str(user.password)):
                hashes[user.id] = hasher.hash(str(user.password))
    return hashes


def plant(call: Call, seed: Seed, hashes: Hashes, note: Note) -> None:
    """Make what is listed and missing, change what differs. Failures: those of the contract's seed."""
    admins = _active_admins(call)
    for place, user in enumerate(seed.users or ()):
        _plant_user(call, user, hashes.get(user.id), f"seed.users.{place}", note)
    if admins and not _active_admins(call):
        raise Failure("user/last-admin")
    for place, organization in enumerate(seed.organizations or ()):
        _plant_organization(call, organization, f"seed.organizations.{place}", note)
    for place, invitation in enumerate(seed.invitations or ()):
        _plant_invitation(call, invitation, f"seed.invitations.{place}", note)
    for place, key in enumerate(seed.api_keys or ()):
        _plant_key(call, key, f"seed.apiKeys.{place}", note)


def _plant_user(call: Call, wanted: SeedUser, fresh_hash: str | None, at: str, note: Note) -> None:
    row = _own(call, _users, wanted.id, at)
    if row is None:
        note(at, None, _masked(wanted))
        name = mailbox.name_from(wanted.email) if wanted.name is UNSET else str(wanted.name)
        role = "user" if wanted.role is UNSET else str(wanted.role)
        row = users.insert(
            call,
            email=wanted.email,
            name=name,
            role=role,
            password_hash=fresh_hash,
            verified=wanted.email_verified is True,
            user_id=wanted.id,
        )
        _plant_factors(call, row, wanted, at, _silent)
        return
    if row.deleted_at is not None:
        note(f"{at}.deleted", True, False)
        row = _rewritten(call, row, deleted_at=None)
    present = {"email": row.email, "name": row.name, "role": row.role}
    for name, value in present.items():
        new = getattr(wanted, name)
        if new is not UNSET and new != value:
            note(f"{at}.{name}", value, new)
            row = _rewritten(call, row, **{name: new})
            if name == "email":
                linked = {"provider_account_id": new, "email": new}
                call.tx.update(schema.linked_accounts, linked, user_id=row.id, provider="email")
    verified = row.email_verified_at is not None
    if wanted.email_verified is not UNSET and wanted.email_verified is not verified:
        note(f"{at}.emailVerified", verified, wanted.email_verified)
        row = _rewritten(call, row, email_verified_at=None if verified else call.now)
    if fresh_hash is not None:
        note(f"{at}.password", MASKED, MASKED)
        users.set_password(call, row, fresh_hash)
        sessions.end_all(call, row.id, "password-reset")
    _plant_factors(call, row, wanted, at, note)


def _rewritten(call: Call, row: Row[Any], **values: Any) -> Row[Any]:
    try:
        return users.rewritten(call, row, **values)
    except IntegrityError:
        raise Failure("auth/email-already-exists") from None


def _plant_factors(call: Call, user: Row[Any], wanted: SeedUser, at: str, note: Note) -> None:
    """The TOTP secret, and accounts at providers."""
    if wanted.totp_secret is not UNSET:
        _plant_secret(call, user, str(wanted.totp_secret), f"{at}.totpSecret", note)
    table = schema.linked_accounts
    for account in wanted.accounts or ():
        identity = {"environment_id": call.environment_id, "provider": account.provider}
        taken = call.tx.row(table, **identity, provider_account_id=account.provider_account_id)
        if taken is not None and taken.user_id != user.id:
            raise Failure("auth/account-already-linked")
        if taken is not None:
            continue
        mine = call.tx.row(table, user_id=user.id, provider=account.provider)
        before = None if mine is None else mine.provider_account_id
        note(f"{at}.accounts.{account.provider}", before, account.provider_account_id)
        values = {"provider_account_id": account.provider_account_id, "email": user.email}
        if mine is not None:
            call.tx.update(table, values, id=mine.id)
        else:
            rest = {"id": call.new_id(), "user_id": user.id, "connected_at": call.now}
            call.tx.insert(table, identity | values | rest)


def _plant_secret(call: Call, user: Row[Any], wanted: str, at: str, note: Note) -> None:
    try:
        secret = totp.lengthened(wanted)
    except ValueError:
        raise _fault(at, "must be base32, which never has this length") from None
    enrolled = second_factor.enrolment(call, user.id)
    if enrolled is None or second_factor.open_secret(call, enrolled) != secret:
        note(at, None if enrolled is None else MASKED, MASKED)
        second_factor.enrol(call, user.id, secret)
        sessions.end_all(call, user.id, "mfa-enabled")


def _plant_organization(call: Call, wanted: SeedOrganization, at: str, note: Note) -> None:
    table = schema.organizations
    row = call.tx.row(table, id=wanted.id)
    if row is not None and row.environment_id != call.environment_id and row.id != call.env.organization_id:
        raise _fault(f"{at}.id", "is taken in another environment")
    here = or_(table.c.environment_id == call.environment_id, table.c.id == call.env.organization_id)
    others = call.tx.all(select(table.c.slug).where(here, table.c.id != wanted.id))
    taken = {other.slug for other in others}
    if wanted.slug is not UNSET and wanted.slug in taken:
        raise Failure("organization/slug-already-exists")
    if row is None:
        note(at, None, _masked(wanted))
        slug = free_slug(wanted.name, "organization", taken) if wanted.slug is UNSET else wanted.slug
        values = {"id": wanted.id, "environment_id": call.environment_id, "name": wanted.name, "slug": slug}
        call.tx.insert(table, values | {"created_at": call.now, "updated_at": call.now})
    else:
        _rewrite(call, table, row, {"name": wanted.name, "slug": wanted.slug}, at, note)
    for member in wanted.members or ():
        _plant_member(call, wanted.id, member, at, note if row is not None else _silent)


def _plant_member(call: Call, organization_id: str, member: Any, at: str, note: Note) -> None:
    user = call.tx.row(_users, id=member.user_id, environment_id=call.environment_id)
    if user is None or user.deleted_at is not None:
        raise _fault(f"{at}.members", f"there is no user {member.user_id}")
    identity = {"resource_type": "organization", "resource_id": organization_id, "user_id": user.id}
    present = call.tx.row(schema.memberships, **identity)
    if present is not None and present.role == member.role:
        return
    note(f"{at}.members.{user.id}", None if present is None else present.role, member.role)
    if present is None:
        members.join(call, kind="organization", id_=organization_id, user_id=user.id, role=member.role)
    else:
        call.tx.update(schema.memberships, {"role": member.role}, **identity)


def _plant_invitation(call: Call, wanted: SeedInvitation, at: str, note: Note) -> None:
    table = schema.invitations
    row = _own(call, table, wanted.id, at)
    try:
        resource = resources.resource(call, wanted.resource_type, wanted.resource_id)
    except Failure as failure:
        raise _fault(f"{at}.resourceId", failure.message) from None
    values: dict[str, Any] = {
        "resource_type": resource.type,
        "resource_id": resource.id,
        "resource_role": wanted.resource_role,
        "email": wanted.email,
    }
    if wanted.token is not UNSET:
        values["token_hash"] = fingerprint(str(wanted.token))
    status = {"status": "pending" if wanted.status == "expired" else wanted.status}
    ends = call.now if wanted.status == "expired" else call.now + INVITATION_MS
    answered = wanted.status in ("accepted", "rejected", "revoked")
    state = status | {"expires_at": ends, "responded_at": call.now if answered else None}
    if row is None:
        note(at, None, _masked(wanted))
        rest = {"token_hash": fingerprint(new_token(call.core.randomness)), "resource_name": resource.name}
        fixed = {"id": wanted.id, "environment_id": call.environment_id, "created_at": call.now}
        more = {"token_mailed": False, "membership_pending": False}
        call.tx.insert(table, rest | values | state | fixed | more)
        return
    _rewrite(call, table, row, values, at, note)
    expired = row.status == "pending" and row.expires_at <= call.now
    present = "expired" if expired else row.status
    if present != wanted.status:
        note(f"{at}.status", present, wanted.status)
        call.tx.update(table, state, id=row.id)


def _plant_key(call: Call, wanted: SeedKey, at: str, note: Note) -> None:
    table = schema.api_keys
    keys.require_within(call, wanted.scopes)
    row = _own(call, table, wanted.id, at)
    taken = call.tx.row(table, key_hash=fingerprint(wanted.key))
    if taken is not None and taken.id != wanted.id:
        raise _fault(f"{at}.key", "is another key's already")
    kind = "secret" if wanted.key.startswith("sk_") else "publishable"
    values = {"type": kind, "name": wanted.name, "scopes": wanted.scopes} | keys.stored_as(wanted.key)
    if row is None:
        note(at, None, _masked(wanted))
        fixed = {"id": wanted.id, "environment_id": call.environment_id, "created_at": call.now}
        call.tx.insert(table, values | fixed)
        return
    _rewrite(call, table, row, values, at, note)
    if row.revoked_at is not None:
        note(f"{at}.revoked", True, False)
        call.tx.update(table, {"revoked_at": None}, id=row.id)


_NAMES = {"resource_type": "resourceType", "resource_id": "resourceId", "resource_role": "resourceRole"}
_HIDDEN = {"token_hash": "token", "key_hash": "key", "masked_key": None, "type": None}


def _rewrite(call: Call, table: Table, row: Row[Any], values: dict[str, Any], at: str, note: Note) -> None:
    """Change the columns that differ; a hash stands for a secret, which is masked."""
    differing = {
        name: value for name, value in values.items() if value is not UNSET and getattr(row, name) != value
    }
    for name, value in differing.items():
        if name in _HIDDEN:
            if _HIDDEN[name] is not None:
                note(f"{at}.{_HIDDEN[name]}", MASKED, MASKED)
        else:
            note(f"{at}.{_NAMES.get(name, name)}", getattr(row, name), value)
    if differing:
        call.tx.update(table, differing, id=row.id)


def _own(call: Call, table: Table, id_: str, at: str) -> Row[Any] | None:
    """The row of an id, which is the environment's own; None where there is none."""
    row = call.tx.row(table, id=id_)
    if row is not None and row.environment_id != call.environment_id:
        raise _fault(f"{at}.id", "is taken in another environment")
    return row


def _active_admins(call: Call) -> int:
    active = and_(
        _users.c.environment_id == call.environment_id,
        _users.c.role == "admin",
        _users.c.deleted_at.is_(None),
        or_(_users.c.banned_at.is_(None), _users.c.banned_until <= call.now),
    )
    return int(call.tx.value(select(func.count()).select_from(_users).where(active)))


def _masked(wanted: Struct) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.to_builtins(wanted)
    return {name: MASKED if name in _SECRETS else value for name, value in values.items()}


def _silent(_path: str, _before: Any, _after: Any) -> None:
    """What is new is told as a whole."""


def _fault(place: str, reason: str) -> Failure:
    return Failure("common/invalid-parameters", details={f"config.{place}": [reason]})
