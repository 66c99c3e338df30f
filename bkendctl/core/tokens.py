"""Access tokens (JWT, RFC 7519 and 8725) and the keys that sign them. Refresh tokens are opaque, not here."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from sqlalchemy import Row, select

from bkendctl.contract.errors import Failure
from bkendctl.core import schema
from bkendctl.core.crypto import Vault
from bkendctl.core.database import Transaction
from bkendctl.core.randomness import Randomness, new_id

TYPE = "at+jwt"
"""RFC 9068: keeps access tokens apart from every other JWT."""
ALGORITHM = "ES256"
IAT_LEEWAY_SECONDS = 5
LONGEST_LIFE_SECONDS = 86_400
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


def new_signing_key(vault: Vault, randomness: Randomness, environment_id: str, now: int) -> dict[str, Any]:
    """Make an ES256 key, as the row that stores it; the private half is encrypted, bound to its kid."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    kid = new_id(randomness)
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return {
        "kid": kid,
        "environment_id": environment_id,
        "algorithm": ALGORITHM,
        "private_key": vault.seal(pem, f"signing_keys/{kid}"),
        "public_key": public.decode(),
        "status": "signing",
        "created_at": now,
        "retired_at": None,
    }


class Signer:
    """Signs and checks access tokens; opened keys are kept by kid, their status is read each time."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._opened: dict[str, bytes] = {}

    def sign(self, transaction: Transaction, environment_id: str, claims: dict[str, Any]) -> str:
        """Sign with the environment's present key."""
        import jwt

        table = schema.signing_keys
        key = transaction.first(
            select(table).where(table.c.environment_id == environment_id, table.c.status == "signing")
        )
        if key is None:
            raise Failure("common/internal-error", "This environment has no signing key.")
        headers = {"kid": key.kid, "typ": TYPE}
        return jwt.encode(claims, self._private(key), algorithm=key.algorithm, headers=headers)

    def verify(self, transaction: Transaction, environment_id: str, token: str, now: int) -> Claims:
        """Check signature, type, times and shape; issuer and audience are the caller's to compare.

        The algorithm is the stored key's, never the header's (RFC 8725, section 3.1).
        Failures: auth/invalid-token, auth/token-expired.
        """
        import jwt

        try:
            key = self._key_of(transaction, environment_id, jwt.get_unverified_header(token))
            verifier = key.public_key or self._private(key)
            decoded = jwt.decode(
                token,
                verifier,
                algorithms=[key.algorithm],
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
        _require_timely(claims, decoded.get("nbf", claims.iat), now // 1000)
        return claims

    def _key_of(self, transaction: Transaction, environment_id: str, header: dict[str, Any]) -> Row[Any]:
        """The stored key a header names; headers that point anywhere else (jku, x5u, crit …) are refused."""
        kid = header.get("kid")
        if set(header) != {"alg", "kid", "typ"} or header["typ"] != TYPE:
            raise Failure("auth/invalid-token")
        if not isinstance(kid, str) or not _KID.fullmatch(kid):
            raise Failure("auth/invalid-token")
        table = schema.signing_keys
        key = transaction.first(
            select(table).where(
                table.c.kid == kid, table.c.environment_id == environment_id, table.c.status != "retired"
            )
        )
        if key is None:
            raise Failure("auth/invalid-token")
        return key

    def _private(self, key: Row[Any]) -> bytes:
        if key.kid not in self._opened:
            self._opened[key.kid] = self._vault.open(key.private_key, f"signing_keys/{key.kid}")
        return self._opened[key.kid]


def _require_timely(claims: Claims, not_before: Any, now: int) -> None:
    """No leeway for exp, 5 s for iat and nbf, and no life beyond a day (decision 14)."""
    if not isinstance(not_before, int) or claims.exp - claims.iat > LONGEST_LIFE_SECONDS:
        raise Failure("auth/invalid-token")
    if max(claims.iat, not_before) > now + IAT_LEEWAY_SECONDS:
        raise Failure("auth/invalid-token")
    if claims.exp <= now:
        raise Failure("auth/token-expired")
