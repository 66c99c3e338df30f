"""ID tokens of OpenID Connect: signature, issuer, audience, times, nonce (Core 1.0, section 3.1.3.7)."""

from __future__ import annotations

import re
from collections.abc import Callable
from hmac import compare_digest
from typing import Any

from bkendctl.contract.errors import Failure
from bkendctl.core.clock import SECOND
from bkendctl.core.providers import GOOGLE_ISSUER, Client

ALGORITHMS = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}
"""What may sign, and the type of its key. Never none, nor HMAC with a public key as its secret (RFC 8725)."""
SKEW_SECONDS = 60
"""How far ahead of ours a provider's clock may be."""
LONGEST_LIFE_SECONDS = 86_400
LONGEST_SUBJECT = 254
_REFUSAL = "auth/invalid-oauth-code"
_KID = re.compile(r"[!-~]{1,256}")

KeyOf = Callable[[str | None], dict[str, Any] | None]


def verified(
    token: str, client: Client, key_of: KeyOf, now: int, *, nonce: str | None, from_code: bool
) -> dict[str, Any]:
    """The claims of an ID token. client: with its issuer. key_of: gives the key of an id; now in ms, real.

    nonce: what it has to hold, None where nobody here knows. from_code: it came with a code, straight from
    the provider. auth/invalid-oauth-code.
    """
    claims = _signed(token, key_of)
    issuers = {client.issuer} | ({"accounts.google.com"} if client.issuer == GOOGLE_ISSUER else set())
    subject = claims.get("sub")
    is_sound = (
        isinstance(claims.get("iss"), str)
        and claims["iss"] in issuers
        and _is_for(client.client_id, claims, from_code=from_code)
        and _is_timely(claims, now // SECOND)
        and isinstance(subject, str)
        and 0 < len(subject) <= LONGEST_SUBJECT
        and subject.isprintable()
    )
    if not is_sound:
        raise Failure(_REFUSAL)
    if nonce is not None and not compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
        raise Failure(_REFUSAL)
    return claims


def _signed(token: str, key_of: KeyOf) -> dict[str, Any]:
    """The claims, once the signature holds under a key of the provider's key set."""
    import jwt

    try:
        header = jwt.get_unverified_header(token)
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm not in ALGORITHMS or "crit" in header:
            raise Failure(_REFUSAL)
        if kid is not None and not (isinstance(kid, str) and _KID.fullmatch(kid)):
            raise Failure(_REFUSAL)
        key = key_of(kid)
        if key is None or key.get("kty") != ALGORITHMS[algorithm] or key.get("alg", algorithm) != algorithm:
            raise Failure(_REFUSAL)
        # Times and audience are compared by ourselves: PyJWT reads the machine's clock.
        unchecked: Any = {f"verify_{claim}": False for claim in ("exp", "iat", "nbf", "aud", "iss", "sub")}
        return jwt.decode(token, jwt.PyJWK(key, algorithm), algorithms=[algorithm], options=unchecked)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise Failure(_REFUSAL) from None


def _is_for(client_id: str, claims: dict[str, Any], *, from_code: bool) -> bool:
    """Whether we are the audience.

    azp has to be us where there are several audiences, or the token came with our code. One that an Android
    app was given names that app's client there, and ours as the audience (Google's Credential Manager).
    """
    audience = claims.get("aud")
    several = isinstance(audience, list) and len(audience) > 1
    if client_id not in (audience if isinstance(audience, list) else [audience]):
        return False
    party = claims.get("azp")
    if several:
        return bool(party == client_id)
    return party is None or not from_code or bool(party == client_id)


def _is_timely(claims: dict[str, Any], now: int) -> bool:
    """No leeway for exp. Whole or broken numbers of seconds; PyJWT would take 1e300."""
    issued, expires = claims.get("iat"), claims.get("exp")
    not_before = claims.get("nbf", issued)
    if not all(
        isinstance(each, (int, float)) and not isinstance(each, bool)
        for each in (issued, expires, not_before)
    ):
        return False
    assert issued is not None
    assert expires is not None
    return bool(
        max(issued, not_before) <= now + SKEW_SECONDS
        and now < expires
        and expires - issued <= LONGEST_LIFE_SECONDS
    )
