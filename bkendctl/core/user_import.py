"""Users from elsewhere, in batches: each row judged by itself, all that pass written together."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct
from sqlalchemy import Row, delete, select, update

from bkendctl.contract.errors import Failure
from bkendctl.contract.user_import import ImportResult, ImportRow, ImportRowResult, ImportUsers, RowError
from bkendctl.core import keys, mailbox, schema, sessions
from bkendctl.core.call import Call
from bkendctl.core.import_rows import Prepared
from bkendctl.core.randomness import new_ids

_users = schema.users
_passwords = schema.passwords
_accounts = schema.linked_accounts
_enrolments = schema.mfa_enrolments

# What a new row gives a value to; all else is null.
USER = (
    "id", "environment_id", "email", "email_verified_at", "name", "nickname", "is_public", "role",
    "banned_at", "banned_until", "ban_reason", "last_sign_in_at", "created_at", "updated_at",
)  # fmt: skip
PASSWORD = ("user_id", "environment_id", "hash", "kind", "changed_at")
ACCOUNT = ("id", "environment_id", "user_id", "provider", "provider_account_id", "email", "connected_at")
ENROLMENT = ("user_id", "environment_id", "secret", "begun_at", "confirmed_at", "last_step")


class _New(Struct):
    """Rows to write, a list for each table."""

    users: list[tuple[Any, ...]] = []
    passwords: list[tuple[Any, ...]] = []
    accounts: list[tuple[Any, ...]] = []
    enrolments: list[tuple[Any, ...]] = []


class Batch:
    """One request on its way. Nothing is written before write(), but for updates."""

    def __init__(self, call: Call, request: ImportUsers, rows: list[Prepared]) -> None:
        self._call = call
        self._rule = request.on_conflict
        self._dry = request.dry_run
        self._rows = rows
        self._new = _New()
        self._user_ids = new_ids(call.core.randomness, len(rows))
        self._account_ids = new_ids(call.core.randomness, 3 * len(rows))
        self._owners = self._read_owners()
        self._linked = self._read_linked()
        self._invited = self._read_invited()
        self._joining: list[tuple[str, str]] = []
        self._counts = {"created": 0, "updated": 0, "skipped": 0, "failed": 0}

    def run(self) -> ImportResult:
        """Judge each row in its order, then write."""
        results = [self._result(index, prepared) for index, prepared in enumerate(self._rows)]
        self._write()
        details = {**self._counts, "onConflict": self._rule, "dryRun": self._dry}
        self._call.about("environment", self._call.environment_id, **details)
        if any(each.kind is not None for each in self._rows):
            decoys, environment = self._call.core.decoys, self._call.environment_id
            self._call.afterwards.append(lambda: decoys.forget(environment))
        return ImportResult(total=len(results), results=results, **self._counts)

    def _result(self, index: int, prepared: Prepared) -> ImportRowResult:
        user_id: str | None = None
        error: RowError | None = None
        try:
            if prepared.failure is not None:
                raise prepared.failure
            status, user_id = self._take(prepared)
        except Failure as failure:
            status = "failed"
            error = RowError(code=failure.code, message=failure.message)
            if failure.details:
                error.details = {name: list(reasons) for name, reasons in failure.details.items()}
        self._counts[status] += 1
        return ImportRowResult(
            index=index,
            email=prepared.email,
            external_id=prepared.external_id,
            status=status,  # type: ignore[arg-type]
            user_id=None if self._dry and status == "created" else user_id,
            error=error,
        )

    def _take(self, prepared: Prepared) -> tuple[str, str]:
        owner = self._owners.get(prepared.email)
        if owner is None:
            return "created", self._create(prepared)
        if self._rule == "skip":
            return "skipped", owner
        if self._rule == "fail":
            raise Failure("auth/email-already-exists", hint="")
        self._write()  # it may be of a row before
        self._update(prepared, owner)
        return "updated", owner

    def _create(self, prepared: Prepared) -> str:
        call, row, now = self._call, prepared.row, self._call.now
        assert row is not None
        user_id = next(self._user_ids)
        self._link(prepared, user_id)
        environment = call.environment_id
        name = row.name if row.name is not UNSET else mailbox.name_from(prepared.email)
        nickname = row.nickname if row.nickname is not UNSET else None
        verified = prepared.verified_at(now)
        created, _, seen, _ = prepared.times
        ban = prepared.ban(now)
        self._new.users.append(
            (
                user_id, environment, prepared.email, verified, name, nickname, False,
                row.role if row.role is not UNSET else "user", *ban, seen,
                now if created is None else created, now,
            )
        )  # fmt: skip
        if prepared.hash is not None:
            self._new.passwords.append((user_id, environment, prepared.hash, prepared.kind, now))
            mine = (next(self._account_ids), environment, user_id, "email", prepared.email)
            self._new.accounts.append((*mine, prepared.email, now))
        if prepared.totp_secret is not None:
            self._new.enrolments.append(self._enrolment(user_id, prepared.totp_secret))
        if verified is not None and prepared.email in self._invited:
            self._joining.append((user_id, prepared.email))
        self._owners[prepared.email] = user_id
        return user_id

    def _link(self, prepared: Prepared, user_id: str) -> None:
        """Take the identities of a row. auth/account-already-linked when one is another user's."""
        if not prepared.identities:
            return
        for identity in prepared.identities:
            if self._linked.get(identity, user_id) != user_id:
                raise Failure(
                    "auth/account-already-linked", details={"accounts": ["one is another user's already"]}
                )
        for identity in prepared.identities:
            if identity not in self._linked:
                mine = (next(self._account_ids), self._call.environment_id, user_id)
                self._new.accounts.append((*mine, *identity, prepared.email, self._call.now))
                self._linked[identity] = user_id

    def _enrolment(self, user_id: str, secret: str) -> tuple[Any, ...]:
        sealed = self._call.core.vault.seal(secret.encode(), f"mfa_enrolments/{user_id}/secret")
        return (user_id, self._call.environment_id, sealed, self._call.now, self._call.now, 0)

    def _write(self) -> None:
        """Write what has been gathered; after a dry run there is nothing of it."""
        if not self._dry:
            write = self._call.tx.fill
            write(_users, USER, self._new.users)
            write(_passwords, PASSWORD, self._new.passwords)
            write(_accounts, ACCOUNT, self._new.accounts)
            write(_enrolments, ENROLMENT, self._new.enrolments)
            for user_id, email in self._joining:
                mailbox.join_accepted(self._call, user_id, email)
        self._new = _New()
        self._joining = []

    def _read_owners(self) -> dict[str, str]:
        """Who has the addresses by now."""
        emails = list({each.email for each in self._rows if each.row is not None})
        here = (_users.c.environment_id == self._call.environment_id, _users.c.deleted_at.is_(None))
        found = self._call.tx.all(
            select(_users.c.email, _users.c.id).where(*here, _users.c.email.in_(emails))
        )
        return {row.email: row.id for row in found}

    def _read_linked(self) -> dict[tuple[str, str], str]:
        """Who has the identities by now."""
        wanted = {identity[1] for each in self._rows for identity in each.identities}
        if not wanted:
            return {}
        columns = (_accounts.c.provider, _accounts.c.provider_account_id, _accounts.c.user_id)
        found = self._call.tx.all(
            select(*columns).where(
                _accounts.c.environment_id == self._call.environment_id,
                _accounts.c.provider.in_(("google", "github")),
                _accounts.c.provider_account_id.in_(wanted),
            )
        )
        return {(row.provider, row.provider_account_id): row.user_id for row in found}

    def _read_invited(self) -> set[str]:
        """Addresses that wait for their proof to become members."""
        table = schema.invitations
        waiting = (table.c.environment_id == self._call.environment_id, table.c.membership_pending.is_(True))
        return {row.email for row in self._call.tx.all(select(table.c.email).where(*waiting))}

    def _update(self, prepared: Prepared, user_id: str) -> None:
        """Overwrite what a row gives of a user. user/last-admin, auth/account-already-linked."""
        from bkendctl.core import users

        call, row = self._call, prepared.row
        assert row is not None
        if self._dry and not self._is_stored(user_id):
            return
        user = users.by_id(call, user_id)
        changes = _changes(call, prepared, user)
        becomes_none = changes.get("role", "admin") != "admin" or changes.get("banned_at") is not None
        if becomes_none:
            users.keep_an_admin(call, user)
        self._require_free(prepared, user_id)
        if self._dry:
            return
        call.tx.update(_users, changes, id=user_id)
        if changes.get("banned_at") is not None:
            sessions.end_all(call, user_id, "banned")
            keys.revoke_personal(call, user_id)
        if prepared.hash is not None:
            self._replace_password(user, prepared)
        for provider, _ in prepared.identities:
            mine = (_accounts.c.user_id == user_id, _accounts.c.provider == provider)
            call.tx.run(delete(_accounts).where(*mine))
        self._linked = {key: owner for key, owner in self._linked.items() if owner != user_id}
        self._link(prepared, user_id)
        if prepared.totp_secret is not None:
            for table in (_enrolments, schema.backup_codes):
                call.tx.run(delete(table).where(table.c.user_id == user_id))
            self._new.enrolments.append(self._enrolment(user_id, prepared.totp_secret))
        if user.email_verified_at is None and changes.get("email_verified_at") is not None:
            mailbox.join_accepted(call, user_id, prepared.email)
        self._write()

    def _is_stored(self, user_id: str) -> bool:
        """In a dry run the user of a row before is not."""
        return self._call.tx.row(_users, id=user_id) is not None

    def _require_free(self, prepared: Prepared, user_id: str) -> None:
        for identity in prepared.identities:
            if self._linked.get(identity, user_id) != user_id:
                raise Failure(
                    "auth/account-already-linked", details={"accounts": ["one is another user's already"]}
                )

    def _replace_password(self, user: Row[Any], prepared: Prepared) -> None:
        """Another password than the stored one ends the sessions, as a change of password does."""
        from bkendctl.core import users

        stored = self._call.tx.row(_passwords, user_id=user.id)
        if stored is not None and stored.hash == prepared.hash:
            return
        assert prepared.hash is not None
        users.set_password(self._call, user, prepared.hash)
        if prepared.kind is not None:
            mine = update(_passwords).where(_passwords.c.user_id == user.id)
            self._call.tx.run(mine.values(kind=prepared.kind))
        if stored is not None:
            sessions.end_all(self._call, user.id, "password-changed")


def _changes(call: Call, prepared: Prepared, user: Row[Any]) -> dict[str, Any]:
    """Columns of a user that a row gives."""
    row = prepared.row
    assert isinstance(row, ImportRow)
    changes: dict[str, Any] = {
        name: value
        for name in ("name", "nickname", "role")
        if (value := getattr(row, name)) is not UNSET and value != getattr(user, name)
    }
    if row.email_verified is not UNSET:
        keeps = row.email_verified is True and user.email_verified_at is not None
        changes["email_verified_at"] = user.email_verified_at if keeps else prepared.verified_at(call.now)
    created, _, seen, _ = prepared.times
    times = {"created_at": created, "last_sign_in_at": seen}
    changes |= {column: instant for column, instant in times.items() if instant is not None}
    if row.banned is not UNSET:
        changes |= zip(("banned_at", "banned_until", "ban_reason"), prepared.ban(call.now), strict=True)
    return changes | {"updated_at": call.now}
