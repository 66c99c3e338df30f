"""Changing many users: a plan, a yes, a journal that is the undo file, and the way back.

The journal is JSON lines: what is done, each user as it was before, a line for each that is done. So a run
that was cut short goes on where it stopped (--undo-file), and nobody is changed twice.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import msgspec
from msgspec import UNSET

from bkendctl.cli.context import Context
from bkendctl.cli.progress import progress_bar
from bkendctl.cli.user_filter import Filter, parse
from bkendctl.client.voice import Voice
from bkendctl.contract import users
from bkendctl.contract.accounts import User
from bkendctl.contract.errors import Failure

LONGEST_WAIT = 120
"""Seconds waited for at the server's word before a change is given up."""
SHOWN = 5
"""Users named in the plan."""


class Change(msgspec.Struct):
    """What is done to each: set-role, ban or revoke-sessions, with its arguments on the wire."""

    verb: str
    arguments: dict[str, Any] = {}

    def request(self, user_id: str) -> tuple[Any, Any]:
        """The operation and its request for one user."""
        if self.verb == "set-role":
            return users.SET_ROLE, users.SetRole(user_id=user_id, role=self.arguments["role"])
        if self.verb == "ban":
            until, reason = (self.arguments.get(name, UNSET) for name in ("until", "reason"))
            return users.BAN, users.Ban(user_id=user_id, until=until, reason=reason)
        return users.REVOKE_SESSIONS, users.UserId(user_id=user_id)

    def is_made(self, user: User) -> bool:
        """Whether a user is so already."""
        if self.verb == "set-role":
            return bool(user.role == self.arguments["role"])
        return self.verb == "ban" and user.status == "banned"


class Planned(msgspec.Struct):
    """One user of the plan, as it was before."""

    id: str
    email: str
    role: str
    done: bool = False


class Bulk(msgspec.Struct):
    """One bulk change. file: the journal, made when the change begins."""

    ctx: Context
    change: Change
    where: str
    file: Path | None = None

    def run(self, *, dry_run: bool) -> None:
        """Plan, ask, change. Users that are refused are told and left; then the status is 1."""
        wanted = parse(self.where, lambda text: _instant(self.ctx, text))
        file = self._journal_file()
        planned = _resumed(file, self.change, self.where) if file.exists() else self._plan(wanted)
        left = [each for each in planned if not each.done]
        self._tell(left, len(planned) - len(left))
        if dry_run or not left:
            self.ctx.show({"planned": len(left), "changed": 0, "refused": 0, "undoFile": None})
            return
        self.ctx.confirm(f"{self.change.verb} for {len(left)} users?")
        if not file.exists():
            header = {"change": self.change, "where": self.where}
            _write_journal(file, [header, *planned])
        with _appending(file) as append:
            changed, refused = self._work(left, append)
        body = {"planned": len(left), "changed": changed, "refused": refused, "undoFile": str(file)}
        self.ctx.show(body)
        self.ctx.say.note(f"to put it back: bkendctl users undo {file}")
        if refused:
            import typer

            raise typer.Exit(1)

    def _journal_file(self) -> Path:
        if self.file is not None:
            return self.file.absolute()
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        return Path.cwd() / f"bkendctl-{self.change.verb}-{stamp}-{os.getpid()}.undo.jsonl"

    def _plan(self, wanted: Filter) -> list[Planned]:
        """Everybody who fits and is not so already, read by cursor before anything changes."""
        request = users.ListUsers(limit=100, sort_direction="asc")
        for name in ("role", "status"):
            if getattr(wanted, name) is not None:
                setattr(request, name, getattr(wanted, name))
        found: list[Planned] = []
        while True:
            page = patiently(lambda: self.ctx.call(users.LIST, request, voice=Voice.ADMIN))
            found += [
                Planned(id=user.id, email=user.email, role=user.role)
                for user in page.items
                if wanted.holds(user) and not self.change.is_made(user)
            ]
            if page.next_cursor is None:
                return found
            request.cursor = page.next_cursor

    def _tell(self, left: list[Planned], done: int) -> None:
        before = f", {done} were done before" if done else ""
        self.ctx.say.note(f"{self.change.verb}: {len(left)} users fit{before}")
        for each in left[:SHOWN]:
            self.ctx.say.note(f"  {each.email} ({each.role})")
        if len(left) > SHOWN:
            self.ctx.say.note(f"  and {len(left) - SHOWN} more")

    def _work(self, left: list[Planned], append: Callable[[dict[str, Any]], None]) -> tuple[int, int]:
        changed = refused = 0
        with progress_bar(self.change.verb, silent=self.ctx.say.silent, counts=True) as tell:
            for number, each in enumerate(left, 1):
                operation, request = self.change.request(each.id)
                try:
                    patiently(partial(self.ctx.call, operation, request, voice=Voice.ADMIN))
                except Failure as failure:
                    if failure.code not in operation.errors:
                        raise
                    self.ctx.say.warn(f"{each.email}: {failure.message} [{failure.code}]")
                    refused += 1
                else:
                    append({"done": each.id})
                    changed += 1
                tell(number, len(left))
        return changed, refused


