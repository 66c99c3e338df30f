"""A forger of access tokens, with another library than ours (joserfc)."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey
from sqlalchemy import Row, select

from bkendctl.core import schema
from tests.conftest import World

Forge = Callable[..., str]


def encoded(part: Any) -> str:
    """A part of a token; text goes in as it is."""
    plain = part if isinstance(part, bytes) else json.dumps(part).encode()
    return urlsafe_b64encode(plain).rstrip(b"=").decode()


def decoded(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a token, unverified."""
    header, claims, _ = token.split(".")
    return tuple(json.loads(urlsafe_b64decode(part + "==")) for part in (header, claims))  # type: ignore[return-value]


def signing_key(world: World) -> Row[Any]:
    """The stored key that signs."""
    with world.core.database.read() as transaction:
        found = transaction.first(
            select(schema.signing_keys).where(schema.signing_keys.c.status == "signing")
        )
    assert found is not None
    return found


def private_key(world: World) -> ECKey:
    """The environment's real signing key."""
    row = signing_key(world)
    return ECKey.import_key(world.core.vault.open(row.private_key, f"signing_keys/{row.kid}"))


def signature(world: World, text: str) -> str:
    """ES256 by the real key over any text, for headers that a library would not write."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    made = private_key(world).get_op_key("sign").sign(text.encode(), ec.ECDSA(hashes.SHA256()))
    return encoded(b"".join(part.to_bytes(32) for part in utils.decode_dss_signature(made)))


def forger(world: World, token: str) -> Forge:
    """Give a function that signs with the real key, or another: claims to change or, with None, to drop."""
    real = private_key(world)

    def forge(key: ECKey = real, **claims: Any) -> str:
        header, good = decoded(token)
        changed = {name: value for name, value in (good | claims).items() if value is not None}
        return jwt.encode(header, changed, key, algorithms=["ES256"])

    return forge
