"""Secrets at rest: the master key, encryption bound to a row, keyed hashes, fingerprints of tokens."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode
from binascii import Error as Base64Error

from bkendctl.contract.errors import Failure
from bkendctl.core.randomness import Randomness

MASTER_KEY_BYTES = 32
_VERSION = b"\x01"
_NONCE_BYTES = 12


def fingerprint(token: str) -> str:
    """SHA-256 in hex of a token with 128 random bits or more, which needs neither salt nor stretching."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def read_master_key(text: str) -> bytes:
    """Decode a master key: 32 bytes in base64. cli/master-key when it is anything else."""
    try:
        key = b64decode(text.strip(), validate=True)
    except (Base64Error, ValueError):
        key = b""
    if len(key) != MASTER_KEY_BYTES:
        raise Failure("cli/master-key", "The master key has to be 32 bytes in base64.")
    return key


class Vault:
    """Encrypts and hashes with keys derived from the master key (HKDF, RFC 5869), one for each purpose."""

    def __init__(self, master_key: bytes, randomness: Randomness) -> None:
        self._master_key = master_key
        self._randomness = randomness
        self._derived: dict[str, bytes] = {}

    def _key(self, purpose: str) -> bytes:
        if purpose not in self._derived:
            extracted = hmac.digest(b"bkendctl", self._master_key, "sha256")
            self._derived[purpose] = hmac.digest(extracted, purpose.encode() + b"\x01", "sha256")
        return self._derived[purpose]

    def check(self) -> str:
        """A value that only this master key gives; stored to recognise it."""
        return hmac.new(self._key("check"), b"bkendctl", "sha256").hexdigest()

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

        nonce, body = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return AESGCM(self._key("seal")).decrypt(nonce, body, identity.encode())
        except InvalidTag:
            raise Failure("cli/master-key", "A stored secret does not open with this master key.") from None
