"""Users as they are shown, one and many. Pages of them are in user_pages.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET
from sqlalchemy import ColumnElement, Row, and_, bindparam, or_, select

from bkendctl.contract.accounts import LinkedAccount, User
from bkendctl.contract.users import PublicUser, SocialLinks
from bkendctl.core import schema
from bkendctl.core.avatars import image_url
from bkendctl.core.call import Call
from bkendctl.core.clock import wire

_users = schema.users
_enrolments = schema.mfa_enrolments
_accounts = schema.linked_accounts


def is_banned(user: Row[Any], now: int) -> bool:
    """Whether a ban runs."""
    return user.banned_at is not None and (user.banned_until is None or user.banned_until > now)


_ENROLLED = select(_enrolments.c.user_id).where(_enrolments.c.confirmed_at.is_not(None))
_ENROLLED_OF = _ENROLLED.where(_enrolments.c.user_id.in_(bindparam("ids", expanding=True)))
_IS_ENROLLED = _ENROLLED.where(_enrolments.c.user_id == bindparam("id"))


def shown(
    call: Call,
    user: Row[Any],
    *,
    for_admin: bool,
    accounts: list[LinkedAccount] | None = None,
    mfa_enabled: bool | None = None,
) -> User:
    """A user as itself or an admin sees it. mfa_enabled: where it was read for many at once."""
    if mfa_enabled is None:
        mfa_enabled = call.tx.recall(_IS_ENROLLED, id=user.id) is not None
    answer = User(
        id=user.id,
        role=user.role,
        name=user.name,
        nickname=user.nickname,
        email=user.email,
        email_verified=wire(user.email_verified_at),
        image=image_url(call, user.image),
        onboarding_status=(user.onboarding or {}).get("onboardingStatus", "pending"),
        mfa_enabled=mfa_enabled,
        last_sign_in_at=wire(user.last_sign_in_at),
        accounts=UNSET if accounts is None else accounts,
        created_at=wire(user.created_at),
        updated_at=wire(user.updated_at),
    )
    if for_admin:
        banned = is_banned(user, call.now)
        answer.status = "deleted" if user.deleted_at is not None else "banned" if banned else "active"
        answer.banned_until = wire(user.banned_until) if banned else None
        answer.ban_reason = user.ban_reason if banned else None
        answer.deleted_at = wire(user.deleted_at)
    return answer


def public(call: Call, user: Row[Any]) -> PublicUser:
    """A user as others see it."""
    return PublicUser(
        id=user.id,
        name=user.name,
        nickname=user.nickname,
        image=image_url(call, user.image),
        bio=user.bio,
        social_links=msgspec.convert(user.social_links, SocialLinks | None),
        slug=user.slug,
        created_at=wire(user.created_at),
    )


def shown_to_admins(call: Call, rows: Sequence[Row[Any]], *, include_accounts: bool) -> list[User]:
    """Many users, with what belongs to them read for all at once."""
    ids = [row.id for row in rows]
    accounts = _accounts_of(call, ids) if include_accounts else {}
    enrolled = {row.user_id for row in call.tx.all(_ENROLLED_OF, ids=ids)}
    return [
        shown(
            call,
            row,
            for_admin=True,
            accounts=accounts.get(row.id, []) if include_accounts else None,
            mfa_enabled=row.id in enrolled,
        )
        for row in rows
    ]


def of_status(status: str | None) -> list[ColumnElement[bool]]:
    """Conditions for users in a state; all but deleted ones where none is named. Parameter: now."""
    banned = and_(
        _users.c.banned_at.is_not(None),
        or_(_users.c.banned_until.is_(None), _users.c.banned_until > bindparam("now")),
    )
    if status == "all":
        return []
    if status == "deleted":
        return [_users.c.deleted_at.is_not(None)]
    live: list[ColumnElement[bool]] = [_users.c.deleted_at.is_(None)]
    return [*live, banned] if status == "banned" else [*live, ~banned] if status == "active" else live


def _accounts_of(call: Call, user_ids: list[str]) -> dict[str, list[LinkedAccount]]:
    found: dict[str, list[LinkedAccount]] = {}
    rows = call.tx.all(
        select(_accounts).where(_accounts.c.user_id.in_(user_ids)).order_by(_accounts.c.connected_at)
    )
    for row in rows:
        account = LinkedAccount(
            id=row.id,
            user_id=row.user_id,
            provider=row.provider,
            provider_account_id=row.provider_account_id,
            email=row.email,
            connected_at=wire(row.connected_at),
        )
        found.setdefault(row.user_id, []).append(account)
    return found
