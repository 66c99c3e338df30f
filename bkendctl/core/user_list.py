"""Users as they are shown, and lists of them: filters, search, order, pages and cursors."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Annotated, Any, NoReturn

import msgspec
from msgspec import UNSET, Meta, UnsetType
from sqlalchemy import ColumnElement, Row, Select, Text, and_, bindparam, exists, func, or_, select

from bkendctl.contract.accounts import LinkedAccount, User
from bkendctl.contract.errors import Failure
from bkendctl.contract.paging import Pagination
from bkendctl.contract.users import ListUsers, PublicUser, SocialLinks, StatusFilter, UserPage
from bkendctl.core import schema
from bkendctl.core.avatars import image_url
from bkendctl.core.call import Call
from bkendctl.core.clock import instant_of, wire

_users = schema.users
_enrolments = schema.mfa_enrolments
_accounts = schema.linked_accounts
MOST_COUNTED = 10_000
"""Where counting the hits of a substring search stops (decision 126)."""
_Place = tuple[str, str, Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | str, str]
"""What a cursor holds: order, direction, value and id of the last row; numbers that fit a column."""
_SORT = {
    "createdAt": _users.c.created_at,
    "updatedAt": _users.c.updated_at,
    "name": _users.c.name,
    "email": _users.c.email,
    "role": _users.c.role,
}


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


def page(call: Call, request: ListUsers) -> UserPage:
    """One page by number, or the one after a cursor; both together are refused."""
    if request.cursor is not UNSET and request.page is not UNSET:
        raise Failure("common/invalid-parameters", details={"cursor": ["cannot go with page"]})
    wanted = and_(*_conditions(call, request))
    total, exact = _count(call, wanted, capped=bool(request.search))
    number = 1 if request.page is UNSET else int(request.page)
    statement = _ordered(request).where(wanted).limit(request.limit + 1)
    if request.cursor is not UNSET:
        statement = statement.where(_after(request))
    else:
        statement = statement.offset((number - 1) * request.limit)
    rows = call.tx.all(statement)
    more, rows = len(rows) > request.limit, rows[: request.limit]
    return UserPage(
        items=shown_to_admins(call, rows, include_accounts=request.include_accounts),
        pagination=Pagination.of(number, request.limit, total, exact=exact),
        next_cursor=_cursor(request, rows[-1]) if more else None,
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


def _count(call: Call, wanted: ColumnElement[bool], *, capped: bool) -> tuple[int, bool]:
    """How many users there are, and whether that is exact; capped: give up beyond MOST_COUNTED."""
    found = select(_users.c.id).where(wanted)
    if capped:
        found = found.limit(MOST_COUNTED + 1)
    total = int(call.tx.value(select(func.count()).select_from(found.subquery())))
    if capped and total > MOST_COUNTED:
        return MOST_COUNTED, False
    return total, True


def _conditions(call: Call, request: ListUsers) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [_users.c.environment_id == call.environment_id]
    found += of_status(call, request.status)
    if request.search is not UNSET and request.search:
        found.append(_search(str(request.search), request.search_type))
    if request.role is not UNSET:
        found.append(_users.c.role == request.role)
    if request.provider is not UNSET:
        linked = and_(_accounts.c.user_id == _users.c.id, _accounts.c.provider == request.provider)
        found.append(exists().where(linked))
    if request.mfa is not UNSET:
        enrolled = exists().where(
            _enrolments.c.user_id == _users.c.id, _enrolments.c.confirmed_at.is_not(None)
        )
        found.append(enrolled if request.mfa else ~enrolled)
    return found + _times(request)


def _times(request: ListUsers) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if request.last_sign_in_before is not UNSET:
        last = _users.c.last_sign_in_at
        found.append(or_(last.is_(None), last < instant_of(str(request.last_sign_in_before))))
    if request.last_sign_in_after is not UNSET:
        found.append(_users.c.last_sign_in_at >= instant_of(str(request.last_sign_in_after)))
    if request.created_before is not UNSET:
        found.append(_users.c.created_at < instant_of(str(request.created_before)))
    if request.created_after is not UNSET:
        found.append(_users.c.created_at >= instant_of(str(request.created_after)))
    return found


def of_status(call: Call, status: StatusFilter | UnsetType) -> list[ColumnElement[bool]]:
    """Conditions for users in a state; all but deleted ones where none is named."""
    banned = and_(
        _users.c.banned_at.is_not(None),
        or_(_users.c.banned_until.is_(None), _users.c.banned_until > call.now),
    )
    if status == "all":
        return []
    if status == "deleted":
        return [_users.c.deleted_at.is_not(None)]
    live: list[ColumnElement[bool]] = [_users.c.deleted_at.is_(None)]
    return [*live, banned] if status == "banned" else [*live, ~banned] if status == "active" else live


def _search(text: str, kind: Any) -> ColumnElement[bool]:
    """Substring, case ignored, in name, nickname and e-mail or the one named."""
    columns = {"name": _users.c.name, "nickname": _users.c.nickname, "email": _users.c.email}
    chosen = list(columns.values()) if kind is UNSET else [columns[kind]]
    escaped = text.replace("/", "//").replace("%", "/%").replace("_", "/_")
    wanted = func.folded(escaped, type_=Text)
    return or_(*(func.folded(column, type_=Text).contains(wanted, escape="/") for column in chosen))


def _ordered(request: ListUsers) -> Select[Any]:
    column = _SORT[request.sort_by]
    down = request.sort_direction == "desc"
    return select(_users).order_by(
        column.desc() if down else column, _users.c.id.desc() if down else _users.c.id
    )


def _cursor(request: ListUsers, last: Row[Any]) -> str:
    value = getattr(last, _SORT[request.sort_by].name)
    place = msgspec.json.encode([request.sort_by, request.sort_direction, value, last.id])
    return urlsafe_b64encode(place).rstrip(b"=").decode()


def _after(request: ListUsers) -> ColumnElement[bool]:
    column = _SORT[request.sort_by]
    text = str(request.cursor)
    try:
        place = msgspec.json.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=_Place)
    except (ValueError, msgspec.DecodeError):
        _refuse_cursor()
    sort_by, direction, value, id_ = place
    if (sort_by, direction) != (request.sort_by, request.sort_direction):
        _refuse_cursor()
    if isinstance(value, int) != sort_by.endswith("At") or "\0" in f"{value}{id_}":
        _refuse_cursor()
    beyond = column < value if direction == "desc" else column > value
    next_id = _users.c.id < id_ if direction == "desc" else _users.c.id > id_
    return or_(beyond, and_(column == value, next_id))


def _refuse_cursor() -> NoReturn:
    raise Failure(
        "common/invalid-parameters", details={"cursor": ["must be a nextCursor, with sorting unchanged"]}
    )


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
