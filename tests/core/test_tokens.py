"""Access tokens under attack: forged, altered and foreign ones."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from sqlalchemy import update

from bkendctl.core import schema
from bkendctl.core.tokens import new_signing_key
from tests.conftest import World
from tests.core.forging import Forge, decoded, encoded, forger, signature, signing_key

INVALID = "auth/invalid-token"
EXPIRED = "auth/token-expired"


@pytest.fixture
def token(world: World) -> str:
    """A good access token."""
    return world.sign_up().access_token


@pytest.fixture
def forge(world: World, token: str) -> Forge:
    """Make tokens that differ from the good one, signed with the real key."""
    return forger(world, token)


def test_tokens_verify_elsewhere(world: World, token: str) -> None:
    """Another library verifies our token with the stored public key and finds every claim of the contract."""
    row = signing_key(world)
    verified = jwt.decode(token, ECKey.import_key(row.public_key), algorithms=["ES256"])
    assert verified.header == {"alg": "ES256", "kid": row.kid, "typ": "at+jwt"}
    me = world.me(token)
    claims = verified.claims
    assert claims["exp"] - claims["iat"] == 3600
    assert claims["iat"] == world.clock.now() // 1000
    fixed = {name: claims[name] for name in claims if name not in ("exp", "iat", "jti", "sid")}
    assert fixed == {
        "iss": f"urn:uuid:{world.installed.project_id}",
        "aud": world.installed.project_id,
        "sub": me.id,
        "role": "user",
        "projectId": world.installed.project_id,
        "environment": "dev",
        "organizationId": None,
        "organizationRole": None,
        "amr": ["pwd"],
    }


def test_a_token_of_another_library_is_accepted(world: World, forge: Forge) -> None:
    """The forger works: with nothing changed its token is good, so what follows is refused for its change."""
    assert world.me(forge()).email == "alice@example.com"


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE", "NONE", "", "HS256", "ES384", "RS256"])
@pytest.mark.parametrize("signature", ["", "kept"])
def test_the_header_chooses_no_algorithm(world: World, token: str, algorithm: str, signature: str) -> None:
    """T063: unsigned tokens and other algorithms' names are refused, with and without a signature."""
    header, claims = decoded(token)
    kept = token.rpartition(".")[2] if signature else ""
    forged = f"{encoded(header | {'alg': algorithm})}.{encoded(claims)}.{kept}"
    assert world.refusal(world.me, forged) == INVALID


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it.rpartition(".")[0] + ".",
        lambda it: it.rpartition(".")[0],
        lambda it: it.rpartition(".")[0] + "..",
        lambda it: "..",
        lambda it: ".",
        lambda it: it + ".x",
        lambda it: it[:-4],
        lambda it: "." + it,
        lambda it: it.replace(".", ".."),
        lambda it: it.rpartition(".")[0] + "." + encoded(bytes(64)),
        lambda it: "ü.ä.ö",
        lambda it: "\ud800.a.b",
        lambda it: "x" * 1_000_000,
        lambda it: f"{encoded(b'[' * 200_000)}.{encoded({})}.x",
        lambda it: f"{encoded([])}.{encoded({})}.x",
    ],
)
def test_what_is_no_token_is_refused(world: World, token: str, change: Callable[[str], str]) -> None:
    """T063: missing, empty and zero signatures, wrong numbers of parts, impossible texts."""
    assert world.refusal(world.me, change(token)) == INVALID


def test_changed_claims_break_the_signature(world: World, token: str) -> None:
    """Claims cannot be changed under a kept signature."""
    header, claims = decoded(token)
    forged = f"{encoded(header)}.{encoded(claims | {'role': 'admin'})}.{token.rpartition('.')[2]}"
    assert world.refusal(world.me, forged) == INVALID


@pytest.mark.parametrize("form", ["pem", "pem stripped", "jwk", "der", "empty"])
def test_the_public_key_is_no_secret(world: World, token: str, form: str) -> None:
    """T064: HS256 with our public key in any form as the secret is refused."""
    pem = signing_key(world).public_key.encode()
    public = ECKey.import_key(pem)
    secret = {
        "pem": pem,
        "pem stripped": pem.strip(),
        "jwk": json.dumps(public.as_dict(private=False)).encode(),
        "der": public.as_der(private=False),
        "empty": b"",
    }[form]
    header, claims = decoded(token)
    text = f"{encoded(header | {'alg': 'HS256'})}.{encoded(claims)}"
    signature = hmac.digest(secret, text.encode(), "sha256")
    assert world.refusal(world.me, f"{text}.{encoded(signature)}") == INVALID


def test_another_key_under_our_kid(world: World, forge: Forge) -> None:
    """A token signed by anybody else's key is refused whatever kid it names."""
    assert world.refusal(world.me, forge(key=ECKey.generate_key("P-256"))) == INVALID


