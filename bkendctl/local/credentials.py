"""What a profile holds to speak with, keys and a user's tokens, and the store that hands it out.

Where it is kept is the matter of vaults.py. Nothing that cannot be read is ever taken for empty.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from bkendctl.contract.errors import Failure
from bkendctl.local.choice import choose
from bkendctl.local.files import Warn
from bkendctl.local.locks import exclusive, exclusive_thread
from bkendctl.local.paths import Paths
from bkendctl.local.profiles import check_name
from bkendctl.local.vaults import MemoryVault, Vault

_TEXTS = (
    "publishable_key",
    "secret_key",
    "access_token",
    "refresh_token",
    "user_id",
    "email",
    "idempotency_key",
    "totp_secret",
)
_FIELDS = (*_TEXTS, "expires_at")
_OF_USER = ("access_token", "refresh_token", "expires_at", "user_id", "email", "idempotency_key")


class Credentials:
    """Keys and tokens of one profile; immutable, and its repr shows no secret.

    expires_at: seconds since the epoch on this machine's clock, computed from the server's expiresIn when it
    arrived, never from the JWT. idempotency_key: saved before a refresh is sent, so that a lost reply can be
    asked for again. totp_secret: only with `mfa enroll --keep-secret`. extra: a newer version's fields.
    """

    __slots__ = (*_FIELDS, "extra")

    publishable_key: str | None
    secret_key: str | None
    access_token: str | None
    refresh_token: str | None
    expires_at: float | None
    user_id: str | None
    email: str | None
    idempotency_key: str | None
    totp_secret: str | None
    extra: Mapping[str, Any]

    def __init__(
        self,
        *,
        publishable_key: str | None = None,
        secret_key: str | None = None,
        access_token: str | None = None,
        refresh_token: str | None = None,
        expires_at: float | None = None,
        user_id: str | None = None,
        email: str | None = None,
        idempotency_key: str | None = None,
        totp_secret: str | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        store = object.__setattr__
        store(self, "publishable_key", publishable_key)
        store(self, "secret_key", secret_key)
        store(self, "access_token", access_token)
        store(self, "refresh_token", refresh_token)
        store(self, "expires_at", expires_at)
        store(self, "user_id", user_id)
        store(self, "email", email)
        store(self, "idempotency_key", idempotency_key)
        store(self, "totp_secret", totp_secret)
        store(self, "extra", dict(extra or {}))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("Credentials are immutable; use replace()")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("Credentials are immutable; use replace()")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Credentials) and self.to_builtins() == other.to_builtins()

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        return bool(self.to_builtins())

    def __repr__(self) -> str:
        held = (name for name in _FIELDS if getattr(self, name) is not None)
        return f"Credentials({', '.join([*held, *(['extra'] if self.extra else [])])})"

    def replace(self, **changes: Any) -> Credentials:
        """Return a copy with the given fields changed; None clears one. TypeError for an unknown field."""
        fields = {name: getattr(self, name) for name in _FIELDS}
        return Credentials(**{**fields, "extra": self.extra, **changes})

    def signed_out(self) -> Credentials:
        """Return a copy without what belongs to the user's session; keys and a kept TOTP secret stay."""
        return self.replace(**dict.fromkeys(_OF_USER))

    def to_builtins(self) -> dict[str, Any]:
        """Return what is to be stored: the fields that are set, and the unknown ones."""
        held = {name: value for name in _FIELDS if (value := getattr(self, name)) is not None}
        return {**self.extra, **held}

    @classmethod
    def from_builtins(cls, stored: Mapping[str, Any]) -> Credentials:
        """Read what to_builtins made; ValueError, without the value, for a field of the wrong type."""
        for name in _TEXTS:
            if not isinstance(stored.get(name), str | None):
                raise ValueError(f"{name} is not a text")
        expires_at = stored.get("expires_at")
        if expires_at is not None and (
            isinstance(expires_at, bool)
            or not isinstance(expires_at, int | float)
            or not math.isfinite(expires_at)
        ):
            raise ValueError("expires_at is not a number of seconds")
        known = {name: stored.get(name) for name in _FIELDS}
        return cls(**known, extra={name: value for name, value in stored.items() if name not in _FIELDS})


