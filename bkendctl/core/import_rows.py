"""Rows of an import before they are written: read, judged, their hashes recognized. Looks at no database."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, Struct

from bkendctl.contract.errors import Failure
from bkendctl.contract.user_import import ImportRow, ImportUsers
from bkendctl.core import firebase_scrypt, foreign_hashes, totp
from bkendctl.core.call import Call
from bkendctl.core.clock import instant_of
from bkendctl.core.decoding import decode_alone
from bkendctl.core.formats import email_of
from bkendctl.core.passwords import is_own

Identity = tuple[str, str]
"""Provider and the id there."""
Times = tuple[int | None, ...]
"""When a user was made, proven, last here, and until when it is banned."""


class Prepared(Struct):
    """A row as it may be written, or why it may not. email: as it came where it is none."""

    email: str
    external_id: str | None = None
    row: ImportRow | None = None
    hash: str | None = None
    kind: str | None = None
    totp_secret: str | None = None
    identities: tuple[Identity, ...] = ()
    failure: Failure | None = None
    times: Times = ()

    def verified_at(self, now: int) -> int | None:
        """When the address was proven; true means now."""
        if self.row is not None and self.row.email_verified is True:
            return now
        return self.times[1]

    def ban(self, now: int) -> tuple[int | None, int | None, str | None]:
        """Begin, end and reason of a ban."""
        row = self.row
        if row is None or row.banned is not True:
            return None, None, None
        return now, self.times[3], row.ban_reason if row.ban_reason is not UNSET else None


def prepare(call: Call, request: ImportUsers) -> list[Prepared]:
    """Judge the rows one by one, outside of any transaction."""
    reader = _Reader(firebase_scrypt.Sealer(call.core.vault))
    return [reader.read(given) for given in request.users]


class _Reader:
    """Reads the rows of one batch."""

    def __init__(self, sealer: firebase_scrypt.Sealer) -> None:
        self._sealer = sealer

    def read(self, given: Any) -> Prepared:
        """Judge one row as it travelled."""
        try:
            row, times = _decoded(given)
            kind, stored = self._hash(row)
            secret = _secret(row)
        except Failure as failure:
            named = given if isinstance(given, dict) else {}
            email, external_id = named.get("email"), named.get("externalId")
            return Prepared(email=_shown(email) or "", external_id=_shown(external_id), failure=failure)
        external = row.external_id if row.external_id is not UNSET else None
        prepared = Prepared(
            email=row.email, external_id=external, row=row, hash=stored, kind=kind, times=times
        )
        prepared.totp_secret = secret
        if row.accounts is not UNSET and row.accounts:
            try:
                prepared.identities = identity_of(row)
            except Failure as failure:
                prepared.failure = failure
        return prepared

    def _hash(self, row: ImportRow) -> tuple[str | None, str | None]:
        """Kind and stored text of a row's hash. common/invalid-parameters where it cannot be kept."""
        text = row.password_hash
        if text is UNSET:
            if row.hash_parameters is not UNSET:
                raise _refusal("passwordHash", "is required with hashParameters")
            return None, None
        try:
            if row.hash_parameters is not UNSET:
                found = firebase_scrypt.given(text, row.hash_parameters)
                return found.kind, self._sealer.stored(found)
            if is_own(text):
                foreign_hashes.read(text)
                return None, text
            if (parts := firebase_scrypt.of_supabase(text)) is not None:
                found = firebase_scrypt.given(*parts)
                return found.kind, self._sealer.stored(found)
            foreign = foreign_hashes.read(text)
        except foreign_hashes.Unusable as unusable:
            raise _refusal("passwordHash", str(unusable)) from None
        return foreign.kind, getattr(foreign, "text", text)


def _secret(row: ImportRow) -> str | None:
    if row.totp_secret is UNSET:
        return None
    try:
        return totp.lengthened(row.totp_secret)
    except ValueError:
        raise _refusal("totpSecret", "must be base32") from None


def identity_of(row: ImportRow) -> tuple[Identity, ...]:
    """The linked accounts of a row; a provider twice is refused."""
    assert row.accounts is not UNSET
    found = tuple((each.provider, each.provider_account_id) for each in row.accounts)
    if len({provider for provider, _ in found}) < len(found):
        raise _refusal("accounts", "must not name a provider twice")
    return found


def _decoded(given: Any) -> tuple[ImportRow, Times]:
    """Read a row at once where nothing is wrong with it, else field by field, to name all that is."""
    try:
        row = msgspec.convert(given, ImportRow)
        # Six characters that are perhaps NUL, and a pattern that takes a line break at its end.
        if b"\\u0000" not in msgspec.json.encode(given) and row.totp_secret is UNSET:
            row.email = email_of(row.email)
            if len(row.email) <= 254:
                return row, _times(row)
    except (
        ValueError,
        OverflowError,
        RecursionError,
    ):  # ValidationError and UnicodeEncodeError are the first
        pass
    row = decode_alone(ImportRow, given)
    return row, _times(row)


def _times(row: ImportRow) -> Times:
    """ValueError for a text that is no instant."""
    given = (row.created_at, row.email_verified, row.last_sign_in_at, row.banned_until)
    return tuple(instant_of(text) if isinstance(text, str) else None for text in given)


def _shown(value: Any) -> str | None:
    """What a row calls itself, as far as it can be answered."""
    if not isinstance(value, str):
        return None
    return value.encode("utf-8", "replace").decode()[:254]


def _refusal(field: str, reason: str) -> Failure:
    return Failure("common/invalid-parameters", details={field: [reason]})