@pytest.mark.parametrize(
    "header",
    [
        {"kid": "../../dev/null"},
        {"kid": "' OR '1'='1"},
        {"kid": "https://evil.example/key"},
        {"kid": "x" * 10_240},
        {"kid": "00000000-0000-4000-8000-000000000000"},
        {"kid": ""},
        {"kid": 1},
        {"kid": None},
        {"kid": ["a"]},
        {"jku": "https://evil.example/jwks.json"},
        {"x5u": "https://evil.example/cert.pem"},
        {"x5c": ["MIIB"]},
        {"jwk": {"kty": "oct", "k": "AAAA"}},
        {"crit": ["exp"]},
        {"crit": []},
        {"b64": False},
        {"cty": "JWT"},
        {"typ": "JWT"},
        {"typ": "at+JWT "},
        {"typ": "refresh"},
        {"typ": None},
    ],
    ids=lambda it: json.dumps(it)[:40],
)
def test_headers_that_point_elsewhere(world: World, token: str, header: dict[str, Any]) -> None:
    """T065, T068: unknown kid, headers that bring or name a key, crit, another type, all rightly signed."""
    good, claims = decoded(token)
    wanted = {name: value for name, value in (good | header).items() if value is not None}
    text = f"{encoded(wanted)}.{encoded(claims)}"
    assert world.refusal(world.me, f"{text}.{signature(world, text)}") == INVALID


NAMES = ["iss", "aud", "sub", "sid", "jti", "iat", "exp", "environment"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [None, True, 1.5, [], {}], ids=str)
def test_claims_have_to_be_there_and_of_their_kind(world: World, forge: Forge, name: str, value: Any) -> None:
    """T066, T067: every claim we read is needed, and is text or a whole number and nothing else."""
    assert world.refusal(world.me, forge(**{name: value})) == INVALID


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("iss", "", INVALID),
        ("iss", "urn:uuid:", INVALID),
        ("iss", "{} ", INVALID),
        ("iss", "{}/x", INVALID),
        ("iss", "{:.20}", INVALID),
        ("aud", "", INVALID),
        ("aud", "00000000-0000-4000-8000-000000000000", INVALID),
        ("aud", "{},other", INVALID),
        ("environment", "prod", INVALID),
        ("environment", "", INVALID),
        ("sid", "00000000-0000-4000-8000-000000000000", INVALID),
        ("sub", "00000000-0000-4000-8000-000000000000", "auth/user-not-found"),
    ],
)
def test_claims_have_to_be_ours(
    world: World, forge: Forge, token: str, name: str, value: str, code: str
) -> None:
    """T066: another issuer, project, environment, session or user, or a part of our own name, is not ours."""
    wrong = value.format(decoded(token)[1][name])
    assert world.refusal(world.me, forge(**{name: wrong})) == code


def test_sid_and_sub_belong_together(world: World, forge: Forge) -> None:
    """T066: another user's live session is no session of this user."""
    _, other = decoded(world.sign_up("bob@example.com").access_token)
    assert world.refusal(world.me, forge(sid=other["sid"])) == INVALID
    assert world.refusal(world.me, forge(sub=other["sub"])) == INVALID


@pytest.mark.parametrize(
    ("times", "code"),
    [
        ({"exp": 0}, EXPIRED),
        ({"exp": -1}, EXPIRED),
        ({"iat": -3600, "exp": -1}, EXPIRED),
        ({"iat": -3599, "exp": 1}, None),
        ({"exp": 86_400}, None),
        ({"exp": 86_401}, INVALID),
        ({"exp": 10**30}, INVALID),
        ({"iat": 5}, None),
        ({"iat": 6}, INVALID),
        ({"nbf": 5}, None),
        ({"nbf": 6}, INVALID),
        ({"nbf": -100}, None),
    ],
    ids=str,
)
def test_times(world: World, forge: Forge, times: dict[str, int], code: str | None) -> None:
    """T067, decision 14: seconds from now; no leeway for exp, 5 s for iat and nbf, and a day at most."""
    token = forge(**{name: world.clock.now() // 1000 + ahead for name, ahead in times.items()})
    if code is None:
        world.me(token)
    else:
        assert world.refusal(world.me, token) == code


@pytest.mark.parametrize(
    "times", [{"exp": 1e300}, {"exp": "2000000000"}, {"nbf": "0"}, {"nbf": 1.5}], ids=str
)
def test_times_are_whole_numbers(world: World, forge: Forge, times: dict[str, Any]) -> None:
    """T067: text and floating point are no times."""
    assert world.refusal(world.me, forge(**times)) == INVALID


def test_a_retired_key_s_tokens_end(world: World, token: str) -> None:
    """T070: after a rotation the old key verifies until it is retired; refresh tokens do not depend on it."""
    old = signing_key(world)
    table = schema.signing_keys
    with world.core.database.write() as transaction:
        transaction.run(update(table).values(status="verifying"))
        core = world.core
        fresh = new_signing_key(core.vault, core.randomness, old.environment_id, world.clock.now())
        transaction.run(table.insert().values(fresh))
    world.me(token)
    pair = world.sign_in()
    assert decoded(pair.access_token)[0]["kid"] == fresh["kid"]
    with world.core.database.write() as transaction:
        transaction.run(update(table).where(table.c.kid == old.kid).values(status="retired"))
    assert world.refusal(world.me, token) == INVALID
    world.me(pair)
