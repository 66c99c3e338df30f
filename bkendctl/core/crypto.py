"""Secrets at rest: encryption bound to a row, keyed hashes, fingerprints of tokens."""

from __future__ import annotations

import hashlib
import hmac

from bkendctl.contract.errors import Failure
from bkendctl.core.randomness import Randomness

_VERSION = b"\x01"
_NONCE_BYTES = 12


def fingerprint(token: str) -> str:
    """SHA-256 in hex of a token with 128 random bits or more, which needs neither salt nor stretching."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class Vault:
    """Encrypts and hashes with keys derived from one key (HKDF, RFC 5869), one for each purpose."""

    def __init__(self, key: bytes, randomness: Randomness) -> None:
        self._whole = key
        self._randomness = randomness
        self._derived: dict[str, bytes] = {}

    def _key(self, purpose: str) -> bytes:
        if purpose not in self._derived:
            extracted = hmac.digest(b"bkendctl", self._whole, "sha256")
            self._derived[purpose] = hmac.digest(extracted, purpose.encode() + b"\x01", "sha256")
        return self._derived[purpose]

    def keyed_hash(self, purpose: str, *parts: str) -> str:
        """HMAC-SHA256 in hex over the parts; for values too short to be hashed without a key."""
        return hmac.new(self._key(f"hash:{purpose}"), "\0".join(parts).encode(), "sha256").hexdigest()

    def seal(self, plain: bytes, identity: str) -> bytes:
        """Encrypt with AES-256-GCM under a fresh nonce, bound to the identity of its row."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = self._randomness.bytes(_NONCE_BYTES)
        return _VERSION + nonce + AESGCM(self._key("seal")).encrypt(nonce, plain, identity.encode())

    def open(self, sealed: bytes, identity: str) -> bytes:
        """Decrypt what seal gave for the same identity; cli/master-key when key or identity differ."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        version, nonce, body = sealed[:1], sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            if version != _VERSION or len(nonce) < _NONCE_BYTES:
                raise InvalidTag
            return AESGCM(self._key("seal")).decrypt(nonce, body, identity.encode())
        except InvalidTag:
            raise Failure("cli/master-key", "A stored secret does not open with this master key.") from None
