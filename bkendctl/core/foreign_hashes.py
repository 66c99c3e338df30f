"""Password hashes that other services made: their spellings, what they may cost, and checking them.

Argon2 in every spelling, bcrypt, scrypt and PBKDF2; Firebase's scrypt is in firebase_scrypt.py. Whoever signs
in with one gets a hash of ours, so each is met once.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

# What one check may cost: about a second of one core and 128 MiB here, where Argon2id of ours takes 20 ms and
# 19 MiB. Twice what OWASP's cheat sheet asks of each at most, so that no honest service is above it.
MOST_BCRYPT_ROUNDS = 14
MOST_ARGON2_KIB = 131_072
MOST_ARGON2_WORK = 1_310_720
"""KiB times passes."""
MOST_ARGON2_LANES = 16
MOST_SCRYPT_BYTES = 134_217_728
"""128 times N times r."""
MOST_SCRYPT_WORK = 2_097_152
"""N times r times p."""
MOST_PBKDF2_WORK = 2_000_000
"""Iterations times blocks of output."""
SHORTEST_TAG = 16
"""Bytes; a shorter one is met by chance too soon."""
LONGEST = 64
"""Bytes of a tag or a salt."""
_BCRYPT_BYTES = 72
"""bcrypt looks at no more of a password; those who made these hashes cut it there."""


class Unusable(Exception):
    """A hash that cannot be kept; its text completes the sentence "passwordHash …"."""


class Foreign(Protocol):
    """A hash that can be checked. kind: what decides how long that takes."""

    @property
    def kind(self) -> str:
        """Name of the algorithm with its cost."""

    def matches(self, password: str) -> bool:
        """Whether the password is right."""


class Bcrypt(Struct, frozen=True):
    """$2a$, $2b$ or $2y$: all three are computed alike by now."""

    text: str

    @property
    def kind(self) -> str:
        """The cost is a power of two."""
        return f"bcrypt,{self.text[4:6]}"

    def matches(self, password: str) -> bool:
        """Check as bcrypt's users do, with what lies beyond 72 bytes cut off."""
        import bcrypt

        return bcrypt.checkpw(password.encode()[:_BCRYPT_BYTES], self.text.encode())


class Argon2(Struct, frozen=True):
    """Any of the three variants, as a PHC string."""

    text: str

    @property
    def kind(self) -> str:
        """Variant, version and parameters."""
        return ",".join(self.text.split("$")[1:-2])

    def matches(self, password: str) -> bool:
        """Check by the parameters in the text."""
        from argon2 import PasswordHasher
        from argon2.exceptions import InvalidHashError, VerificationError

        try:
            return PasswordHasher().verify(self.text, password)
        except (VerificationError, InvalidHashError):
            return False


class Scrypt(Struct, frozen=True):
    """RFC 7914. n: the cost itself, not its logarithm."""

    n: int
    r: int
    p: int
    salt: bytes
    tag: bytes

    @property
    def kind(self) -> str:
        """Its three parameters."""
        return f"scrypt,{self.n},{self.r},{self.p}"

    def matches(self, password: str) -> bool:
        """Derive again, and compare."""
        return hmac.compare_digest(
            scrypt(password, self.salt, n=self.n, r=self.r, p=self.p, size=len(self.tag)), self.tag
        )


class Pbkdf2(Struct, frozen=True):
    """RFC 8018, with SHA-256 or SHA-512."""

    digest: str
    iterations: int
    salt: bytes
    tag: bytes

    @property
    def kind(self) -> str:
        """Digest, iterations and how much is derived."""
        return f"pbkdf2,{self.digest},{self.iterations},{len(self.tag)}"

    def matches(self, password: str) -> bool:
        """Derive again, and compare."""
        found = hashlib.pbkdf2_hmac(self.digest, password.encode(), self.salt, self.iterations, len(self.tag))
        return hmac.compare_digest(found, self.tag)


