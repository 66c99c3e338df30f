"""Core: everything an operation needs that outlives it, handed in so that tests can hand in their own."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row

from bkendctl.core.arrivals import Arrivals
from bkendctl.core.clock import Clock, SystemClock
from bkendctl.core.crypto import Vault
from bkendctl.core.database import Database
from bkendctl.core.decoys import Decoys
from bkendctl.core.egress import Egress
from bkendctl.core.leaks import Leaks
from bkendctl.core.master_key import MasterKey, fitting, installation
from bkendctl.core.passwords import Hasher
from bkendctl.core.providers import Client, Providers
from bkendctl.core.randomness import Randomness, SystemRandomness
from bkendctl.core.tokens import Signer
from bkendctl.core.transaction import Transaction
from bkendctl.core.windows import Windows

if TYPE_CHECKING:
    from bkendctl.core.avatars import Files
    from bkendctl.core.smtp import Relay

UNFINISHED = "a change of the master key was interrupted; to finish it: bkendctl db rekey"
DEV_PUBLIC_URL = "http://127.0.0.1:8787"


class Core:
    """Database, clock, randomness and secrets of one installation.

    master_keys: two of them while a change of the key is unfinished, the present one first. public_url: base
    of the links in mails where the project has none of its own. stand_ins: providers that take the place of
    the configured ones in dev environments. files: where avatars are kept. leaks: who knows which passwords
    leaked; None for the list of common ones alone. smtp_url: of the mail server that takes what leaves.
    """

    def __init__(
        self,
        database: Database,
        *master_keys: bytes,
        clock: Clock | None = None,
        randomness: Randomness | None = None,
        public_url: str | None = None,
        stand_ins: Mapping[str, Client] | None = None,
        files: Files | None = None,
        leaks: Leaks | None = None,
        smtp_url: str | None = None,
    ) -> None:
        self.database = database
        self.clock = clock or SystemClock()
        self.randomness = randomness or SystemRandomness()
        self.master_keys = [MasterKey(key, self.randomness) for key in master_keys]
        self.public_url = public_url
        self.files = files
        self.leaks = leaks
        self.smtp_url = smtp_url
        self.stand_ins = stand_ins or {}
        self.windows = Windows()
        self.arrivals = Arrivals()
        self.decoys = Decoys()
        self.mail_queued = threading.Event()  # by this process; whoever delivers looks for others' by itself
        self._unlocked: tuple[MasterKey, Row[Any]] | None = None

    def unlock(self, transaction: Transaction) -> tuple[MasterKey, Row[Any]]:
        """Find the master key that fits the database, and its row. cli/master-key, cli/database-missing.

        Done when a core is opened: in the midst of an operation it would take a second connection.
        """
        row = installation(transaction)
        key = fitting(row, self.master_keys)
        if key is not self.master_keys[0]:
            warnings.warn(UNFINISHED, RuntimeWarning, stacklevel=2)
        self._unlocked = key, row
        return self._unlocked

    @cached_property
    def vault(self) -> Vault:
        """Seals and hashes with the data key of the installation; made on first use."""
        if self._unlocked is None:
            with self.database.read() as transaction:
                self.unlock(transaction)
        assert self._unlocked is not None
        key, row = self._unlocked
        return Vault(key.unwrap(row), self.randomness)

    @cached_property
    def signer(self) -> Signer:
        """Signs access tokens and checks them."""
        return Signer(self.vault)

    @cached_property
    def providers(self) -> Providers:
        """Asks the providers that people sign in with."""
        return Providers(Egress(), self.clock)

    @cached_property
    def relay(self) -> Relay | None:
        """The mail server that takes what leaves; without one mails stay in the outbox. cli/usage."""
        from bkendctl.core.smtp import relay_at

        return relay_at(self.smtp_url) if self.smtp_url else None

    @cached_property
    def hasher(self) -> Hasher:
        """Made on first use: argon2 costs 20 ms to load."""
        return Hasher(vault=lambda: self.vault)
