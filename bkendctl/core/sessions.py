"""Sessions: opened by a sign-in, kept by rotating refresh tokens (RFC 9700, section 4.14), ended for good."""

from __future__ import annotations

from functools import partial
from typing import Any

from msgspec import UNSET
from sqlalchemy import Row, and_, bindparam, delete, func, select, update

from bkendctl.contract import sessions as contract
from bkendctl.contract.accounts import TokenPair
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Message
from bkendctl.contract.paging import Page, Pagination
from bkendctl.core import outbox, permissions, schema
from bkendctl.core.call import Call
from bkendctl.core.clock import DAY, SECOND, wire
from bkendctl.core.crypto import fingerprint
from bkendctl.core.dispatch import handles
from bkendctl.core.mail_texts import Values
from bkendctl.core.randomness import new_token

IDEMPOTENCY_MS = 60 * SECOND
"""How long a lost answer can be asked for again (decision 12)."""

DELETED = "deleted"
"""Why sessions of a deleted user end: their tokens stay, to answer auth/user-not-found (decision 13)."""

_table = schema.sessions
_tokens = schema.refresh_tokens
_SPEND = update(_tokens).where(_tokens.c.token_hash == bindparam("token"), _tokens.c.spent_at.is_(None))


def open_session(call: Call, user: Row[Any], amr: list[str]) -> TokenPair:
    """Open a session for a user who proved everything that is asked, and give its first tokens."""
    session_id = call.new_id()
    values = {
        "id": session_id,
        "environment_id": call.environment_id,
        "user_id": user.id,
        "organization_id": None,
        "amr": amr,
        "second_factor_at": call.now if len(amr) > 1 else None,
        "created_at": call.now,
        "last_activity_at": call.now,
        "expires_at": _expiry(call, call.now),
    }
    call.tx.insert(_table, values | _device(call))
    call.tx.update(schema.users, {"last_sign_in_at": call.now}, id=user.id)
    session = call.tx.row(_table, id=session_id)
    assert session is not None
    return _issue(call, user, session, generation=1)[0]


def hold(call: Call, access_token: str, life_ms: int) -> str:
    """Take back the tokens of a session just opened, which ends soon unless it is collected; gives its id."""
    claims = call.core.signer.verify(call.tx, call.environment_id, access_token, call.now)
    call.tx.run(delete(_tokens).where(_tokens.c.session_id == claims.sid))
    call.tx.update(_table, {"expires_at": call.now + life_ms}, id=claims.sid)
    return claims.sid


def collect(call: Call, session_id: str) -> TokenPair:
    """Give the tokens of a session that was held, which from now on is who collects it.

    Failures: auth/invalid-token where it ended meanwhile.
    """
    live = call.tx.first(select(_table).where(_table.c.id == session_id, _live(call)))
    user = None if live is None else call.tx.row(schema.users, id=live.user_id)
    if live is None or user is None or user.deleted_at is not None:
        raise Failure("auth/invalid-token", "The session has ended.", keep=True)
    kept = {"expires_at": _expiry(call, live.created_at), "last_activity_at": call.now}
    call.tx.update(_table, kept | _device(call), id=session_id)
    return _issue(call, user, live, generation=1)[0]


def end_all(call: Call, user_id: str, reason: str, *, but: str | None = None) -> int:
    """End the sessions of a user, save one; gives how many of them were live."""
    open_ones = and_(_table.c.user_id == user_id, _table.c.ended_at.is_(None))
    if but is not None:
        open_ones = and_(open_ones, _table.c.id != but)
    ended = int(call.tx.value(select(func.count()).select_from(_table).where(open_ones, _live(call))))
    if reason != DELETED:
        call.tx.run(delete(_tokens).where(_tokens.c.session_id.in_(select(_table.c.id).where(open_ones))))
    call.tx.run(update(_table).where(open_ones).values(ended_at=call.now, end_reason=reason))
    return ended


def end(call: Call, session_id: str, reason: str) -> None:
    """End one session, its refresh tokens with it."""
    call.tx.run(update(_table).where(_table.c.id == session_id).values(ended_at=call.now, end_reason=reason))
    call.tx.run(delete(_tokens).where(_tokens.c.session_id == session_id))


def _device(call: Call) -> dict[str, str | None]:
    """What is told of the caller in lists of sessions."""
    agent = call.user_agent
    name = agent.partition(" ")[0][:200] if agent else None
    return {"user_agent": agent, "ip_address": call.source.ip_address, "device_info": name}


def _expiry(call: Call, created_at: int) -> int:
    """refreshTokenSeconds from now, and never beyond sessionAbsoluteDays from the sign-in."""
    expiry = call.now + call.settings.sessions.refresh_token_seconds * SECOND
    return min(expiry, _absolute_end(call, created_at) or expiry)


