"""Access tokens (JWT, RFC 7519 and 8725) and the keys that sign them. Refresh tokens are opaque, not here."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Row, bindparam, select

from bkendctl.contract.errors import Failure
from bkendctl.core import schema
from bkendctl.core.crypto import Vault
from bkendctl.core.randomness import Randomness, new_id
from bkendctl.core.transaction import Transaction

TYPE = "at+jwt"
"""RFC 9068: keeps access tokens apart from every other JWT."""
ALGORITHM = "ES256"
RSA_BITS = 3_072
"""128 bits of strength (NIST SP 800-57, part 1, table 2)."""
IAT_LEEWAY_SECONDS = 5
LONGEST_LIFE_SECONDS = 86_400
CHECKED_TOKENS = 10_000
"""How many tokens are remembered as well signed; some 10 MiB."""
_KID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_REQUIRED = ("iss", "aud", "sub", "sid", "jti", "iat", "exp")


class Claims(msgspec.Struct, rename="camel"):
    """The claims this program reads back; the others are for the token's audience."""

    iss: str
    aud: str
    sub: str
    sid: str
    jti: str
    iat: int
    exp: int
    environment: str


class Checked(NamedTuple):
    """A token whose signature was checked with the key kid."""

    kid: str
    claims: Claims
    not_before: int


_signing_keys = schema.signing_keys
_LIVE_KEY = select(_signing_keys).where(
    _signing_keys.c.kid == bindparam("kid"),
    _signing_keys.c.environment_id == bindparam("environment"),
    _signing_keys.c.status != "retired",
)


def new_signing_key(
    vault: Vault, randomness: Randomness, environment_id: str, now: int, *, algorithm: str = ALGORITHM
) -> dict[str, Any]:
    """Make a key, as the row that stores it; the private half is encrypted, bound to its kid."""
    kid = new_id(randomness)
    private, public = _key_pair(algorithm, randomness)
    return {
        "kid": kid,
        "environment_id": environment_id,
        "algorithm": algorithm,
        "private_key": vault.seal(private, f"signing_keys/{kid}"),
        "public_key": public,
        "status": "signing",
        "created_at": now,
        "retired_at": None,
    }


def _key_pair(algorithm: str, randomness: Randomness) -> tuple[bytes, str | None]:
    """Private and public half in PEM; for HS256 a secret of 256 bits (RFC 7518, 3.2) and nothing public."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    if algorithm == "HS256":
        return randomness.bytes(32), None
    private: Any
    if algorithm == "RS256":
        private = rsa.generate_private_key(65_537, RSA_BITS)
    elif algorithm == "EdDSA":
        private = ed25519.Ed25519PrivateKey.generate()
    else:
        private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem, public.decode()


class Signer:
    """Signs access tokens and checks them. A key's state is read each time, a signature checked once."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._opened: dict[str, bytes] = {}
        self._prepared: dict[str, Any] = {}
        self._checked: dict[str, Checked] = {}

    def sign(self, transaction: Transaction, environment_id: str, claims: dict[str, Any]) -> str:
        """Sign with the environment's present key."""
        import jwt

        key = transaction.row(schema.signing_keys, environment_id=environment_id, status="signing")
        if key is None:
            raise Failure("common/internal-error", "This environment has no signing key.")
        headers = {"kid": key.kid, "typ": TYPE}
        if key.kid not in self._prepared:  # reading PEM takes longer than signing
            algorithm = jwt.get_algorithm_by_name(key.algorithm)
            self._prepared[key.kid] = algorithm.prepare_key(self._private(key))
        return jwt.encode(claims, self._prepared[key.kid], algorithm=key.algorithm, headers=headers)

    def verify(self, transaction: Transaction, environment_id: str, token: str, now: int) -> Claims:
        """Check signature, type, times and shape; issuer and audience are the caller's to compare.

        A signature is checked once in a process; the state of its key and the times each time.
        Failures: auth/invalid-token, auth/token-expired.
        """
        checked = self._checked.get(token)
        if checked is None:
            kid = _kid_of(token)
            checked = _checked(token, self._verifier(transaction, environment_id, kid), kid)
            if len(self._checked) >= CHECKED_TOKENS:
                self._checked.clear()
            self._checked[token] = checked
        else:
            self._key_of(transaction, environment_id, checked.kid)
        _require_timely(checked, now // 1000)
        return checked.claims

    def _verifier(self, transaction: Transaction, environment_id: str, kid: str) -> tuple[str, Any]:
        """Algorithm and key to check with. The algorithm is the stored key's (RFC 8725, section 3.1)."""
        key = self._key_of(transaction, environment_id, kid)
        return key.algorithm, key.public_key or self._private(key)

    def _key_of(self, transaction: Transaction, environment_id: str, kid: str) -> Row[Any]:
        """The stored key, unless it is retired or of another environment: auth/invalid-token."""
        key = transaction.recall(_LIVE_KEY, kid=kid, environment=environment_id)
        if key is None:
            raise Failure("auth/invalid-token")
        return key

    def _private(self, key: Row[Any]) -> bytes:
        if key.kid not in self._opened:
            self._opened[key.kid] = self._vault.open(key.private_key, f"signing_keys/{key.kid}")
        return self._opened[key.kid]


def _kid_of(token: str) -> str:
    """The key a token's header names; one that points anywhere else (jku, x5u, crit …) is refused."""
    import jwt

    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise Failure("auth/invalid-token") from None
    kid = header.get("kid")
    if set(header) != {"alg", "kid", "typ"} or header["typ"] != TYPE:
        raise Failure("auth/invalid-token")
    if not isinstance(kid, str) or not _KID.fullmatch(kid):
        raise Failure("auth/invalid-token")
    return kid


def _checked(token: str, verifier: tuple[str, Any], kid: str) -> Checked:
    """Check signature and shape; the times are looked at by themselves. auth/invalid-token."""
    import jwt

    algorithm, key = verifier
    try:
        decoded = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            options={
                "require": list(_REQUIRED),
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
                "verify_aud": False,
            },
        )
        claims = msgspec.convert(decoded, Claims)
    except (jwt.PyJWTError, msgspec.ValidationError, ValueError, RecursionError):
        raise Failure("auth/invalid-token") from None
    not_before = decoded.get("nbf", claims.iat)
    if not isinstance(not_before, int) or claims.exp - claims.iat > LONGEST_LIFE_SECONDS:
        raise Failure("auth/invalid-token")
    return Checked(kid, claims, not_before)


def _require_timely(checked: Checked, now: int) -> None:
    """No leeway for exp, 5 s for iat and nbf (decision 14). now in seconds."""
    if max(checked.claims.iat, checked.not_before) > now + IAT_LEEWAY_SECONDS:
        raise Failure("auth/invalid-token")
    if checked.claims.exp <= now:
        raise Failure("auth/token-expired")