def scrypt(password: str, salt: bytes, *, n: int, r: int, p: int, size: int) -> bytes:
    """Derive a key. OpenSSL asks how much memory it may take: what our limits allow, and room for p."""
    room = 2 * MOST_SCRYPT_BYTES
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=room, dklen=size)


def read(text: str) -> Foreign:
    """Recognize a hash by its spelling. Unusable for one that is not known, malformed or too dear."""
    for pattern, make in _SPELLINGS:
        found = pattern.fullmatch(text)
        if found is not None:
            try:
                return make(found)
            except (NotBase64, ValueError):
                raise Unusable("is damaged") from None
    raise Unusable(
        "is of an unknown format: argon2, bcrypt, scrypt and pbkdf2 with SHA-256 or SHA-512 are known"
    )


def decoy(kind: str) -> Foreign:
    """A hash of a kind that no password meets, for what takes its time alone."""
    name, *costs = kind.split(",")
    salt, tag = bytes(16), os.urandom(32)
    if name == "bcrypt":
        return Bcrypt(f"$2b${costs[0]}${'.' * 53}")
    if name == "pbkdf2":
        return Pbkdf2(costs[0], int(costs[1]), salt, os.urandom(int(costs[2])))
    if name == "scrypt":
        n, r, p = map(int, costs)
        return Scrypt(n, r, p, salt, tag)
    if name == "firebase":  # the cipher's time is lost in that of scrypt
        return Scrypt(1 << int(costs[0]), int(costs[1]), 1, salt, tag)
    parts = kind.replace(",m=", "$m=").replace(",v=", "$v=")
    return Argon2(f"${parts}${to_b64(salt)}${to_b64(tag)}")


def _bcrypt(found: re.Match[str]) -> Foreign:
    _bound(found["cost"], 4, MOST_BCRYPT_ROUNDS, "cost")
    return Bcrypt(found["bcrypt"])


