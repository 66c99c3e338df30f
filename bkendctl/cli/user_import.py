"""What `bkendctl users import` does: reads a file, sends its users in batches, and says what became of each.

Run again it goes on: who is in already is skipped; --skip-first leaves out what was done under other rules.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from bkendctl.cli import import_files
from bkendctl.cli.context import Context
from bkendctl.cli.exports import opened, writer
from bkendctl.cli.import_files import Record
from bkendctl.cli.import_services import FIREBASE_COLUMNS, SERVICES, LeftOut, Row, Settings
from bkendctl.cli.progress import progress_bar
from bkendctl.client.voice import Voice
from bkendctl.contract import users
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Raw

MOST_ROWS = 1_000
MOST_BYTES = 900_000
"""Of one request, whose body may have a MiB."""
TRIES = 8
SHOWN = 10
"""Failures told on the terminal; all of them are in the report."""
COLUMNS = ("line", "email", "externalId", "status", "userId", "code", "message")


class Import(msgspec.Struct):
    """One import. settings: of Firebase's project, None where they were not given."""

    ctx: Context
    file: Path
    source: str
    rule: str
    dry_run: bool
    allow_roles: bool
    without_hashes: bool
    skip_first: int
    report: Path | None
    settings: Settings | None
    counts: Counter[str] = msgspec.field(default_factory=Counter)
    failures: list[Row] = msgspec.field(default_factory=list)
    done: int = 0

    def run(self) -> None:
        """Import all there is; status 10 when a user failed. cli/file, cli/usage, those of the operation."""
        interrupted = False
        with ExitStack() as stack:
            source = stack.enter_context(self._opened())
            tell = stack.enter_context(progress_bar("Importing", silent=self.ctx.say.silent))
            write = self._writer(stack)
            size = 0 if self._is_stdin else self.file.stat().st_size
            try:
                for batch in self._batches(source):
                    told = self._send(batch)
                    self.done += len(batch)  # before the report: a full disk does not undo the import
                    write(told)
                    tell(0 if self._is_stdin else source.tell(), size)
            except KeyboardInterrupt:
                interrupted = True
        self._conclude(interrupted)

    def _writer(self, stack: ExitStack) -> Callable[[list[Row]], None]:
        if self.report is None:
            return lambda _rows: None
        kind = "csv" if self.report.suffix == ".csv" else "jsonl"
        return writer(kind, stack.enter_context(opened(self.report)), COLUMNS)

    @property
    def _is_stdin(self) -> bool:
        return str(self.file) == "-"

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        if self._is_stdin:
            yield sys.stdin.buffer
            return
        try:
            with self.file.open("rb") as source:
                yield source
        except OSError as error:
            raise Failure("cli/file", f"{self.file}: {error.strerror or error}.") from None

    def _records(self, source: BinaryIO) -> Iterator[Record]:
        first = import_files.begin(source)
        if first == "[":
            return import_files.document(source, "item")
        if self.source == "firebase":
            is_json = first == "{"
            return (
                import_files.document(source, "users.item")
                if is_json
                else import_files.table(source, FIREBASE_COLUMNS)
            )
        if self.source == "csv" or (self.source == "supabase" and first != "{"):
            return import_files.table(source)
        return import_files.lines(source)

    def _batches(self, source: BinaryIO) -> Iterator[list[tuple[Record, Row]]]:
        """Records with the rows they become, as many as one request takes."""
        batch: list[tuple[Record, Row]] = []
        size = 0
        for record in islice(self._records(source), self.skip_first, None):
            row = self._row(record)
            length = len(msgspec.json.encode(row)) if "status" not in row else 0
            if len(batch) == MOST_ROWS or (batch and size + length > MOST_BYTES):
                yield batch
                batch, size = [], 0
            batch.append((record, row))
            size += length
        if batch:
            yield batch

    def _row(self, record: Record) -> Row:
        """The row of an import; with a status where the record does not come along."""
        if record.value is None:
            return _left(record, "failed", record.fault)
        if self.without_hashes:
            record.value.pop("custom_password_hash", None)
        try:
            found = SERVICES[self.source](record.value, self.settings or {})
            row = {name: value for name, value in found.items() if value is not None}
            self._require_allowed(row)
            msgspec.json.encode(row)
        except LeftOut as left:
            return _left(record, "failed" if left.fails else "skipped", str(left))
        except (AttributeError, TypeError, ValueError, KeyError, UnicodeEncodeError) as error:
            return _left(record, "failed", f"is not as {self.source} writes it ({error})")
        return row

    def _require_allowed(self, row: Row) -> None:
        """Hashes and roles only as was asked for."""
        if self.without_hashes:
            row.pop("passwordHash", None)
            row.pop("hashParameters", None)
        elif self.source == "firebase" and "passwordHash" in row and self.settings is None:
            raise Failure(
                "cli/usage",
                "There are password hashes in the file, and no --firebase-config to check them with.",
                hint="--firebase-config FILE with the hash_config of the console, or --without-hashes",
            )
        if not self.allow_roles and row.pop("role", "user") != "user":
            raise LeftOut("has a role: --allow-roles takes roles over")
        if not row.get("email"):
            raise LeftOut("has no e-mail address")

    def _send(self, batch: list[tuple[Record, Row]]) -> list[Row]:
        """Import a batch and give a line of the report for each of its records."""
        rows = [row for _, row in batch if "status" not in row]
        results = iter(self._asked(rows).results if rows else ())
        told = []
        for record, row in batch:
            line = row if "status" in row else _told(record, next(results))
            self.counts[line["status"]] += 1
            if line["status"] == "failed" and len(self.failures) < SHOWN:
                self.failures.append(line)
            told.append(line)
        return told

    def _asked(self, rows: list[Row]) -> Any:
        """Send rows, again where nothing was done for now, or where doing it twice is the same."""
        for left in reversed(range(TRIES)):
            raw = Raw(body={"users": rows, "onConflict": self.rule, "dryRun": self.dry_run})
            try:
                return self.ctx.call(users.IMPORT, raw, voice=Voice.ADMIN)
            except Failure as failure:
                waits = failure.status in (429, 503)
                repeatable = failure.code == "cli/network" and self.rule != "fail"
                if not left or not (waits or repeatable):
                    self._say_how_far()
                    raise
                time.sleep(failure.retry_after or 1)
        raise AssertionError

    def _say_how_far(self) -> None:
        if self.done and not self.dry_run:
            self.ctx.say.warn(f"{self._done_before} users were done; to go on: {self._again}")

    @property
    def _done_before(self) -> int:
        return self.skip_first + self.done

    @property
    def _again(self) -> str:
        return f"the same command with --skip-first {self._done_before}"

    def _conclude(self, interrupted: bool) -> None:
        import typer

        from bkendctl.cli.tables import Column, View

        names = ("created", "updated", "skipped", "failed")
        body: Row = {"total": self.done, **{name: self.counts[name] for name in names}}
        body |= {"dryRun": self.dry_run, "report": None if self.report is None else str(self.report)}
        body["failures"] = self.failures
        columns = [Column(name.capitalize(), name, style="number") for name in ("total", *names)]
        self.ctx.show(body, View(columns=columns))
        for line in self.failures:
            self.ctx.say.note(f"{line['line']}: {line['email'] or '-'} {line['message']}")
        if self.counts["failed"] > SHOWN:
            self.ctx.say.note(f"and {self.counts['failed'] - SHOWN} more: --report FILE names them all")
        if interrupted:
            self._say_how_far()
            raise Failure("cli/interrupted")
        if self.counts["failed"]:
            raise typer.Exit(10)


def _left(record: Record, status: str, why: str) -> Row:
    """The report's line for a record that was not sent."""
    value = record.value or {}
    email = value.get("email")
    shown = email if isinstance(email, str) and email.isprintable() else None
    code = "cli/import-row" if status == "failed" else None
    return dict(zip(COLUMNS, (record.place, shown, None, status, None, code, why), strict=True))


def _told(record: Record, result: Any) -> Row:
    code = message = None
    if result.error is not None:
        code, message = result.error.code, result.error.message
        if result.error.details:
            message = "; ".join(f"{name} {', '.join(why)}" for name, why in result.error.details.items())
    cells = (record.place, result.email, result.external_id, result.status, result.user_id, code, message)
    return dict(zip(COLUMNS, cells, strict=True))
