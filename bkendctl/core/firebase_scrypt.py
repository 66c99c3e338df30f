"""Firebase's own way with scrypt: the derived key encrypts the project's signer key, and that is the hash.

Kept with the signer key sealed: without that key nobody can try passwords against these hashes.
"""

from __future__ import annotations

import hmac
import re

from msgspec import Struct

from bkendctl.contract.user_import import HashParameters
from bkendctl.core.crypto import Vault
from bkendctl.core.foreign_hashes import Unusable, b64, require_affordable_scrypt, scrypt, to_b64

PREFIX = "$firebase-scrypt$"
_SEALED_AS = "passwords/firebase-signer-key"
_STORED = re.compile(
    r"\$firebase-scrypt\$ln=(?P<ln>[0-9]{1,2}),r=(?P<r>[0-9])"
    r"\$(?P<salt>[A-Za-z0-9+/]*)\$(?P<tag>[A-Za-z0-9+/]+)\$(?P<project>[A-Za-z0-9+/]+)"
)
# As Supabase's Auth writes those that it took from Firebase.
_OF_SUPABASE = re.compile(
    r"\$fbscrypt\$v=1,n=(?P<n>[0-9]{1,2}),r=(?P<r>[0-9]{1,2}),p=1"
    r"(?:,ss=(?P<ss>[A-Za-z0-9+/=]*))?,sk=(?P<sk>[A-Za-z0-9+/=]+)\$(?P<salt>[A-Za-z0-9+/=]+)\$(?P<hash>[A-Za-z0-9+/=]+)"
)
_KEY_BYTES = 32
_SHORTEST_SIGNER_KEY = 16


class FirebaseScrypt(Struct, frozen=True):
    """memory_cost: the logarithm of scrypt's N; rounds: its r."""

    memory_cost: int
    rounds: int
    salt: bytes
    separator: bytes
    signer_key: bytes
    tag: bytes

    @property
    def kind(self) -> str:
        """Its two costs."""
        return f"firebase,{self.memory_cost},{self.rounds}"

    def matches(self, password: str) -> bool:
        """Derive the key, encrypt the signer key with it (AES-256-CTR from zero), and compare."""
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        salt = self.salt + self.separator
        key = scrypt(password, salt, n=1 << self.memory_cost, r=self.rounds, p=1, size=_KEY_BYTES)
        cipher = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor()
        return hmac.compare_digest(cipher.update(self.signer_key) + cipher.finalize(), self.tag)


def given(password_hash: str, parameters: HashParameters) -> FirebaseScrypt:
    """Take a hash as an import brings it. Unusable when it is malformed."""
    try:
        salt, separator, signer_key, tag = map(
            b64, (parameters.salt, parameters.salt_separator, parameters.signer_key, password_hash)
        )
    except ValueError:
        raise Unusable("or its parameters are no base64") from None
    if len(tag) != len(signer_key) or len(tag) < _SHORTEST_SIGNER_KEY:
        raise Unusable("is as long as the signer key with Firebase, and is not here")
    require_affordable_scrypt(1 << parameters.memory_cost, parameters.rounds, 1)
    return FirebaseScrypt(parameters.memory_cost, parameters.rounds, salt, separator, signer_key, tag)


def of_supabase(text: str) -> tuple[str, HashParameters] | None:
    """Take apart what Supabase's Auth writes, into what an import brings; None for any other hash."""
    found = _OF_SUPABASE.fullmatch(text)
    if found is None:
        return None
    return found["hash"], HashParameters(
        algorithm="firebase-scrypt",
        salt=found["salt"],
        signer_key=found["sk"],
        salt_separator=found["ss"] or "",
        rounds=int(found["r"]),
        memory_cost=int(found["n"]),
    )


class Sealer:
    """Writes hashes as they are stored; a project's signer key is sealed once for all that it is given."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._sealed: dict[tuple[bytes, bytes], str] = {}

    def stored(self, found: FirebaseScrypt) -> str:
        """The text of a hash for its column."""
        project = (found.separator, found.signer_key)
        if project not in self._sealed:
            plain = bytes([len(found.separator)]) + found.separator + found.signer_key
            self._sealed[project] = to_b64(self._vault.seal(plain, _SEALED_AS))
        costs = f"ln={found.memory_cost},r={found.rounds}"
        return f"{PREFIX}{costs}${to_b64(found.salt)}${to_b64(found.tag)}${self._sealed[project]}"


def opened(stored: str, vault: Vault) -> FirebaseScrypt:
    """Read what Sealer wrote. cli/master-key under another key, Unusable for a damaged text."""
    found = _STORED.fullmatch(stored)
    if found is None:
        raise Unusable("is damaged")
    plain = vault.open(b64(found["project"]), _SEALED_AS)
    end = 1 + plain[0]
    return FirebaseScrypt(
        int(found["ln"]), int(found["r"]), b64(found["salt"]), plain[1:end], plain[end:], b64(found["tag"])
    )


def to_parameters(found: FirebaseScrypt) -> tuple[str, HashParameters]:
    """Write a hash as an import takes it, with the signer key in clear."""
    return to_b64(found.tag), HashParameters(
        algorithm="firebase-scrypt",
        salt=to_b64(found.salt),
        signer_key=to_b64(found.signer_key),
        salt_separator=to_b64(found.separator),
        rounds=found.rounds,
        memory_cost=found.memory_cost,
    )
