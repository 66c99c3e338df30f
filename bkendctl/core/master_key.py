"""The master key and the data key it wraps (docs/adr/0008). Where the master key is kept is not known here.

Everything at rest is sealed and hashed under the data key, which never changes; so a new master key is one
row written anew, and keyed hashes, whose input nobody has any more, stay good.
"""

from __future__ import annotations

import hmac
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable
from typing import Any, Protocol

from sqlalchemy import Row, select, update

from bkendctl.contract.errors import Failure
from bkendctl.core import schema
from bkendctl.core.crypto import Vault
from bkendctl.core.randomness import Randomness
from bkendctl.core.transaction import Transaction

KEY_BYTES = 32
_IDENTITY = "installation/data_key"
_table = schema.installation


def read_master_key(text: str) -> bytes:
    """Decode a master key: 32 bytes in base64. cli/master-key when it is anything else."""
    try:
        key = b64decode(text.strip(), validate=True)
    except (Base64Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise Failure("cli/master-key", "The master key has to be 32 bytes in base64.")
    return key


class Wrapped(Protocol):
    """Something that holds a wrapped data key: the row of the installation, or what was read of a copy's."""

    @property
    def data_key(self) -> Any:
        """The data key, encrypted."""


class MasterKey:
    """Wraps and unwraps the data key."""

    def __init__(self, key: bytes, randomness: Randomness) -> None:
        self._vault = Vault(key, randomness)

    def wrapped(self, data_key: bytes) -> dict[str, Any]:
        """Columns of the installation that hold a data key under this master key."""
        return {"data_key": self._vault.seal(data_key, _IDENTITY), "master_key_check": self._check()}

    def fits(self, check: str) -> bool:
        """Whether a master_key_check is this key's. Costs a hash: AES-GCM takes 20 ms to load."""
        return hmac.compare_digest(check, self._check())

    def unwrap(self, installation: Wrapped) -> bytes:
        """Give the data key; cli/master-key when it is not ours."""
        return self._vault.open(installation.data_key, _IDENTITY)

    def _check(self) -> str:
        return self._vault.keyed_hash("check")


def installation(transaction: Transaction) -> Row[Any]:
    """The row of the installation; cli/database-missing before set-up."""
    row = transaction.first(select(_table))
    if row is None:
        raise Failure("cli/database-missing", "The database was never set up.")
    return row


def fitting(row: Row[Any], keys: Iterable[MasterKey]) -> MasterKey:
    """The first key that the database was made with; cli/master-key when there is none."""
    for key in keys:
        if key.fits(row.master_key_check):
            return key
    raise Failure("cli/master-key", "The database was made with another master key.")


def rewrap(transaction: Transaction, old: Iterable[MasterKey], new: MasterKey) -> bool:
    """Wrap the data key with another master key; False when it was already.

    cli/master-key when none of the keys fits.
    """
    row = installation(transaction)
    if new.fits(row.master_key_check):
        return False
    data_key = fitting(row, old).unwrap(row)
    transaction.run(update(_table).values(new.wrapped(data_key)))
    return True