def _argon2(found: re.Match[str]) -> Foreign:
    memory = _bound(found["m"], 8, MOST_ARGON2_KIB, "memory")
    passes = _bound(found["t"], 1, MOST_ARGON2_WORK // memory, "passes")
    lanes = _bound(found["p"], 1, MOST_ARGON2_LANES, "lanes")
    if memory < 8 * lanes or not passes:
        raise Unusable("is damaged")
    _salt(b64(found["salt"]), least=8)
    _tag(b64(found["tag"]))
    return Argon2(found["argon2"])


def _scrypt(found: re.Match[str]) -> Foreign:
    named = found.groupdict()
    n = 1 << _bound(found["ln"], 1, 30, "cost") if named.get("ln") else _bound(found["n"], 2, 1 << 30, "cost")
    r, p = _bound(found["r"], 1, 1 << 20, "block size"), _bound(found["p"], 1, 1 << 20, "parallelism")
    if n & (n - 1):
        raise Unusable("is damaged: the cost of scrypt is a power of two")
    require_affordable_scrypt(n, r, p)
    return Scrypt(n, r, p, _salt(_salt_of(found)), _tag(_tag_of(found)))


def require_affordable_scrypt(n: int, r: int, p: int) -> None:
    """Refuse parameters that take too much memory or time."""
    if 128 * n * r > MOST_SCRYPT_BYTES:
        raise Unusable("takes too much memory: at most 128 MiB are")
    if n * r * p > MOST_SCRYPT_WORK:
        raise Unusable("takes too long to check")


def _pbkdf2(found: re.Match[str]) -> Foreign:
    digest = f"sha{found['digest']}"
    tag = _tag(_tag_of(found))
    blocks = -(-len(tag) // (int(found["digest"]) // 8))
    iterations = _bound(found["i"], 1, MOST_PBKDF2_WORK // blocks, "iterations")
    if found.groupdict().get("length") not in (None, str(len(tag))):
        raise Unusable("is damaged: its length is not the one it names")
    return Pbkdf2(digest, iterations, _salt(_salt_of(found)), tag)


def _bound(text: str, least: int, most: int, what: str) -> int:
    value = int(text)
    if not least <= value <= most:
        raise Unusable(f"has a {what} of {value}, outside {least} to {most}")
    return value


def _salt(salt: bytes, *, least: int = 1) -> bytes:
    if not least <= len(salt) <= LONGEST:
        raise Unusable(f"has a salt of {len(salt)} bytes, outside {least} to {LONGEST}")
    return salt


def _tag(tag: bytes) -> bytes:
    if not SHORTEST_TAG <= len(tag) <= LONGEST:
        raise Unusable(f"is {len(tag)} bytes long, outside {SHORTEST_TAG} to {LONGEST}")
    return tag


def _salt_of(found: re.Match[str]) -> bytes:
    """Of Django and Werkzeug the salt is the text itself."""
    named = found.groupdict()
    return found["plain"].encode() if named.get("plain") is not None else b64(found["salt"])


def _tag_of(found: re.Match[str]) -> bytes:
    named = found.groupdict()
    return bytes.fromhex(found["hex"]) if named.get("hex") is not None else b64(found["tag"])


def b64(text: str) -> bytes:
    """Read base64 in any of its spellings: padded or not, of the web, and passlib's with dots."""
    plain = text.rstrip("=").translate(_TO_STANDARD)
    return b64decode(plain + "=" * (-len(plain) % 4), validate=True)


def to_b64(value: bytes) -> str:
    """Write base64 as PHC strings have it, without padding."""
    return b64encode(value).rstrip(b"=").decode()


_TO_STANDARD = str.maketrans("-_.", "+/+")
_B64 = r"[A-Za-z0-9+/._=-]{1,128}"
_INT = r"[0-9]{1,10}"
_ENDS = rf"\$(?P<salt>{_B64})\$(?P<tag>{_B64})"
_PLAIN = r"(?P<plain>[^$]{1,64})"
_SPELLINGS: list[tuple[re.Pattern[str], Callable[[re.Match[str]], Foreign]]] = [
    (re.compile(pattern, re.ASCII), make)
    for pattern, make in (
        # crypt(3); Django writes its name before it.
        (
            r"(?:bcrypt\$)?(?P<bcrypt>\$2[aby]\$(?P<cost>[0-9]{2})\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31})",
            _bcrypt,
        ),
        # PHC; Django as above.
        (
            rf"(?:argon2)?(?P<argon2>\$argon2(?:id|i|d)(?:\$v=(?:16|19))?\$m=(?P<m>{_INT}),t=(?P<t>{_INT}),p=(?P<p>{_INT}){_ENDS})",
            _argon2,
        ),
        # PHC as passlib and Auth0 write it; Django; Werkzeug.
        (rf"\$scrypt\$ln=(?P<ln>{_INT}),r=(?P<r>{_INT}),p=(?P<p>{_INT}){_ENDS}", _scrypt),
        (rf"scrypt\$(?P<n>{_INT})\${_PLAIN}\$(?P<r>{_INT})\$(?P<p>{_INT})\$(?P<tag>{_B64})", _scrypt),
        (
            rf"scrypt:(?P<n>{_INT}):(?P<r>{_INT}):(?P<p>{_INT})\${_PLAIN}\$(?P<hex>[0-9a-f]{{1,128}})",
            _scrypt,
        ),
        # PHC as Auth0 writes it; passlib; Django; Werkzeug.
        (
            rf"\$pbkdf2-sha(?P<digest>256|512)\$i=(?P<i>{_INT})(?:,l=(?P<length>{_INT}))?{_ENDS}",
            _pbkdf2,
        ),
        (rf"\$pbkdf2-sha(?P<digest>256|512)\$(?P<i>{_INT}){_ENDS}", _pbkdf2),
        (rf"pbkdf2_sha(?P<digest>256)\$(?P<i>{_INT})\${_PLAIN}\$(?P<tag>{_B64})", _pbkdf2),
        (
            rf"pbkdf2:sha(?P<digest>256|512):(?P<i>{_INT})\${_PLAIN}\$(?P<hex>[0-9a-f]{{1,128}})",
            _pbkdf2,
        ),
    )
]