def _absolute_end(call: Call, created_at: int) -> int | None:
    days = call.settings.sessions.session_absolute_days
    return None if days is None else created_at + days * DAY


def _issue(call: Call, user: Row[Any], session: Row[Any], *, generation: int) -> tuple[TokenPair, str]:
    """Make a token pair; gives it with the fingerprint of its refresh token."""
    refresh = new_token(call.core.randomness, "rt_")
    call.tx.insert(
        _tokens,
        {
            "token_hash": fingerprint(refresh),
            "environment_id": call.environment_id,
            "session_id": session.id,
            "generation": generation,
            "created_at": call.now,
        },
    )
    life = call.settings.sessions.access_token_seconds
    role = _organization_role(call, user.id, session.organization_id)
    claims = {
        "iss": permissions.issuer_of(call.env),
        "aud": call.env.project_id,
        "sub": user.id,
        "sid": session.id,
        "jti": call.new_id(),
        "iat": call.now // SECOND,
        "exp": call.now // SECOND + life,
        "role": user.role,
        "projectId": call.env.project_id,
        "environment": call.env.name,
        "organizationId": None if role is None else session.organization_id,
        "organizationRole": role,
        "amr": session.amr,
    }
    access = call.core.signer.sign(call.tx, call.environment_id, claims)
    pair = TokenPair(access_token=access, refresh_token=refresh, expires_in=life)
    return pair, fingerprint(refresh)


def _organization_role(call: Call, user_id: str, organization_id: str | None) -> str | None:
    if organization_id is None:
        return None
    found = call.tx.row(
        schema.memberships, resource_type="organization", resource_id=organization_id, user_id=user_id
    )
    return None if found is None else str(found.role)


def reissue(call: Call, user: Row[Any], session: Row[Any]) -> TokenPair:
    """Give a session new tokens in place of all it has, as a refresh does: those are spent."""
    mine = and_(_tokens.c.session_id == session.id, _tokens.c.spent_at.is_(None))
    present = call.tx.all(select(_tokens).where(mine))
    generation = max((row.generation for row in present), default=0) + 1
    pair, successor = _issue(call, user, session, generation=generation)
    fresh = _tokens.c.token_hash != successor
    call.tx.run(update(_tokens).where(mine, fresh).values(spent_at=call.now, successor_hash=successor))
    call.afterwards += [partial(call.core.arrivals.spent, row.token_hash) for row in present]
    moved = {"last_activity_at": call.now, "expires_at": _expiry(call, session.created_at)}
    call.tx.update(_table, moved, id=session.id)
    return pair


def _on_arrival(call: Call, request: contract.Refresh) -> Row[Any] | None:
    """Read the token once before the lock is taken: spent by now is reuse, spent under the lock a race.

    A server's request may have waited for its thread until now; arrivals.py knows what it was there before.
    """
    with call.core.database.read() as transaction:
        token_hash = fingerprint(request.refresh_token)
        return transaction.row(_tokens, token_hash=token_hash, environment_id=call.environment_id)


@handles(contract.REFRESH, before=_on_arrival)
def refresh(call: Call, request: contract.Refresh, arrived: Row[Any] | None) -> TokenPair:
    """Rotate a refresh token; a token used before ends every session of the user (decision 12)."""
    if arrived is None:
        raise Failure("auth/invalid-refresh-token")
    user, session = _owner_of(call, arrived)
    key = request.idempotency_key
    key_hash = None if key is UNSET else fingerprint(str(key))
    if call.tx.change(
        _SPEND, {"token": arrived.token_hash, "spent_at": call.now, "idempotency_hash": key_hash}
    ):
        call.afterwards.append(partial(call.core.arrivals.spent, arrived.token_hash))
        return _rotate(call, user, session, arrived, arrived.generation + 1)
    spent = call.tx.row(_tokens, token_hash=arrived.token_hash)
    if spent is None:
        raise Failure("auth/invalid-refresh-token")
    successor = call.tx.first(select(_tokens).where(_tokens.c.token_hash == spent.successor_hash))
    same_client = key_hash is not None and key_hash == spent.idempotency_hash
    unused = successor is not None and successor.spent_at is None
    # Also for one that raced: a client that stopped waiting asks again while its first request still waits.
    if same_client and unused and call.now - spent.spent_at <= IDEMPOTENCY_MS:
        call.tx.run(delete(_tokens).where(_tokens.c.token_hash == spent.successor_hash))
        return _rotate(call, user, session, spent, spent.generation + 1)
    if arrived.spent_at is None or call.core.arrivals.was_before(call.arrived, arrived.token_hash):
        raise Failure("auth/invalid-refresh-token")
    return _reused(call, user, session, spent)


