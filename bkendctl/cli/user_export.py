"""What `bkendctl users export` does: asks for the stream, writes it, and says how far it is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from bkendctl.cli.context import Context
from bkendctl.cli.exports import Row, batched, opened, writer
from bkendctl.cli.progress import progress_bar
from bkendctl.cli.terminal import is_terminal
from bkendctl.client.hashes import Hashes
from bkendctl.client.voice import Voice
from bkendctl.contract import users
from bkendctl.contract.accounts import User
from bkendctl.contract.user_import import HashParameters

AT_ONCE = 500
"""Users written at a time."""
HASH = "passwordHash"
PARAMETERS = "hashParameters"


class Export(msgspec.Struct):
    """One export. to: csv or jsonl. file: None for stdout."""

    ctx: Context
    request: users.ExportUsers
    to: str
    file: Path | None
    include_hashes: bool = False

    def run(self) -> None:
        """Write all users. Failures: those of the operation; cli/file, cli/unsafe-file, cli/not-offered."""
        done = 0
        with self._hashes() as hashes:
            stream = self.ctx.call(users.EXPORT, self.request, voice=Voice.ADMIN)
            with opened(self.file) as target, self._progress() as tell:
                write = writer(self.to, target, self._names())
                for batch in batched(stream, AT_ONCE):
                    write(self._rows(batch, hashes))
                    done += len(batch)
                    tell(done)
        if self.file is not None:
            self.ctx.say.done(f"{done} {'user' if done == 1 else 'users'} written to {self.file}")

    def _names(self) -> list[str]:
        """Columns of CSV: the contract's fields in its order."""
        names = [each.encode_name for each in msgspec.structs.fields(User)]
        if not self.request.include_accounts:
            names.remove("accounts")
        return [*names, HASH, PARAMETERS] if self.include_hashes else names

    def _rows(self, batch: list[User], hashes: Hashes | None) -> list[Row]:
        rows: list[Row] = [msgspec.to_builtins(user) for user in batch]
        if hashes is None:
            return rows
        found = hashes([user.id for user in batch])
        nothing = (None, None)
        pairs = [(row, found.get(row["id"], nothing)) for row in rows]
        return [{**row, **_hash_of(*each)} for row, each in pairs]

    @contextmanager
    def _hashes(self) -> Iterator[Hashes | None]:
        if not self.include_hashes:
            yield None
            return
        from bkendctl.client.hashes import password_hashes

        with password_hashes(self.ctx.profile, self.ctx.paths) as hashes:
            yield hashes

    @contextmanager
    def _progress(self) -> Iterator[Callable[[int], None]]:
        """A bar where somebody waits, and nothing else is written to that terminal."""
        watched = is_terminal(sys.stderr) and (self.file is not None or not is_terminal(sys.stdout))
        if not watched or self.ctx.say.silent:
            yield lambda _done: None
            return
        wanted = users.ListUsers(limit=1, role=self.request.role, status=self.request.status)
        total = self.ctx.call(users.LIST, wanted, voice=Voice.ADMIN).pagination.total
        with progress_bar("Exporting", counts=True) as tell:
            yield lambda done: tell(done, total)


def _hash_of(text: str | None, parameters: HashParameters | None) -> Row:
    return {HASH: text, PARAMETERS: None if parameters is None else msgspec.to_builtins(parameters)}
