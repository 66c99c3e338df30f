"""What surrounds every answer: headers, request ids, browsers of other origins, the log, the figures."""

from __future__ import annotations

import io
import json
import re

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import update

from bkendctl.core import schema
from bkendctl.core.call import Source
from bkendctl.server.access_log import AccessLog
from tests.conftest import PASSWORD, World
from tests.http_server import HttpServer

PAGE = "https://app.example.com"


def ask(world: World, path: str, method: str = "GET", **how: object) -> httpx.Response:
    """Ask the worker's server."""
    assert world.server is not None
    return httpx.request(method, world.server.url + path, **how)  # type: ignore[arg-type]


def key(world: World, **more: str) -> dict[str, str]:
    """Headers with the publishable key."""
    return {"X-API-Key": world.pk, **{name.replace("_", "-"): value for name, value in more.items()}}


def test_answers_are_not_kept_and_name_no_software(world: World) -> None:
    """No cache, no sniffing, no Server header; the rest of the allowance is told."""
    answer = ask(world, "/v1/api-keys/current", headers=key(world))
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "server" not in answer.headers
    assert int(answer.headers["x-ratelimit-remaining"]) == int(answer.headers["x-ratelimit-limit"]) - 1


def test_a_refused_credential_names_the_scheme(world: World) -> None:
    """RFC 9110, section 11.6.1."""
    assert ask(world, "/v1/auth/me", headers=key(world)).headers["www-authenticate"] == "Bearer"


def test_a_request_id_is_kept_or_made(world: World) -> None:
    """A caller's own comes back where it is sane, and stands in the audit; else one is made."""
    assert ask(world, "/healthz", headers={"X-Request-Id": "ab-1"}).headers["x-request-id"] == "ab-1"
    for bad in ("a b", "x" * 65, "ä".encode()):
        made = ask(world, "/healthz", headers={"X-Request-Id": bad}).headers["x-request-id"]
        assert re.fullmatch(r"[0-9a-f-]{36}", made)
    world.sign_up()
    with pytest.raises(Exception, match="invalid-credentials"):
        world.sign_in(password="Wr0ng-password!", source=Source(request_id="from-the-test"))
    with world.core.database.read() as transaction:
        rows = transaction.all(schema.audit_events.select())
    assert "from-the-test" in {row.request_id for row in rows}


def test_a_moved_clock_is_told(world: World) -> None:
    """In dev, and only while it is moved; also with a refusal."""
    assert "x-dev-clock-offset" not in ask(world, "/v1/auth/me", headers=key(world)).headers
    admin = {"X-API-Key": world.sk}
    ask(world, "/v1/dev/clock", "PUT", headers=admin, json={"offsetSeconds": 3600})
    assert ask(world, "/v1/auth/me", headers=key(world)).headers["x-dev-clock-offset"] == "3600"


def test_what_a_limit_refuses_says_for_how_long(world: World) -> None:
    """Retry-After, and nothing left."""
    world.configure("sessions", rateLimits={"default": {"limit": 1, "windowSeconds": 60}})
    ask(world, "/v1/api-keys/current", headers=key(world))
    answer = ask(world, "/v1/api-keys/current", headers=key(world))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    assert answer.headers["x-ratelimit-remaining"] == "0"


def allow(world: World, *origins: str, kind: str = "dev") -> None:
    """Set the project's origins and the environment's type."""
    with world.core.database.write() as transaction:
        transaction.run(update(schema.projects).values(cors_origins=list(origins)))
        transaction.run(update(schema.environments).values(type=kind))


@pytest.mark.parametrize(
    ("origins", "kind", "admitted"),
    [
        ([], "dev", True),
        ([], "prod", False),
        ([PAGE], "prod", True),
        (["https://other.example.com"], "prod", False),
        (["https://other.example.com"], "dev", False),
        (["*"], "prod", True),
        ([PAGE + ".evil.example"], "prod", False),
        ([PAGE.upper()], "prod", False),
    ],
)
def test_pages_of_other_origins(world: World, origins: list[str], kind: str, admitted: bool) -> None:
    """Admitted by the project's list; an empty one admits any in dev alone. Refusals can be read as well."""
    allow(world, *origins, kind=kind)
    answer = ask(world, "/v1/auth/me", headers=key(world, Origin=PAGE))
    assert answer.headers.get("access-control-allow-origin") == (PAGE if admitted else None)
    assert "access-control-allow-credentials" not in answer.headers
    assert answer.headers["vary"] == "origin"
    before = ask(world, "/v1/auth/me", "OPTIONS", headers={"Origin": PAGE})
    assert before.status_code == 204
    assert ("access-control-allow-headers" in before.headers) == admitted


def test_a_page_learns_that_its_key_is_wrong(world: World) -> None:
    """Without an environment, any that admits the origin is enough to read the refusal."""
    answer = ask(world, "/v1/auth/me", headers={"X-API-Key": "pk_" + "0" * 64, "Origin": PAGE})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (401, PAGE)


