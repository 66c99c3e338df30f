"""Removing what has expired, by each environment's own clock, each batch in a transaction of its own.

Audit rows go by their age where one is named (audit_retention.py): until then the addresses in them outlive
their users.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Table, and_, delete, exists, func, or_, select, tuple_, update

from bkendctl.core import audit_retention, schema
from bkendctl.core.attempts import KNOWN_SOURCE_MS
from bkendctl.core.avatars import try_to_remove
from bkendctl.core.clock import DAY, HOUR, wire
from bkendctl.core.installation import call_in, record
from bkendctl.core.runtime import Core
from bkendctl.core.sessions import DELETED
from bkendctl.core.transaction import Transaction
from bkendctl.core.users import RESTORE_MS

BATCH = 500
"""Rows a write transaction removes: nobody else writes to the environment meanwhile."""

USER_BATCH = 20
"""Fewer of users: each takes the rows of a dozen tables along."""

PAUSE_SECONDS = 0.1
"""Between batches. SQLite asks for its lock at most 100 ms apart, so every writer that waits has its turn."""

ENDED_SESSION_MS = 30 * DAY
"""How long ended sessions are kept: they are the account's own history of devices."""

AUDIT = "auditEvents"

DELIVERED_MAIL_MS = 30 * DAY
"""How long delivered mails are kept, by real time as all of the outbox (decision 139)."""

DROPPED_FILE_MS = HOUR
"""By then nobody is writing any more what is noted as dropped while it is being written."""

_sessions, _users, _dropped = schema.sessions, schema.users, schema.dropped_files


class Instants(Struct, frozen=True):
    """Now in ms: real is the machine's time, own the environment's."""

    real: int
    own: int


def _ended(before: int) -> ColumnElement[bool]:
    """Sessions over at an instant, but for those of a deleted user that answer auth/user-not-found."""
    gone = exists().where(_users.c.id == _sessions.c.user_id, _users.c.deleted_at.is_not(None))
    over = or_(
        and_(_sessions.c.ended_at.is_not(None), _sessions.c.ended_at <= before),
        _sessions.c.expires_at <= before,
    )
    answering = and_(_sessions.c.end_reason.is_not(None), _sessions.c.end_reason == DELETED, gone)
    return and_(over, ~answering)


def _dead_tokens(now: Instants) -> ColumnElement[bool]:
    """By their session alone: a spent token of a live session is what shows that it was stolen."""
    tokens = schema.refresh_tokens
    over = exists().where(_sessions.c.id == tokens.c.session_id, _ended(now.own))
    return over.correlate(tokens)


def _dead_mail_tokens(now: Instants) -> ColumnElement[bool]:
    table = schema.mail_tokens
    return or_(table.c.used_at.is_not(None), table.c.expires_at <= now.own)


def _delivered(now: Instants) -> ColumnElement[bool]:
    table = schema.outbox
    return and_(table.c.status == "sent", table.c.sent_at < now.real - DELIVERED_MAIL_MS)


def _unsaved(now: Instants) -> ColumnElement[bool]:
    table = schema.avatars
    return and_(table.c.saved_at.is_(None), table.c.expires_at <= now.own - DROPPED_FILE_MS)


class Kind(Struct, frozen=True):
    """Rows of a table that can go, and the name they are counted under."""

    name: str
    table: Table
    expired: Callable[[Instants], ColumnElement[bool]]
    batch: int = BATCH


# In this order a row that goes along with another was counted by itself before, as a dry run does.
KINDS = (
    Kind("refreshTokens", schema.refresh_tokens, _dead_tokens),
    Kind("sessions", _sessions, lambda now: _ended(now.own - ENDED_SESSION_MS)),
    Kind("mailTokens", schema.mail_tokens, _dead_mail_tokens),
    Kind("hostedCodes", schema.hosted_codes, lambda now: schema.hosted_codes.c.expires_at <= now.own),
    Kind("spentStates", schema.spent_states, lambda now: schema.spent_states.c.expires_at <= now.own),
    Kind(
        "keptIdentities", schema.kept_identities, lambda now: schema.kept_identities.c.expires_at <= now.own
    ),
    Kind("throttles", schema.throttles, lambda now: schema.throttles.c.expires_at <= now.own),
    Kind(
        "knownSources",
        schema.known_sources,
        lambda now: schema.known_sources.c.last_sign_in_at < now.own - KNOWN_SOURCE_MS,
    ),
    Kind("mails", schema.outbox, _delivered),
    Kind("uploads", schema.avatars, _unsaved),
    Kind("droppedFiles", _dropped, lambda now: _dropped.c.dropped_at <= now.own - DROPPED_FILE_MS),
    Kind("users", _users, lambda now: _users.c.deleted_at < now.own - RESTORE_MS, USER_BATCH),
)


