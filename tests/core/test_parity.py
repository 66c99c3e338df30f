"""A request arrives as it was meant, whether it is handed over in the process or travels over HTTP."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bkendctl.contract.catalogue import find
from bkendctl.contract.operation import Operation, Raw, place, url_path
from bkendctl.core.decoding import decode
from tests.catalogue import OPERATIONS, name_of
from tests.core.requests import requests


def sent(operation: Operation[Any, Any], raw: Raw) -> Raw:
    """The same after a journey as request line, query, headers and JSON."""
    _, values = find(operation.method, url_path(operation, raw))
    query = dict(parse_qsl(urlencode(raw.query), keep_blank_values=True))
    body = raw.body if raw.body is msgspec.UNSET else msgspec.json.decode(msgspec.json.encode(raw.body))
    return Raw(path=values, query=query, headers=raw.headers, body=body, file=raw.file)


UUID = "0190b5a0-0000-7000-8000-000000000001"
POLICY = {"minLength": 12, "maxLength": 64, "expirationDays": None, "rejectLeaked": False}
LOCKOUT = {"maxFailures": 3, "windowMinutes": 5, "lockMinutes": 60}
EMAIL = {
    "passwordPolicy": POLICY,
    "lockout": LOCKOUT,
    "allowedCallbackUrls": ["https://app.example.com/a?b=ä"],
}
RATE = {"limit": 7, "windowSeconds": 60}
SESSIONS = {
    "accessTokenSeconds": 600,
    "sessionAbsoluteDays": None,
    "rateLimits": {"login": RATE, "code": RATE | {"limitPerSource": 9}},
}
OAUTH = {
    "clientId": "client ä",
    "clientSecret": "\u2028 secret",
    "redirectUri": "https://auth.example.com/v1/auth/google/callback",
    "scopes": ["openid", "email"],
    "enabled": True,
    "issuer": None,
    "tokenUrl": "https://provider.example.com/token",
}
FIREBASE = {
    "algorithm": "firebase-scrypt",
    "salt": "c2FsdA==",
    "signerKey": "c2lnbmVy",
    "saltSeparator": "Bw==",
    "rounds": 8,
    "memoryCost": 14,
}
ROW = {
    "email": "a@example.com",
    "emailVerified": "2026-01-02T03:04:05Z",
    "passwordHash": "aGFzaA==",
    "hashParameters": FIREBASE,
    "accounts": [{"provider": "github", "providerAccountId": "583231"}],
    "banned": True,
    "createdAt": "2020-02-29T00:00:00Z",
}
SEED = {
    "users": [{"id": UUID, "email": "a@example.com", "role": "admin", "totpSecret": "GEZDGNBVGY3TQOJQ"}],
    "organizations": [{"id": UUID, "name": "Örg", "members": [{"userId": UUID, "role": "owner"}]}],
    "apiKeys": [{"id": UUID, "name": "ci", "key": "sk_" + "0f" * 32, "scopes": ["users:read"]}],
}
CONFIG = {
    "version": 1,
    "project": {"description": None, "corsOrigins": ["https://app.example.com"]},
    "email": EMAIL,
    "sessions": SESSIONS,
    "oauth": {"google": OAUTH, "github": None},
    "templates": {"magic_link": {"subject": "Hi", "body": "<p>{{link}}</p>"}, "invitation": None},
    "seed": SEED,
}
RULED: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "config.apply": ({}, {"config": CONFIG, "allowWeaken": True}),
    "config.plan": ({}, {"config": CONFIG}),
    "email_config.set": ({}, EMAIL),
    "oauth_configs.set": ({"provider": "google"}, OAUTH),
    "session_settings.set": ({}, SESSIONS),
    "users.import": ({}, {"users": [ROW, {"email": "b@example.com"}], "onConflict": "update"}),
}
"""Path and body of requests with rules across their fields, or objects in which no type tells what fits."""


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.name not in RULED], ids=name_of)
@settings(max_examples=12, deadline=None, derandomize=True)
@given(data=st.data())
def test_what_is_placed_is_decoded_to_the_same_request(
    operation: Operation[Any, Any], data: st.DataObject
) -> None:
    """place and decode undo each other for every request of every operation, also on the way over HTTP."""
    request = data.draw(requests(operation))
    raw = place(operation, request)
    assert decode(operation, raw) == request
    assert decode(operation, sent(operation, raw)) == request


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.name in RULED], ids=name_of)
def test_what_is_nested_arrives_as_it_was(operation: Operation[Any, Any]) -> None:
    """The same for requests written by hand, with nulls, absent fields and lists at every depth."""
    path, body = RULED[operation.name]
    request = decode(operation, Raw(path=path, body=body))
    raw = place(operation, request)
    assert raw.path == path
    assert is_within(body, raw.body)
    assert decode(operation, raw) == request
    assert decode(operation, sent(operation, raw)) == request


def is_within(part: Any, whole: Any) -> bool:
    """Whether all fields of part stand in whole, which may have defaults beside them."""
    if isinstance(part, dict):
        return all(name in whole and is_within(value, whole[name]) for name, value in part.items())
    if isinstance(part, list):
        return len(part) == len(whole) and all(map(is_within, part, whole))
    return bool(part == whole)