def test_the_log_tells_each_request_and_no_secret(world: World) -> None:
    """One JSON line each: who, what, how it ended; no key, token, password, query or header."""
    stream = io.StringIO()
    assert world.server is not None
    world.server.use(world.core, log=AccessLog(world.clock, stream))
    pair = world.sign_up()
    ask(
        world,
        "/v1/auth/me?token=secret-query",
        headers=key(world, Authorization=f"Bearer {pair.access_token}"),
    )
    ask(world, "/v1/auth/signup/email/confirm?token=secret-query")
    text = stream.getvalue()
    lines = [json.loads(line) for line in text.splitlines()]
    assert [(line["method"], line["status"], line["operation"]) for line in lines] == [
        ("POST", 201, "accounts.sign_up"),
        ("GET", 200, "accounts.get_me"),
        ("GET", 400, "accounts.confirm_sign_up"),
    ]
    assert lines[1]["actor"].startswith("user:")
    for secret in (world.pk, pair.access_token, pair.refresh_token, PASSWORD, "secret-query"):
        assert secret not in text


def test_labels_of_the_figures_do_not_grow_with_what_is_asked(world: World) -> None:
    """Ids and unknown paths make no label of their own; codes do."""
    for path in ("/v1/users/one", "/v1/users/two", "/nowhere/1", "/v1/nowhere/2"):
        ask(world, path, headers={"X-API-Key": world.sk})
    text = ask(world, "/metrics").text
    routes = set(re.findall(r'route="([^"]*)"', text))
    assert "/v1/users/{userId}" in routes
    assert not [route for route in routes if "one" in route or "nowhere" in route]
    assert 'code="user/not-found"' in text


def test_the_outbox_is_among_the_figures(world: World) -> None:
    """How many mails wait, by status; without them where the database is away."""
    assert 'bkendctl_mails{status="pending"} 0.0' in ask(world, "/metrics").text
    world.sign_up()
    text = ask(world, "/metrics").text
    assert 'bkendctl_mails{status="pending"} 1.0' in text
    assert text.count("# TYPE bkendctl_mails ") == 1


def test_another_library_checks_a_token_with_the_key_set(world: World) -> None:
    """RFC 7517: the public keys are all that a service needs."""
    keys = KeySet.import_key_set(ask(world, "/.well-known/jwks.json").json())
    token = jwt.decode(world.sign_up().access_token, keys, algorithms=["ES256"])
    assert token.claims["aud"] == world.installed.project_id
    (published,) = ask(world, "/.well-known/jwks.json").json()["keys"]
    assert published.keys() == {"kty", "crv", "x", "y", "kid", "alg", "use"}


def test_readiness_follows_the_database(world: World) -> None:
    """503 while it is away, 200 once it is back, without a restart; the process is healthy meanwhile."""
    file = world.core.database.file
    assert file is not None
    world.core.database.release()
    away = file.rename(file.with_suffix(".away"))
    try:
        answer = ask(world, "/readyz")
        assert (answer.status_code, answer.json()["checks"]["database"]) == (503, "failed")
        assert ask(world, "/healthz").status_code == 200
        assert ask(world, "/v1/auth/me", headers=key(world)).json()["error"]["code"] == "common/unavailable"
    finally:
        file.unlink(missing_ok=True)
        away.rename(file)
        world.core.database.release()
    assert ask(world, "/readyz").json() == {
        "status": "ready",
        "checks": {"database": "ok", "migrations": "ok"},
    }


@pytest.fixture(scope="module")
def distrustful() -> HttpServer:
    """A server with no proxy in front."""
    return HttpServer(proxies="192.0.2.99")


def test_forwarded_addresses_are_believed_of_configured_proxies_only(
    world: World, distrustful: HttpServer
) -> None:
    """Varying X-Forwarded-For, Forwarded or X-Real-IP makes nobody a new source (T014)."""
    world.configure("sessions", rateLimits={"loginSource": {"limit": 3, "windowSeconds": 60}})
    distrustful.use(world.core)
    codes = []
    for number in range(5):
        told = dict.fromkeys(("X-Forwarded-For", "X-Real-IP"), f"198.51.100.{number}")
        told["Forwarded"] = f"for=198.51.100.{number}"
        body = {"email": f"u{number}@example.com", "password": "x"}
        answer = httpx.post(f"{distrustful.url}/v1/auth/email/signin", headers=key(world, **told), json=body)
        codes.append(answer.status_code)
    distrustful.close()
    assert codes == [401, 401, 401, 429, 429]


def test_the_nearest_address_that_is_no_proxy_counts(world: World) -> None:
    """What a client puts before it is its own invention (T014)."""
    world.configure("sessions", rateLimits={"loginSource": {"limit": 2, "windowSeconds": 60}})
    codes = []
    for number in range(3):
        told = {"X-Forwarded-For": f"203.0.113.{number}, 198.51.100.7"}
        body = {"email": f"u{number}@example.com", "password": "x"}
        codes.append(
            ask(world, "/v1/auth/email/signin", "POST", headers=key(world, **told), json=body).status_code
        )
    assert codes == [401, 401, 429]
