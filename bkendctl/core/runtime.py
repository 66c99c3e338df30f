"""Core: everything an operation needs that outlives it, handed in so that tests can hand in their own."""

from __future__ import annotations

from functools import cached_property

from bkendctl.core.clock import Clock, SystemClock
from bkendctl.core.crypto import Vault
from bkendctl.core.database import Database
from bkendctl.core.passwords import Hasher
from bkendctl.core.randomness import Randomness, SystemRandomness
from bkendctl.core.tokens import Signer

DEV_PUBLIC_URL = "http://127.0.0.1:8787"


class Core:
    """Database, clock, randomness and secrets of one installation.

    public_url: base of the links in mails where the project has none of its own.
    """

    def __init__(
        self,
        database: Database,
        master_key: bytes,
        *,
        clock: Clock | None = None,
        randomness: Randomness | None = None,
        public_url: str | None = None,
    ) -> None:
        self.database = database
        self.clock = clock or SystemClock()
        self.randomness = randomness or SystemRandomness()
        self.vault = Vault(master_key, self.randomness)
        self.signer = Signer(self.vault)
        self.public_url = public_url

    @cached_property
    def hasher(self) -> Hasher:
        """Made on first use: argon2 costs 20 ms to load."""
        return Hasher()