def from_environment() -> Credentials:
    """Take BKENDCTL_API_KEY and BKENDCTL_ACCESS_TOKEN: credentials without any profile. Raises cli/usage."""
    key = os.environ.get("BKENDCTL_API_KEY") or None
    if key is not None and not key.startswith(("pk_", "sk_")):
        raise Failure("cli/usage", "BKENDCTL_API_KEY begins with neither pk_ nor sk_.", hint="")
    return Credentials(
        publishable_key=key if key and key.startswith("pk_") else None,
        secret_key=key if key and key.startswith("sk_") else None,
        access_token=os.environ.get("BKENDCTL_ACCESS_TOKEN") or None,
    )


class Held:
    """A profile's credentials while its lock is held: as read under the lock, or as last saved."""

    def __init__(self, vault: Vault, profile: str) -> None:
        self._vault: Vault | None = vault
        self._profile = profile
        self.credentials = _load(vault, profile)

    def save(self, credentials: Credentials) -> None:
        """Store them durably. RuntimeError once the lock is gone."""
        if self._vault is None:
            raise RuntimeError("the lock on these credentials was released")
        self._vault.write(self._profile, credentials.to_builtins())
        self.credentials = credentials

    def close(self) -> None:
        """Refuse any later save."""
        self._vault = None


class CredentialStore:
    """Credentials per profile. Everything raises cli/store-damaged, cli/store-unavailable, cli/unsafe-file
    and cli/file; nothing that cannot be read is taken for empty.

    The nameless profile of BKENDCTL_URL ("") is always empty, and nothing can be stored for it.
    """

    def __init__(self, vault: Vault, paths: Paths) -> None:
        self._vault = vault
        self._paths = paths

    @classmethod
    def open(cls, paths: Paths, warn: Warn) -> CredentialStore:
        """Choose: BKENDCTL_STORE, else what was chosen before, else a keyring that works, else the file.

        The first choice asks the keyring for up to 3 s and is remembered; warn hears, before anything is
        written, why the keyring was not taken. Raises cli/usage for another BKENDCTL_STORE.
        """
        return cls(choose(paths, warn), paths)

    @property
    def name(self) -> str:
        """Say for people which store it is, such as "keyring (SecretService)" or "memory"."""
        return self._vault.name

    def load(self, profile: str) -> Credentials:
        """Return the profile's credentials; empty when none are stored."""
        return _load(self._vault, check_name(profile)) if profile else Credentials()

    @contextmanager
    def locked(self, profile: str) -> Iterator[Held]:
        """Hold the profile against other processes and threads; what they saved is read under the lock.

        Not reentrant, `update` and `forget` included. Waits 30 s, then cli/store-unavailable.
        """
        with self._lock(profile):
            held = Held(self._vault, profile)
            try:
                yield held
            finally:
                held.close()

    def update(self, profile: str, **changes: Any) -> Credentials:
        """Change some fields under the lock and return the result; None clears one."""
        with self.locked(profile) as held:
            held.save(held.credentials.replace(**changes))
            return held.credentials

    def forget(self, profile: str) -> None:
        """Remove all that is stored for the profile, keys included, whether or not it can be read."""
        with self._lock(profile):
            self._vault.write(profile, None)

    def _lock(self, profile: str) -> AbstractContextManager[None]:
        if not profile:
            raise Failure(
                "cli/usage",
                "Nothing is stored for BKENDCTL_URL.",
                hint="bkendctl profiles add NAME --url URL",
            )
        path = self._paths.profile_lock(check_name(profile))
        return exclusive_thread(str(path)) if isinstance(self._vault, MemoryVault) else exclusive(path)


def _load(vault: Vault, profile: str) -> Credentials:
    entry = vault.read(profile)
    try:
        return Credentials.from_builtins(entry or {})
    except ValueError as error:
        raise Failure(
            "cli/store-damaged",
            f'Profile "{profile}" in {vault.name} cannot be read: {error}. It was left as it is.',
        ) from None