def undo(ctx: Context, file: Path) -> None:
    """Put back what a journal says was done, where nobody changed it since. Failures: cli/file, cli/usage."""
    change, _, planned = _read_journal(file)
    if change.verb == "revoke-sessions":
        raise Failure("cli/usage", "Sessions that have ended cannot be brought back.", hint="")
    done = [each for each in planned if each.done]
    ctx.confirm(f"Undo {change.verb} for {len(done)} users?")
    undone = left = 0
    with progress_bar("undo", silent=ctx.say.silent, counts=True) as tell, _appending(file) as append:
        for number, each in enumerate(done, 1):
            put_back = _is_still(ctx, change, each)
            if put_back:
                operation, request = _backwards(change, each)
                patiently(partial(ctx.call, operation, request, voice=Voice.ADMIN))
            append({"undone": each.id})
            undone, left = undone + put_back, left + (not put_back)
            tell(number, len(done))
    ctx.show({"undone": undone, "changedSince": left})


def _is_still(ctx: Context, change: Change, each: Planned) -> bool:
    """Whether a user is as the change left it."""
    try:
        user = patiently(lambda: ctx.call(users.GET, users.UserId(user_id=each.id), voice=Voice.ADMIN))
    except Failure as failure:
        if failure.code == "user/not-found":
            return False
        raise
    return change.is_made(user)


def _backwards(change: Change, each: Planned) -> tuple[Any, Any]:
    if change.verb == "set-role":
        role: Any = each.role
        return users.SET_ROLE, users.SetRole(user_id=each.id, role=role)
    return users.UNBAN, users.UserId(user_id=each.id)


def patiently(action: Callable[[], Any]) -> Any:
    """Do something; when the server says how long to wait, wait that long and try again."""
    waited = 0
    while True:
        try:
            return action()
        except Failure as failure:
            if failure.retry_after is None or waited + failure.retry_after > LONGEST_WAIT:
                raise
            waited += max(1, failure.retry_after)
            time.sleep(max(1, failure.retry_after))


def _instant(ctx: Context, text: str) -> Any:
    from bkendctl.cli.text import parse_instant

    return parse_instant(text, ctx.now(), past=True)


def _write_journal(file: Path, lines: list[Any]) -> None:
    from bkendctl.local.files import new_private

    with new_private(file) as temporary, temporary.open("wb") as target:
        target.writelines(msgspec.json.encode(line) + b"\n" for line in lines)


@contextmanager
def _appending(file: Path) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Add lines, each on its way to the disk before the next change is made."""
    with file.open("r+", encoding="utf-8", newline="") as target:
        whole = target.read().rfind("\n") + 1  # a line that was torn is not there
        target.seek(0)
        target.seek(len(target.read(whole).encode()))
        target.truncate()
        yield lambda line: _append(target, line)


def _append(target: TextIO, line: dict[str, Any]) -> None:
    target.write(msgspec.json.encode(line).decode() + "\n")
    target.flush()
    os.fsync(target.fileno())


def _resumed(file: Path, change: Change, where: str) -> list[Planned]:
    """The plan of a run that was cut short. cli/usage when it was for another change."""
    begun, same_where, planned = _read_journal(file)
    if (begun, same_where) != (change, where):
        raise Failure("cli/usage", f"{file} is of another change.", hint="choose another --undo-file")
    return planned


def _read_journal(file: Path) -> tuple[Change, str, list[Planned]]:
    from bkendctl.local.files import read_private

    data = read_private(file.absolute())
    if data is None:
        raise Failure("cli/file", f"There is no {file}.")
    try:
        lines = [msgspec.json.decode(line) for line in data.split(b"\n")[:-1]]  # a torn last line is not done
        change = msgspec.convert(lines[0]["change"], Change)
        planned = {line["id"]: msgspec.convert(line, Planned) for line in lines[1:] if "id" in line}
        for line in lines[1:]:
            if "id" in line:
                continue
            if "done" in line:
                planned[line["done"]].done = True
            elif "undone" in line:
                planned[line["undone"]].done = False
        return change, str(lines[0]["where"]), list(planned.values())
    except (msgspec.DecodeError, msgspec.ValidationError, KeyError, IndexError, TypeError):
        raise Failure("cli/file", f"{file} is no undo file.") from None
