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
    return Raw(path=values, query=query, headers=raw.headers, body=body)


RULED = {
    "avatars.upload", "config.apply", "config.plan", "email_config.set", "oauth_configs.set",
    "session_settings.set", "templates.preview", "user_import.batch", "users.import",
}  # fmt: skip
"""Rules across fields, or objects within objects: no type tells which values fit."""


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.name not in RULED], ids=name_of)
@settings(max_examples=30, deadline=None, derandomize=True)
@given(data=st.data())
def test_what_is_placed_is_decoded_to_the_same_request(
    operation: Operation[Any, Any], data: st.DataObject
) -> None:
    """place and decode undo each other for every request of every operation, also on the way over HTTP."""
    request = data.draw(requests(operation))
    raw = place(operation, request)
    assert decode(operation, raw) == request
    assert decode(operation, sent(operation, raw)) == request
