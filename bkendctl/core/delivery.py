"""Takes mails out of the outbox to the mail server: claimed, sent outside any transaction, then noted.

A claim is a lease, kept in next_attempt_at: who is killed between sending and noting leaves a mail that is
sent once more when the lease has run out, never one that is lost. It is told by its missing last_error from a
mail that waits for its next try.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from smtplib import SMTP
from typing import Any, Literal

from msgspec import Struct
from sqlalchemy import ColumnElement, Row, and_, func, or_, select, update

from bkendctl.contract.errors import Failure
from bkendctl.core import schema, smtp
from bkendctl.core.clock import DAY, HOUR, MINUTE
from bkendctl.core.message import Envelope, Unsendable, envelope_of
from bkendctl.core.outbox import MailBody, body_of, with_base
from bkendctl.core.randomness import Randomness
from bkendctl.core.runtime import DEV_PUBLIC_URL, Core
from bkendctl.core.smtp import Relay

BATCH = 20
LEASE_MS = 15 * MINUTE
"""How long nobody else touches a claimed mail."""
BEGIN_WITHIN_SECONDS = 300
"""Of a lease: later none is begun, as even a slow server needs less than the rest for one mail."""
FIRST_WAIT_MS, LONGEST_WAIT_MS, GIVE_UP_MS = MINUTE, 6 * HOUR, 3 * DAY
"""RFC 5321 4.5.4.1 wants tries for days; a first one soon, as links in mails are short-lived."""
NOW_BATCH, NOW_SECONDS, NOW_TIMEOUT_SECONDS = 100, 6, 4
"""While somebody waits for the answer, with a time-out of 15 s: mails, time to begin one, for each answer."""
NO_RELAY = "no mail server is named where this runs (BKENDCTL_SMTP_URL)"
JITTER = 0.2
"""Waits are up to so much shorter or longer, so that after an outage not all mails come at once."""

_table, _environments, _projects = schema.outbox, schema.environments, schema.projects


def nominal_wait(attempts: int) -> int:
    """Milliseconds between a failed attempt and the next, by the number of attempts there were."""
    return min(FIRST_WAIT_MS << min(attempts - 1, 20), LONGEST_WAIT_MS)


def _most_attempts() -> int:
    """Attempts that fill GIVE_UP_MS. Not its age makes a mail fail: a server that was off did not try."""
    waited = 0
    for attempts in count(1):
        if waited >= GIVE_UP_MS:
            return attempts
        waited += nominal_wait(attempts)
    raise AssertionError


MOST_ATTEMPTS = _most_attempts()


class Delivered(Struct, frozen=True):
    """What became of a mail: sent; pending, to be tried again; failed for good; or held anew."""

    id: str
    category: str
    to: str
    status: Literal["sent", "pending", "failed", "held"]
    attempts: int
    last_error: str | None = None


class Delivery:
    """Delivers what is due of an installation, of all its environments or of one, over one mail server."""

    def __init__(
        self,
        core: Core,
        relay: Relay,
        *,
        environment_id: str | None = None,
        timeout_seconds: float = smtp.TIMEOUT_SECONDS,
        begin_within_seconds: float = BEGIN_WITHIN_SECONDS,
    ) -> None:
        self._core = core
        self._relay = relay
        self._environment_id = environment_id
        self._timeout = timeout_seconds
        self._begin_within = begin_within_seconds
        self._server: SMTP | None = None
        self._unreached: str | None = None
        self._stopping = False

    def round(self, limit: int = BATCH) -> list[Delivered]:
        """Try the mails that are due, so many at most, and say what became of them; empty when none is."""
        return list(self.each(limit))

    def each(self, limit: int = BATCH) -> Iterator[Delivered]:
        """As round, one after the other. What is not reached in time, or before a stop, is given back."""
        begun, self._unreached = time.monotonic(), None
        claimed = self._claim(limit)
        try:
            while claimed and not self._stopping and time.monotonic() - begun < self._begin_within:
                yield self._try(claimed.pop(0))
        finally:
            if self._server is not None:
                smtp.leave(self._server)
                self._server = None
            if claimed:
                self._give_back(claimed)

    def stop(self) -> None:
        """Begin no other mail; the present one is finished."""
        self._stopping = True

    def cut(self) -> None:
        """End the present mail too, wherever it is: it is tried again."""
        server = self._server
        if server is not None and server.sock is not None:
            with suppress(OSError):
                server.sock.shutdown(socket.SHUT_RDWR)

    def _claim(self, limit: int) -> list[Row[Any]]:
        """Take due mails for ourselves. Looks before it takes the write lock: mostly nothing is due."""
        core, now = self._core, self._core.clock.now()
        wanted = _due(now, core.public_url, self._environment_id)
        with core.database.read() as transaction:
            if transaction.first(wanted.limit(1)) is None:
                return []
        with core.database.write("outbox") as transaction:
            rows = list(transaction.all(wanted.order_by(_table.c.next_attempt_at, _table.c.id).limit(limit)))
            taken = {
                "status": "pending",
                "attempts": _table.c.attempts + 1,
                "next_attempt_at": now + LEASE_MS,
                "last_error": None,
            }
            transaction.run(update(_table).where(_table.c.id.in_([row.id for row in rows])).values(taken))
        return rows

    def _give_back(self, rows: list[Row[Any]]) -> None:
        with self._core.database.write("outbox") as transaction:
            for row in rows:
                values = {name: getattr(row, name) for name in ("attempts", "next_attempt_at", "last_error")}
                transaction.run(update(_table).where(*_claimed(row)).values(values))

    def _try(self, row: Row[Any]) -> Delivered:
        """Send one mail that is ours and note what came of it."""
        try:
            envelope = self._envelope(row)
            if envelope is None:
                return self._note(row, "held", "no public URL is known")
            self._send(envelope)
        except (smtp.Refused, Unsendable) as refusal:
            return self._note(row, "failed", str(refusal))
        except smtp.Later as delay:
            last = row.attempts + 1 >= MOST_ATTEMPTS
            return self._note(row, "failed" if last else "pending", str(delay))
        return self._note(row, "sent", None)

    def _envelope(self, row: Row[Any]) -> Envelope | None:
        """Build the message; None when its links have no base. Unsendable."""
        base = row.public_url or self._core.public_url or (DEV_PUBLIC_URL if row.type == "dev" else None)
        if row.body is None:
            raise Unsendable("its text was erased")
        try:
            body: MailBody | None = with_base(body_of(self._core, row.id, row.body), base)
        except Failure:
            raise Unsendable("its text does not open with this master key") from None
        if body is None:
            return None
        return envelope_of(row, body, self._core.clock.now(), self._relay.sender)

    def _send(self, envelope: Envelope) -> None:
        """Hand over, on the connection there is or a new one; a server that was not reached is let alone for
        the rest of the round. Later, Refused.
        """
        if self._unreached is not None:
            raise smtp.Later(self._unreached)
        if self._server is None:
            try:
                self._server = self._relay.connect(self._timeout)
            except smtp.Later as delay:
                self._unreached = str(delay)
                raise
        try:
            smtp.send(self._server, envelope.message, envelope.sender, envelope.recipient)
        except smtp.Later as delay:
            if delay.cut:
                self._server.close()
                self._server = None
            raise

    def _note(
        self, row: Row[Any], status: Literal["sent", "pending", "failed", "held"], error: str | None
    ) -> Delivered:
        """Write down what became of a mail. Sent is sent, also when the lease had run out meanwhile."""
        now, attempts = self._core.clock.now(), row.attempts + 1
        values: dict[str, Any] = {"status": status, "last_error": error}
        if status == "sent":
            values |= {"sent_at": now, "next_attempt_at": None}
            if row.type != "dev":
                values["body"] = None  # tokens that are alive are kept no longer than needed (P7)
        else:
            values["next_attempt_at"] = now + jittered(nominal_wait(attempts), self._core.randomness)
        conditions = (_table.c.id == row.id,) if status == "sent" else _claimed(row)
        with self._core.database.write("outbox") as transaction:
            transaction.run(update(_table).where(*conditions).values(values))
        return Delivered(row.id, row.category, row.recipient, status, attempts, error)


def jittered(wait: int, randomness: Randomness) -> int:
    """A wait that is up to JITTER shorter or longer."""
    share = int.from_bytes(randomness.bytes(4), "big") / 0xFFFFFFFF
    return round(wait * (1 - JITTER + 2 * JITTER * share))


def retry_failed(core: Core) -> int:
    """Let every mail that failed be tried from the start; gives their number."""
    fresh = {"status": "pending", "attempts": 0, "next_attempt_at": core.clock.now()}
    with core.database.write("outbox") as transaction:
        return transaction.run(update(_table).where(_table.c.status == "failed").values(fresh))


def deliver_now(core: Core, environment_id: str) -> list[Delivered]:
    """Try what waits or failed in one environment without waiting for its time; not what is being sent.

    Without a mail server each mail says so. Takes so long that whoever asked is still there.
    """
    mine, now = _table.c.environment_id == environment_id, core.clock.now()
    resting = and_(
        _table.c.status == "pending", or_(_table.c.attempts == 0, _table.c.last_error.is_not(None))
    )
    if core.relay is None:
        return _left(core, and_(mine, resting))
    with core.database.write("outbox") as transaction:
        fresh = {"status": "pending", "attempts": 0, "last_error": None, "next_attempt_at": now}
        transaction.run(update(_table).where(mine, _table.c.status == "failed").values(fresh))
        transaction.run(update(_table).where(mine, resting).values(next_attempt_at=now))
    timing = {"timeout_seconds": NOW_TIMEOUT_SECONDS, "begin_within_seconds": NOW_SECONDS}
    return Delivery(core, core.relay, environment_id=environment_id, **timing).round(NOW_BATCH)


def _left(core: Core, waiting: ColumnElement[bool]) -> list[Delivered]:
    """Note with mails why they stay."""
    with core.database.write("outbox") as transaction:
        rows = transaction.all(select(_table).where(waiting).limit(NOW_BATCH))
        ids = [row.id for row in rows]
        transaction.run(update(_table).where(_table.c.id.in_(ids)).values(last_error=NO_RELAY))
    return [Delivered(row.id, row.category, row.recipient, "pending", row.attempts, NO_RELAY) for row in rows]


class Waiting(Struct, frozen=True):
    """Mails by status, and the instant since when the longest waiting one of those pending is overdue."""

    counts: dict[str, int]
    overdue_since: int | None


def waiting(core: Core) -> Waiting:
    """Look at the outbox of the whole installation."""
    counted = select(_table.c.status, func.count().label("number")).group_by(_table.c.status)
    oldest = select(func.min(_table.c.next_attempt_at)).where(
        _table.c.status == "pending", _table.c.next_attempt_at <= core.clock.now()
    )
    with core.database.read() as transaction:
        found = {row.status: row.number for row in transaction.all(counted)}
        since = transaction.value(oldest)
    counts = {status: int(found.get(status, 0)) for status in ("pending", "held", "failed", "sent")}
    return Waiting(counts, since)


def _due(now: int, public_url: str | None, environment_id: str | None) -> Any:
    """Mails whose time has come, of one environment or all; held ones where a public URL is known by now."""
    has_base: ColumnElement[bool] = _projects.c.public_url.is_not(None)
    freed = _table.c.status == "held" if public_url else and_(_table.c.status == "held", has_base)
    mine = () if environment_id is None else (_table.c.environment_id == environment_id,)
    return (
        select(_table, _environments.c.type, _projects.c.public_url)
        .join(_environments, _environments.c.id == _table.c.environment_id)
        .join(_projects, _projects.c.id == _environments.c.project_id)
        .where(or_(_table.c.status == "pending", freed), _table.c.next_attempt_at <= now, *mine)
    )


def _claimed(row: Row[Any]) -> tuple[ColumnElement[bool], ...]:
    """The mail as we claimed it: who claimed it after us has counted once more."""
    return _table.c.id == row.id, _table.c.attempts == row.attempts + 1, _table.c.status == "pending"
