"""The one source of randomness: ids, tokens, keys, codes, nonces."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterator
from typing import Protocol

BACKUP_CODE_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


class Randomness(Protocol):
    """Unpredictable bytes; tests hand in predictable ones."""

    def bytes(self, count: int) -> bytes:
        """Give so many bytes."""


class SystemRandomness:
    """The operating system's generator."""

    def bytes(self, count: int) -> bytes:
        """Give so many bytes."""
        return secrets.token_bytes(count)


def new_id(randomness: Randomness) -> str:
    """A random UUID, version 4 (RFC 9562)."""
    return str(uuid.UUID(bytes=randomness.bytes(16), version=4))


def new_ids(randomness: Randomness, count: int) -> Iterator[str]:
    """So many ids for rows that are written together, of version 4: their first 48 random bits are in common.

    So they lie beside each other in an index; scattered ones touch a page each, which halves the rate. With
    74 bits of its own none is met twice or guessed.
    """
    shared = randomness.bytes(6).hex()
    begin = f"{shared[:8]}-{shared[8:]}-4"
    for _ in range(count):
        own = randomness.bytes(10)
        rest = own.hex()
        yield f"{begin}{rest[:3]}-{'89ab'[own[9] & 3]}{rest[3:6]}-{rest[6:18]}"


def new_token(randomness: Randomness, prefix: str = "") -> str:
    """A URL-safe token with 256 random bits (at least 128 are promised)."""
    from base64 import urlsafe_b64encode

    return prefix + urlsafe_b64encode(randomness.bytes(32)).rstrip(b"=").decode()


def new_backup_code(randomness: Randomness) -> str:
    """Eight lower-case letters or digits, 41 bits; bytes that would bias the choice are drawn again."""
    size = len(BACKUP_CODE_ALPHABET)
    fair = 256 - 256 % size
    code = ""
    while len(code) < 8:
        code += "".join(BACKUP_CODE_ALPHABET[byte % size] for byte in randomness.bytes(8) if byte < fair)
    return code[:8]