def purge(
    core: Core, *, dry_run: bool, pause: Callable[[float], object], audit_ms: int | None = None
) -> dict[str, int]:
    """Remove what has expired and give how many rows of each kind; dry_run only counts them.
    pause: sleeps for so many seconds, between batches. audit_ms: audit events older than that go too.

    What goes along with a user is not counted. Each environment's audit tells what was removed there, also
    after an interruption. Killed at any moment it can be run again.
    """
    with core.database.read() as transaction:
        environments = [row.id for row in transaction.all(select(schema.environments.c.id))]
    totals = {kind.name: 0 for kind in KINDS}
    for environment_id in environments:
        counted = _count(core, environment_id) if dry_run else _purge_environment(core, environment_id, pause)
        for name, count in counted.items():
            totals[name] += count
    if audit_ms is not None:
        before = core.clock.now() - audit_ms
        totals[AUDIT] = sum(_purge_audit(core, id_, before, pause, dry_run=dry_run) for id_ in environments)
    return totals


def _purge_audit(
    core: Core, environment_id: str, before: int, pause: Callable[[float], object], *, dry_run: bool
) -> int:
    """Remove old audit events of an environment, or count them; that they went is told by a new one."""
    with core.database.read() as transaction:
        call = call_in(core, transaction, environment_id)
        if call is None or dry_run:
            return 0 if call is None else audit_retention.count_older(call, transaction, before)
    removed = audit_retention.remove_older(call, before, lambda: pause(PAUSE_SECONDS))
    if removed:
        with core.database.write(environment_id) as transaction:
            gone = {AUDIT: removed}
            record(
                core,
                transaction,
                "db.purge",
                environment_id=environment_id,
                removed=gone,
                before=wire(before),
            )
    return removed


def _count(core: Core, environment_id: str) -> dict[str, int]:
    with core.database.read() as transaction:
        now = _now(core, transaction, environment_id)
        return {
            kind.name: int(
                transaction.value(
                    select(func.count()).select_from(kind.table).where(_where(kind, environment_id, now))
                )
            )
            for kind in KINDS
        }


def _purge_environment(core: Core, environment_id: str, pause: Callable[[float], object]) -> dict[str, int]:
    removed = {kind.name: 0 for kind in KINDS}
    try:
        for kind in KINDS:
            while True:
                count = _remove_batch(core, kind, environment_id)
                removed[kind.name] += count
                if count < kind.batch:
                    break
                pause(PAUSE_SECONDS)
    finally:
        if any(removed.values()):
            with core.database.write(environment_id) as transaction:
                record(core, transaction, "db.purge", environment_id=environment_id, removed=removed)
    return removed


def _remove_batch(core: Core, kind: Kind, environment_id: str) -> int:
    """Select and remove under one lock: a user that is restored meanwhile stays."""
    if kind.table is _dropped:
        return _remove_files(core, kind, environment_id)
    with core.database.write(environment_id) as transaction:
        now = _now(core, transaction, environment_id)
        some = select(*kind.table.primary_key).where(_where(kind, environment_id, now)).limit(kind.batch)
        if kind.table is schema.avatars:
            _drop_files(transaction, environment_id, now, [row.key for row in transaction.all(some)])
        if kind.table is _users:
            _forget(transaction, environment_id, [row.id for row in transaction.all(some)])
        return int(transaction.run(delete(kind.table).where(tuple_(*kind.table.primary_key).in_(some))))


def _drop_files(transaction: Transaction, environment_id: str, now: Instants, keys: list[str]) -> None:
    """Note the files of uploads that were never saved."""
    table = schema.avatars
    for row in transaction.all(select(table.c.file).where(table.c.key.in_(keys), table.c.file.is_not(None))):
        noted = {"file": row.file, "environment_id": environment_id, "dropped_at": now.own}
        transaction.insert(_dropped, noted)


def _remove_files(core: Core, kind: Kind, environment_id: str) -> int:
    """Files outside of any transaction, then their notes; of a file that stays the note stays."""
    with core.database.read() as transaction:
        now = _now(core, transaction, environment_id)
        some = select(_dropped.c.file).where(_where(kind, environment_id, now)).limit(kind.batch)
        names = [row.file for row in transaction.all(some)]
    gone = [name for name in names if core.files is not None and try_to_remove(core.files, name)]
    if gone:
        with core.database.write(environment_id) as transaction:
            transaction.run(delete(_dropped).where(_dropped.c.file.in_(gone)))
    return len(gone)


def _where(kind: Kind, environment_id: str, now: Instants) -> ColumnElement[bool]:
    return and_(kind.table.c.environment_id == environment_id, kind.expired(now))


def _now(core: Core, transaction: Transaction, environment_id: str) -> Instants:
    """Read anew for each batch: in dev the offset may be changed between two."""
    table = schema.environments
    offset = transaction.value(select(table.c.clock_offset_ms).where(table.c.id == environment_id))
    real = core.clock.now()
    return Instants(real, real + int(offset or 0))


def _forget(transaction: Transaction, environment_id: str, user_ids: list[str]) -> None:
    """Remove what names users by address or name and does not disappear with their rows.

    Only of before their deletion: later the address may be somebody else's.
    """
    outbox, invitations = schema.outbox, schema.invitations
    for user in transaction.all(select(_users).where(_users.c.id.in_(user_ids))):
        for table, address in ((outbox, outbox.c.recipient), (invitations, invitations.c.email)):
            former: list[Any] = [
                table.c.environment_id == environment_id,
                address == user.email,
                table.c.created_at <= user.deleted_at,
            ]
            transaction.run(delete(table).where(*former))
        mine = invitations.c.invited_by == user.id
        transaction.run(update(invitations).where(mine).values(invited_by=None, inviter_name=None))
