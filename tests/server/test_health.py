"""Whether the server runs and can serve, and the keys that others check its tokens with."""

from __future__ import annotations

import pytest
from joserfc import jwt
from joserfc.errors import BadSignatureError
from joserfc.jwk import KeySet

from bkendctl import __version__
from bkendctl.core import schema
from tests.conftest import World
from tests.server.wire import Line

FAILED = {"database": "failed", "migrations": "failed"}


def test_the_process_runs(line: Line) -> None:
    """Without a look at the database."""
    assert line.ask("GET", "/healthz").json == {"status": "ok", "version": __version__}


def test_ready_follows_the_database(world: World, line: Line) -> None:
    """Not while its file is away, and again once it is back; the process counts as running all the time."""
    file = world.core.database.file
    assert file is not None
    assert line.ask("GET", "/readyz").status == 200
    away = file.rename(file.with_suffix(".away"))
    reply = line.ask("GET", "/readyz")
    assert (reply.status, reply.json) == (503, {"status": "not_ready", "checks": FAILED})
    assert line.ask("GET", "/healthz").status == 200
    away.rename(file)
    assert line.ask("GET", "/readyz").json == {
        "status": "ready",
        "checks": {"database": "ok", "migrations": "ok"},
    }


def test_ready_needs_our_schema(world: World, line: Line) -> None:
    """A newer one means that another release has taken over."""
    with world.core.database.write() as transaction:
        transaction.connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    reply = line.ask("GET", "/readyz")
    assert (reply.status, reply.json["checks"]) == (503, {"database": "ok", "migrations": "failed"})


def test_others_check_our_tokens(world: World, line: Line) -> None:
    """Another library accepts a token by the published keys, and none that was changed; no private part."""
    token = world.sign_up().access_token
    reply = line.ask("GET", "/.well-known/jwks.json")
    assert reply.headers["cache-control"] == "public, max-age=60"
    for key in reply.json["keys"]:
        assert {"kid", "alg", "use", "kty"} <= set(key)
        assert not {"d", "p", "q", "k"} & set(key)
    keys = KeySet.import_key_set(reply.json)
    decoded = jwt.decode(token, keys, algorithms=[key["alg"] for key in reply.json["keys"]])
    assert decoded.claims["sub"] == world.me(token).id
    head, body, signature = token.split(".")
    changed = ("B" if signature[0] == "A" else "A") + signature[1:]
    with pytest.raises(BadSignatureError):
        jwt.decode(f"{head}.{body}.{changed}", keys)


def test_a_retired_key_is_published_no_more(world: World, line: Line) -> None:
    """From the next request on."""
    with world.core.database.write() as transaction:
        transaction.run(schema.signing_keys.update().values(status="retired"))
    assert line.ask("GET", "/.well-known/jwks.json").json == {"keys": []}
