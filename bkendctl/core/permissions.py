"""Who is calling, and may they: API key, access token, scope, role. In the order of x-check-order."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Row, bindparam, select, update

from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Access, Raw
from bkendctl.core import rate_limits, schema
from bkendctl.core.call import Actor, Call, environment_by_id
from bkendctl.core.clock import MINUTE
from bkendctl.core.crypto import fingerprint
from bkendctl.core.transaction import Transaction

_KEY = re.compile(r"(pk|sk)_[a-fA-F0-9]{64}")

# Read with every request, so they are built once: that is most of what a statement costs.
_keys, _users, _sessions = schema.api_keys, schema.users, schema.sessions
_KEY_BY_HASH = select(_keys).where(_keys.c.key_hash == bindparam("hash"))
_USER_BY_ID = select(_users).where(
    _users.c.id == bindparam("id"), _users.c.environment_id == bindparam("environment")
)
_SESSION_BY_ID = select(_sessions).where(
    _sessions.c.id == bindparam("id"), _sessions.c.user_id == bindparam("user")
)


def identify(call: Call, raw: Raw) -> None:
    """All checks ahead of the request itself, in their order. Failures: those of each."""
    if call.operation.access is Access.PUBLIC:
        if call.operation.takes_key and "x-api-key" in raw.headers:
            identify_key(call, raw.headers["x-api-key"])
        rate_limits.count_here(call)
        return
    identify_key(call, raw.headers.get("x-api-key"))
    rate_limits.count_here(call)
    identify_user(call, raw.headers.get("authorization"))
    require_scope(call)
    require_access(call, raw)


def identify_key(call: Call, header: str | None) -> None:
    """Find the key and with it the environment.

    Nothing is left to find where a page did (pages.py). Failures: auth/unauthorized,
    auth/invalid-token-format, auth/invalid-token, auth/token-revoked, -expired.
    """
    if call.by_page:
        return
    if header is None:
        raise Failure("auth/unauthorized", "An API key is needed (X-API-Key).")
    if not _KEY.fullmatch(header):
        raise Failure("auth/invalid-token-format")
    key = call.tx.recall(_KEY_BY_HASH, hash=fingerprint(header))
    if key is None:
        raise Failure("auth/invalid-token", "The API key is not known.")
    environment = environment_by_id(call.tx, key.environment_id)
    if environment is None:
        raise Failure("auth/invalid-token")
    call.enter(environment)
    call.key = key
    if key.revoked_at is not None and key.revoked_at <= call.now:
        raise Failure("auth/token-revoked")
    if key.expires_at is not None and key.expires_at <= call.now:
        raise Failure("auth/token-expired", "The API key has expired.")


def identify_user(call: Call, header: str | None) -> None:
    """Find the user of the access token where the operation asks for one, or one came along.

    Guest and public paths ignore the header, even a stale one. Failures: auth/unauthorized or
    user/unauthorized, auth/invalid-token, auth/token-expired, auth/user-not-found.
    """
    access = call.operation.access
    if access in (Access.PUBLIC, Access.GUEST):
        return
    if header is None:
        if access is Access.OPTIONAL_USER or (call.has_secret_key and access is not Access.USER):
            return
        raise Failure("user/unauthorized" if call.operation.under_users else "auth/unauthorized")
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Failure("auth/invalid-token")
    claims = call.core.signer.verify(call.tx, call.environment_id, token, call.now)
    here = (call.env.project_id, call.env.name)
    if (claims.aud, claims.environment) != here or not _is_issuer(call, claims.iss):
        raise Failure("auth/invalid-token")
    _require_live(call, claims.sub, claims.sid)


def issuer_of(environment: Row[Any]) -> str:
    """iss of the access tokens: the project's setting, else urn:uuid: and its id."""
    return str(environment.issuer or f"urn:uuid:{environment.project_id}")


def _is_issuer(call: Call, issuer: str) -> bool:
    former = [entry["issuer"] for entry in call.env.former_issuers if entry["until"] > call.now]
    return issuer in (issuer_of(call.env), *former)


def _require_live(call: Call, user_id: str, session_id: str) -> None:
    """Read user and session afresh: what was revoked or changed counts from this request on."""
    user = call.tx.recall(_USER_BY_ID, id=user_id, environment=call.environment_id)
    if user is None or user.deleted_at is not None:
        raise Failure("auth/user-not-found")
    session = call.tx.recall(_SESSION_BY_ID, id=session_id, user=user_id)
    if session is None or session.ended_at is not None or session.expires_at <= call.now:
        raise Failure("auth/invalid-token", "The session has ended.")
    call.user, call.session = user, session


def require_scope(call: Call) -> None:
    """A key with scopes, of either kind, needs the operation's among them: data/scope-insufficient."""
    needed = call.operation.scope
    if needed is None or call.key is None or not call.key.scopes:
        return
    if not any(covers(scope, needed) for scope in call.key.scopes):
        raise Failure("data/scope-insufficient", f"The key's scopes do not include {needed}.")


def covers(scope: str, needed: str) -> bool:
    """Whether table:operation lies within a scope, where * stands for any."""
    pairs = zip(scope.split(":"), needed.split(":"), strict=True)
    return all(mine in ("*", wanted) for mine, wanted in pairs)


def require_access(call: Call, raw: Raw) -> None:
    """Role or ownership, before anything is looked up, so that ids cannot be probed."""
    operation = call.operation
    if operation.dev_only and call.env.type != "dev":
        raise Failure("common/not-found")
    if operation.access is Access.ADMIN and not call.is_admin:
        raise Failure(operation.forbidden)
    if operation.access is Access.SELF_OR_ADMIN and not (call.is_admin or operation.any_signed_in):
        own = call.user is not None and raw.path.get("userId") == call.user.id
        if not own:
            raise Failure(operation.forbidden)


def actor_of(call: Call) -> Actor:
    """Who the audit names: the user where one acts, else the key, else nobody known."""
    by_user = call.user is not None and (call.operation.access is Access.USER or not call.has_secret_key)
    if by_user and call.user is not None:
        return Actor("user", call.user.id, call.user.email)
    if call.has_secret_key and call.key is not None and call.operation.access is not Access.GUEST:
        return Actor("api-key", call.key.id, call.key.name)
    return Actor("anonymous")


def is_to_be_touched(call: Call) -> bool:
    """Whether key or session was noted as used a minute ago or more."""
    return is_stale(call, call.key, "last_used_at") or is_stale(call, call.session, "last_activity_at")


def touch(call: Call, transaction: Transaction) -> None:
    """Note when key and session were last used, at most once a minute (decision 124)."""
    if is_stale(call, call.key, "last_used_at") and call.key is not None:
        transaction.run(update(_keys).where(_keys.c.id == call.key.id).values(last_used_at=call.now))
    if is_stale(call, call.session, "last_activity_at") and call.session is not None:
        mine = _sessions.c.id == call.session.id
        transaction.run(update(_sessions).where(mine).values(last_activity_at=call.now))


def is_stale(call: Call, row: Row[Any] | None, column: str) -> bool:
    """Whether the noted time of use is a minute old or more."""
    if row is None:
        return False
    noted = getattr(row, column)
    return noted is None or call.now - noted >= MINUTE
