"""Putting a backup in the place of this machine's database: checked first, all or nothing, the old one kept.

Law: a live file is written by SQLite alone, in one transaction. Renaming another file over it would leave
processes that have just opened it with the old one, and their log with the new one.
"""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bkendctl.client.backup import DATABASE, MASTER_KEY
from bkendctl.contract.errors import Failure
from bkendctl.local.files import ensure_private_dir, new_private, replace_private, scratch
from bkendctl.local.master_keys import drop_key, has_key, keep_key, master_keys
from bkendctl.local.paths import Paths

if TYPE_CHECKING:
    from bkendctl.core.backup import Checked, Progress
    from bkendctl.core.master_key import MasterKey

_LONGEST_KEY = 1_000


class Restorable:
    """A backup that was checked and lies ready beside the database it is to replace.

    key: what becomes of the master key. same: this machine's opens the backup. rewrapped: the backup comes
    under this machine's in place of its own. restored: there is none here, so the archive's is taken.
    """

    def __init__(
        self, file: Path, ready: Path, database: Path, paths: Paths, checked: Checked, archived: str | None
    ) -> None:
        self._ready, self._database, self._paths, self._archived = ready, database, paths, archived
        self.schema = checked.schema
        self._own = [_key(text) for text in master_keys(paths)] if has_key(paths) else []
        self.key: Literal["same", "rewrapped", "restored"] = "rewrapped" if self._own else "restored"
        opening = next((key for key in self._own if key.fits(checked.master_key_check)), None)
        if opening is not None:
            self.key = "same"
        elif archived is None:
            raise Failure(
                "cli/master-key",
                f"{file} was made with another master key than this machine's.",
                hint="restore an archive made with --with-files, or set BKENDCTL_MASTER_KEY",
            )
        else:
            opening = _key(archived)
        _require_opens(opening, checked, file)

    def replace(self, progress: Progress) -> Path | None:
        """Put it in the database's place; gives where the replaced one is kept, None when there was none.

        Failures: cli/database-in-use, cli/file; then nothing was changed.
        """
        from bkendctl.core.database import Database
        from bkendctl.core.occupancy import alone

        self._prepare()
        kept = _free_name(self._database)
        with alone(Database(f"sqlite:///{self._database}")), self._key_in_place():
            if self._is_readable():
                self._write_over(kept, progress)
                return kept
            return self._put_instead(kept)

    def _write_over(self, kept: Path, progress: Progress) -> None:
        """Copy what is there aside, then replace its content."""
        from bkendctl.core.backup import copy_out, held, put
        from bkendctl.core.database import sqlite_module

        with held(self._database) as live:
            with new_private(kept) as copied:
                copy_out(live, copied, lambda _done, _total: None)
            try:
                put(live, self._ready, progress)
            except sqlite_module().Error:  # rolled back; after Ctrl-C nobody knows, and the copy stays
                kept.unlink()
                raise

    def _put_instead(self, kept: Path) -> Path | None:
        """Rename it over a file that SQLite cannot read, or over none: no process can have that open.

        The log of the unreadable one goes first: found beside the new one it would be played into it.
        """
        found = self._database.exists() and self._database.stat().st_size > 0
        if found:
            with new_private(kept) as copied:
                shutil.copyfile(self._database, copied)
        moved = []
        try:
            for beside in ("-wal", "-journal", "-shm"):
                present = Path(f"{self._database}{beside}")
                if present.exists():
                    moved.append((present, present.replace(f"{kept}{beside}")))
            replace_private(self._ready, self._database)
        except BaseException:
            if self._ready.exists():  # else the new database is in place, and a foreign log must stay away
                for present, aside in moved:
                    aside.replace(present)
            raise
        return kept if found else None

    @contextmanager
    def _key_in_place(self) -> Iterator[None]:
        """Write an archive's key down before its database comes: no moment may lack it.

        Whatever ends the replacement, Ctrl-C too, the key goes again unless it opens the database that is
        there. After kill -9 it stays beside a database that had none, and restoring again needs no other.
        """
        if self.key != "restored" or self._archived is None:
            yield
            return
        try:
            keep_key(self._paths, self._archived)
            yield
        except BaseException:
            if not self._opens_what_is_there(self._archived):
                drop_key(self._paths)
            raise

    def _opens_what_is_there(self, key: str) -> bool:
        """Whether the database in place, the former or the new one, is of this master key."""
        from bkendctl.core.backup import check

        try:
            return _key(key).fits(check(self._database).master_key_check)
        except Failure:
            return False

    def _is_readable(self) -> bool:
        """Whether there is a database that SQLite can read. cli/database-in-use."""
        from bkendctl.core.backup import held

        if not self._database.exists() or not self._database.stat().st_size:
            return False
        try:
            with held(self._database):
                return True
        except Failure as failure:
            if failure.code != "cli/database-damaged":
                raise
            return False

    def _prepare(self) -> None:
        """Bring the ready copy to our schema and under this machine's key, and note who restored it."""
        from bkendctl.core.database import SCHEMA, Database
        from bkendctl.core.installation import record
        from bkendctl.core.master_key import rewrap
        from bkendctl.core.runtime import Core

        core = Core(Database(f"sqlite:///{self._ready}"))
        if self.schema != SCHEMA:
            from bkendctl.core.upgrade import upgrade

            upgrade(core.database)
        with core.database.write() as transaction:
            if self.key == "rewrapped" and self._archived is not None:
                rewrap(transaction, [_key(self._archived)], self._own[0])
            record(core, transaction, "db.restore", schema=self.schema)
        core.database.close()


