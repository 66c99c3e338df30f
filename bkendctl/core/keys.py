"""API keys: made, listed, revoked. Stored by SHA-256, shown once."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET
from sqlalchemy import Row, and_, func, or_, select, update

from bkendctl.contract import keys as contract
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Message
from bkendctl.contract.paging import Page, Pagination
from bkendctl.core import permissions, schema
from bkendctl.core.call import Call
from bkendctl.core.clock import SECOND, instant_of, wire
from bkendctl.core.crypto import fingerprint
from bkendctl.core.dispatch import handles
from bkendctl.core.randomness import Randomness

_table = schema.api_keys
_environments = schema.environments
PREFIX = {"publishable": "pk_", "secret": "sk_"}


def new_key(randomness: Randomness, kind: str) -> tuple[str, dict[str, str]]:
    """Make a key of 256 random bits; gives it with the columns that stand for it."""
    key = PREFIX[kind] + randomness.bytes(32).hex()
    return key, stored_as(key)


def stored_as(key: str) -> dict[str, str]:
    """The columns that stand for a key."""
    return {"key_hash": fingerprint(key), "masked_key": f"{key[:7]}****{key[-4:]}"}


@handles(contract.CREATE)
def create(call: Call, request: contract.Create) -> contract.ApiKeyWithSecret:
    """Make a key; a scoped key makes none that reaches further, and an empty list would."""
    expires_at = None if request.expires_at is None else instant_of(request.expires_at)
    faults = {}
    if expires_at is not None and expires_at <= call.now:
        faults["expiresAt"] = ["must lie in the future"]
    if len(set(request.scopes)) != len(request.scopes):
        faults["scopes"] = ["must not repeat a scope"]
    if faults:
        raise Failure("common/invalid-parameters", details=faults)
    require_within(call, request.scopes)
    values = {
        "environment_id": _environment(call, request.environment),
        "type": request.type,
        "name": request.name,
        "scopes": request.scopes,
        "expires_at": expires_at,
        "created_by": _maker(call),
    }
    made = _made(call, values)
    call.about("api-key", made.id, name=request.name, type=request.type, scopes=request.scopes)
    return made


@handles(contract.ROTATE)
def rotate(call: Call, request: contract.Rotate) -> contract.ApiKeyWithSecret:
    """Put a new key in an old one's place; the old one is valid for the grace, then revoked.

    Who made the old one stays its maker where a key rotates: its user's end is the new one's too.
    """
    row = _find(call, request.key_id)
    require_within(call, row.scopes)
    if row.revoked_at is not None:
        raise Failure("api-key/already-revoked")
    given = request.expires_at
    expires_at = row.expires_at if given is UNSET else None if given is None else instant_of(str(given))
    if expires_at is not None and expires_at <= call.now:
        raise Failure("common/invalid-parameters", details={"expiresAt": ["must lie in the future"]})
    carried = {name: getattr(row, name) for name in ("environment_id", "type", "name", "scopes")}
    made = _made(call, carried | {"expires_at": expires_at, "created_by": _maker(call) or row.created_by})
    revoked_at = call.now + request.grace_seconds * SECOND
    call.tx.update(_table, {"revoked_at": revoked_at}, id=row.id)
    call.about("api-key", row.id, name=row.name, replacedBy=made.id, revokedAt=wire(revoked_at))
    return made


def _maker(call: Call) -> str | None:
    """The user who asks, None where a secret key does."""
    return call.user.id if call.user is not None and not call.has_secret_key else None


def initial(call: Call, kind: str, *, environment_id: str, now: int) -> contract.ApiKeyWithSecret:
    """Make a first key of a new environment; it reaches no further than the key that asks (x-scopes)."""
    values = {
        "environment_id": environment_id,
        "type": kind,
        "name": f"initial {kind}",
        "scopes": call.key.scopes if call.key is not None else [],
        "expires_at": None,
        "created_by": _maker(call),
        "created_at": now,
    }
    return _made(call, values)


def _made(call: Call, values: dict[str, Any]) -> contract.ApiKeyWithSecret:
    """Store a new key, and show it this once."""
    key, stored = new_key(call.core.randomness, values["type"])
    key_id = call.new_id()
    call.tx.insert(_table, {"created_at": call.now} | stored | values | {"id": key_id})
    shown = _shown(call, call.tx.one(_selected().where(_table.c.id == key_id)))
    return contract.ApiKeyWithSecret(
        **{name: getattr(shown, name) for name in shown.__struct_fields__}, key=key
    )


@handles(contract.LIST)
def list_keys(call: Call, request: contract.ListKeys) -> Page[contract.ApiKey]:
    """Keys of an environment of the project, newest first."""
    wanted = [_environments.c.project_id == call.env.project_id]
    name = call.env.name if request.environment is UNSET else request.environment
    wanted.append(_environments.c.name == name)
    if request.type is not UNSET:
        wanted.append(_table.c.type == request.type)
    wanted += _status(call, request.status)
    source = _table.join(_environments, _environments.c.id == _table.c.environment_id)
    total = call.tx.value(select(func.count()).select_from(source).where(*wanted))
    rows = call.tx.all(
        _selected()
        .where(*wanted)
        .order_by(_table.c.created_at.desc(), _table.c.id)
        .limit(request.limit)
        .offset((request.page - 1) * request.limit)
    )
    pagination = Pagination.of(request.page, request.limit, total)
    return Page(items=[_shown(call, row) for row in rows], pagination=pagination)


@handles(contract.CURRENT)
def current(call: Call, _request: Any) -> contract.ApiKey:
    """The calling key; a publishable one does not see its maker and last use (decision 141)."""
    if call.key is None:
        raise Failure("auth/unauthorized")
    shown = _shown(call, _find(call, call.key.id))
    if shown.type == "publishable":
        shown.created_by = shown.last_used_at = None
    return shown


@handles(contract.GET)
def get(call: Call, request: contract.KeyId) -> contract.ApiKey:
    """One key, masked."""
    return _shown(call, _find(call, request.key_id))


@handles(contract.REVOKE)
def revoke(call: Call, request: contract.KeyId) -> Message:
    """Revoke a key from the next request on; fine when it was revoked before."""
    row = _find(call, request.key_id)
    call.about("api-key", row.id, name=row.name)
    if row.revoked_at is None or row.revoked_at > call.now:
        call.tx.run(update(_table).where(_table.c.id == row.id).values(revoked_at=call.now))
    return Message(message="The key was revoked.")


def revoke_personal(call: Call, user_id: str) -> None:
    """Revoke the keys that a user made."""
    live = or_(_table.c.revoked_at.is_(None), _table.c.revoked_at > call.now)
    call.tx.run(update(_table).where(_table.c.created_by == user_id, live).values(revoked_at=call.now))


def _environment(call: Call, name: Any) -> str:
    if name is UNSET:
        return call.environment_id
    found = call.tx.value(
        select(_environments.c.id).where(
            _environments.c.project_id == call.env.project_id, _environments.c.name == name
        )
    )
    if found is None:
        raise Failure("data/environment-not-found")
    return str(found)


def require_within(call: Call, scopes: list[str]) -> None:
    """A key with scopes never gets hold of more (x-scopes)."""
    own = call.key.scopes if call.key is not None else []
    if not own:
        return
    wider = [scope for scope in scopes if not any(permissions.covers(mine, scope) for mine in own)]
    if wider or not scopes:
        what = ", ".join(wider) if wider else "an empty list, which means no limit"
        raise Failure("data/scope-insufficient", f"The calling key's scopes do not cover {what}.")


def _selected() -> Any:
    return select(_table, _environments.c.name.label("environment"), _environments.c.project_id).join(
        _environments, _environments.c.id == _table.c.environment_id
    )


def _find(call: Call, key_id: str) -> Row[Any]:
    row = call.tx.first(
        _selected().where(_table.c.id == key_id, _environments.c.project_id == call.env.project_id)
    )
    if row is None:
        raise Failure("api-key/not-found")
    return row


def _status(call: Call, status: str) -> list[Any]:
    revoked = and_(_table.c.revoked_at.is_not(None), _table.c.revoked_at <= call.now)
    expired = and_(_table.c.expires_at.is_not(None), _table.c.expires_at <= call.now)
    live = or_(_table.c.revoked_at.is_(None), _table.c.revoked_at > call.now)
    lasting = or_(_table.c.expires_at.is_(None), _table.c.expires_at > call.now)
    return {"all": [], "revoked": [revoked], "expired": [live, expired], "active": [live, lasting]}[status]


def _shown(call: Call, row: Row[Any]) -> contract.ApiKey:
    revoked = row.revoked_at is not None and row.revoked_at <= call.now
    expired = row.expires_at is not None and row.expires_at <= call.now
    return contract.ApiKey(
        id=row.id,
        type=row.type,
        name=row.name,
        masked_key=row.masked_key,
        project_id=row.project_id,
        environment=row.environment,
        scopes=row.scopes,
        status="revoked" if revoked else "expired" if expired else "active",
        expires_at=wire(row.expires_at),
        revoked_at=wire(row.revoked_at),
        last_used_at=wire(row.last_used_at),
        created_by=row.created_by,
        created_at=wire(row.created_at),
    )