def _owner_of(call: Call, token: Row[Any]) -> tuple[Row[Any], Row[Any]]:
    """User and session of a refresh token.

    Failures: auth/user-not-found, auth/invalid-refresh-token, auth/session-expired.
    """
    session = call.tx.row(_table, id=token.session_id)
    user = call.tx.row(schema.users, id=session.user_id) if session is not None else None
    if session is None or user is None or user.deleted_at is not None:
        raise Failure("auth/user-not-found")
    call.about("session", session.id)
    if session.ended_at is not None:
        raise Failure("auth/invalid-refresh-token")
    if min(session.expires_at, _absolute_end(call, session.created_at) or session.expires_at) <= call.now:
        raise Failure("auth/session-expired")
    return user, session


def _rotate(call: Call, user: Row[Any], session: Row[Any], spent: Row[Any], generation: int) -> TokenPair:
    pair, successor = _issue(call, user, session, generation=generation)
    call.tx.update(_tokens, {"successor_hash": successor}, token_hash=spent.token_hash)
    moved = {"last_activity_at": call.now, "expires_at": _expiry(call, session.created_at)}
    call.tx.update(_table, moved, id=session.id)
    return pair


def _reused(call: Call, user: Row[Any], session: Row[Any], spent: Row[Any]) -> TokenPair:
    """A spent token arrived: from a parallel client while the grace runs, else from a thief or its victim."""
    if call.now - spent.spent_at < call.settings.sessions.refresh_reuse_grace_seconds * SECOND:
        return _issue(call, user, session, generation=spent.generation + 1)[0]
    call.about("user", user.id, endedSessions=end_all(call, user.id, "refresh-reuse"))
    values = Values(user_name=user.name, project=call.env.project_name, change="reuse", locale=user.locale)
    outbox.send(call, "sessions_ended", user.email, values)
    raise Failure("auth/invalid-refresh-token", keep=True)


@handles(contract.SIGN_OUT)
def sign_out(call: Call, _request: Any) -> Message:
    """End the calling session."""
    session_id = _calling(call)
    end(call, session_id, "signed-out")
    call.about("session", session_id)
    return Message(message="Signed out.")


@handles(contract.LIST)
def list_sessions(call: Call, request: Any) -> Page[contract.Session]:
    """The caller's live sessions, latest activity first."""
    return page_of(call, call.caller.id, request.page, request.limit)


@handles(contract.REVOKE)
def revoke(call: Call, request: contract.EndSession) -> Message:
    """End one of the caller's sessions."""
    row = call.tx.first(
        select(_table.c.id).where(
            _table.c.id == request.session_id, _table.c.user_id == call.caller.id, _live(call)
        )
    )
    if row is None:
        raise Failure("auth/session-not-found")
    end(call, row.id, "revoked")
    call.about("session", row.id)
    return Message(message="The session has ended.")


@handles(contract.REVOKE_ALL)
def revoke_all(call: Call, _request: Any) -> contract.SessionsEnded:
    """End the caller's sessions but the calling one."""
    ended = end_all(call, call.caller.id, "revoked", but=_calling(call))
    call.about("user", call.caller.id, endedSessions=ended)
    return contract.SessionsEnded(message=f"{ended} other sessions have ended.", ended_count=ended)


def page_of(call: Call, user_id: str, page: int, limit: int) -> Page[contract.Session]:
    """A page of a user's live sessions."""
    mine = and_(_table.c.user_id == user_id, _live(call))
    total = call.tx.value(select(func.count()).select_from(_table).where(mine))
    rows = call.tx.all(
        select(_table)
        .where(mine)
        .order_by(_table.c.last_activity_at.desc(), _table.c.id)
        .limit(limit)
        .offset((page - 1) * limit)
    )
    return Page(items=[_shown(call, row) for row in rows], pagination=Pagination.of(page, limit, total))


def _live(call: Call) -> Any:
    return and_(_table.c.ended_at.is_(None), _table.c.expires_at > call.now)


def _calling(call: Call) -> str:
    if call.session is None:
        raise Failure("auth/unauthorized")
    return str(call.session.id)


def _shown(call: Call, row: Row[Any]) -> contract.Session:
    return contract.Session(
        id=row.id,
        user_id=row.user_id,
        user_agent=row.user_agent,
        ip_address=row.ip_address,
        device_info=row.device_info,
        last_activity_at=wire(row.last_activity_at),
        created_at=wire(row.created_at),
        expires_at=wire(row.expires_at),
        is_current=call.session is not None and call.session.id == row.id,
    )