@contextmanager
def opened_backup(file: Path, database: Path, paths: Paths) -> Iterator[Restorable]:
    """Copy a backup, alone or in an archive, beside the database and check it there.

    Failures: cli/file, cli/database-damaged, cli/database-newer, cli/master-key.
    """
    from bkendctl.core.backup import check

    if file.exists() and not file.is_file():
        raise Failure("cli/file", f"{file} is no file.")
    try:
        file.open("rb").close()
    except OSError as error:
        raise Failure("cli/file", f"{file} cannot be read: {error.strerror}.") from None
    ensure_private_dir(database.parent)
    with scratch(database) as ready:
        archived = _unpack(file, ready)
        try:
            checked = check(ready, file)
        except Failure as failure:
            if failure.code == "cli/database-damaged":
                raise _damaged(failure.message) from None
            raise
        yield Restorable(file, ready, database, paths, checked, archived)


def _unpack(file: Path, ready: Path) -> str | None:
    """Copy the backup's database into an empty file; gives the master key that an archive holds."""
    from bkendctl.core.backup import copy

    try:
        if not tarfile.is_tarfile(file):
            copy(file, ready, lambda _done, _total: None, read_only=True)
            return None
        with tarfile.open(file, mode="r:") as archive, ready.open("wb") as target:
            # Members are copied by content into names of ours: an archive cannot say where anything goes.
            content, key = _members(archive, file)
            shutil.copyfileobj(content, target)
            return str(key.read(_LONGEST_KEY).decode("ascii").strip())
    except (tarfile.TarError, EOFError, UnicodeDecodeError):
        raise _damaged(f"{file} is no archive of db backup.") from None


def _members(archive: tarfile.TarFile, file: Path) -> tuple[Any, Any]:
    """The database and the key of an archive that holds just these, as plain files."""
    found = archive.getmembers()
    plain = {member.name: member for member in found if member.isreg() and not member.issparse()}
    if len(found) != 2 or plain.keys() != {DATABASE, MASTER_KEY}:
        raise _damaged(f"{file} does not hold {DATABASE} and {MASTER_KEY}, and nothing else.")
    return archive.extractfile(plain[DATABASE]), archive.extractfile(plain[MASTER_KEY])


def _require_opens(key: MasterKey, checked: Checked, file: Path) -> None:
    """Decrypt the data key: a check that fits says nothing of whether the secrets open."""
    try:
        if key.fits(checked.master_key_check):
            key.unwrap(checked)
            return
    except Failure as failure:
        if failure.code != "cli/master-key":
            raise
    raise _damaged(f"The master key of {file} does not open its secrets.")


def _free_name(database: Path) -> Path:
    """Where the replaced database is kept: a name that says when, and that nothing has yet."""
    stem = f"{database}.before-restore-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    names = (Path(stem if count == 1 else f"{stem}-{count}") for count in range(1, 1_000))
    return next(name for name in names if not name.exists())


def _key(text: str) -> MasterKey:
    from bkendctl.core.master_key import MasterKey, read_master_key
    from bkendctl.core.randomness import SystemRandomness

    return MasterKey(read_master_key(text), SystemRandomness())


def _damaged(why: str) -> Failure:
    message = f"The backup cannot be used, nothing was changed: {why}"
    return Failure("cli/database-damaged", message, hint="try another backup")
