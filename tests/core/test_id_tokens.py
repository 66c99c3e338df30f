"""ID tokens that are not for us, not from there, not now, or not signed as they have to be (T076)."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from bkendctl.contract.errors import Failure
from bkendctl.core.id_tokens import verified
from bkendctl.core.providers import GOOGLE_ISSUER, Client

NOW = 1_800_000_000
CLIENT = Client("google", "us", "secret", "https://a.example/cb", ("openid",), issuer=GOOGLE_ISSUER)
KEY = rsa.generate_private_key(65_537, 2_048)
OTHER = rsa.generate_private_key(65_537, 2_048)
CURVE = ec.generate_private_key(ec.SECP256R1())
JWKS: dict[str | None, dict[str, Any]] = {
    "one": json.loads(RSAAlgorithm.to_jwk(KEY.public_key())) | {"use": "sig"},
    "curve": json.loads(ECAlgorithm.to_jwk(CURVE.public_key())) | {"alg": "ES256"},
    "secret": {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I"},
}
GOOD = {"iss": GOOGLE_ISSUER, "aud": "us", "sub": "1", "iat": NOW, "exp": NOW + 3600, "nonce": "n"}


def signed(key: Any = KEY, algorithm: str = "RS256", kid: str | None = "one", **changes: Any) -> str:
    """A token; a claim of None is left out."""
    claims = {name: value for name, value in (GOOD | changes).items() if value is not None}
    return jwt.encode(claims, key, algorithm, {"kid": kid} if kid else None)


def claims_of(token: str, *, nonce: str | None = "n", from_code: bool = True) -> dict[str, Any] | None:
    """The claims, None where the token is refused."""
    try:
        return verified(token, CLIENT, JWKS.get, NOW * 1000, nonce=nonce, from_code=from_code)
    except Failure as failure:
        return None if failure.code == "auth/invalid-oauth-code" else {"code": failure.code}


def unsigned(algorithm: str, **header: Any) -> str:
    """A token whose signature is empty."""
    parts = [json.dumps(part).encode() for part in ({"alg": algorithm, "kid": "one"} | header, GOOD)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


def test_a_good_token_is_believed() -> None:
    """In RSA and on a curve, with either spelling of Google's issuer, and us alone or among others."""
    assert claims_of(signed()) == GOOD
    assert claims_of(signed(CURVE, "ES256", "curve"))
    assert claims_of(signed(iss="accounts.google.com"))
    assert claims_of(signed(aud=["us"]))
    assert claims_of(signed(aud=["us", "them"], azp="us"))
    assert claims_of(signed(azp="an-android-app"), from_code=False)
    assert claims_of(signed(nonce=None), nonce=None)
    assert claims_of(signed(iat=NOW + 30))


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "them"},
        {"aud": ["them"]},
        {"aud": None},
        {"aud": ["us", "them"]},
        {"aud": ["us", "them"], "azp": "them"},
        {"azp": "them"},
        {"iss": "https://accounts.google.com.evil.example"},
        {"iss": "https://accounts.google.com/"},
        {"iss": None},
        {"nonce": "other"},
        {"nonce": None},
        {"nonce": ["n"]},
        {"exp": NOW},
        {"exp": None},
        {"exp": 1e300},
        {"exp": "2030"},
        {"exp": True},
        {"exp": NOW + 90_000},
        {"iat": NOW + 300},
        {"iat": None},
        {"nbf": NOW + 300},
        {"sub": ""},
        {"sub": None},
        {"sub": 1},
        {"sub": "x" * 255},
        {"sub": "a\u0000b"},
    ],
    ids=str,
)
def test_a_wrong_claim_is_refused(changes: dict[str, Any]) -> None:
    """Audience, issuer, times, nonce and subject, each by itself."""
    assert claims_of(signed(**changes)) is None


def test_several_audiences_need_us_as_the_party_also_without_a_code() -> None:
    """A token for others that names us too is not enough."""
    assert claims_of(signed(aud=["us", "them"]), from_code=False) is None
    assert claims_of(signed(aud=["us", "them"], azp="them"), from_code=False) is None


def test_what_is_not_signed_by_a_key_of_the_set_is_refused() -> None:
    """No signature, a shared secret, our own public key as the secret, another's key, an unknown key."""
    pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    mac = jwt.encode(GOOD, "secret-secret-secret-secret-secr", "HS256", {"kid": "secret"})
    forged = _hs256(GOOD, pem)
    tokens = [unsigned(name) for name in ("none", "None", "nOnE", "RS256", "HS256")]
    tokens += [mac, forged, signed(OTHER), signed(kid="two"), signed(kid=None), signed(kid="x" * 300)]
    tokens += [signed(CURVE, "ES256"), signed(KEY, "RS384"), signed(KEY, "RS256", "curve")]
    tokens += [unsigned("RS256", crit=["x"]), "", "a.b", "a.b.c", signed()[:-8], "é.é.é"]
    assert [token for token in tokens if claims_of(token) is not None] == []


def _hs256(claims: dict[str, Any], secret: bytes) -> str:
    """PyJWT refuses to sign with a public key, an attacker does not."""
    import hashlib
    import hmac

    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    body = ".".join(part(json.dumps(each).encode()) for each in ({"alg": "HS256", "kid": "one"}, claims))
    return f"{body}.{part(hmac.new(secret, body.encode(), hashlib.sha256).digest())}"
