"""The routes that are no operations: health, metrics, keys and the document. Declared once, as data."""

from __future__ import annotations

from typing import Any, NamedTuple


class Infrastructure(NamedTuple):
    """answers: the JSON Schema of each status; media: the type of the body."""

    operation_id: str
    path: str
    summary: str
    answers: dict[int, dict[str, Any]]
    media: str = "application/json"


def _answer(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


_TEXT: dict[str, Any] = {"type": "string"}
_READINESS = _answer(
    status={"enum": ["ready", "not_ready"]},
    checks={"type": "object", "additionalProperties": {"enum": ["ok", "failed"]}},
)
ROUTES = (
    Infrastructure("get_health", "/healthz", "The process runs", {200: _answer(status=_TEXT, version=_TEXT)}),
    Infrastructure("get_readiness", "/readyz", "The process can serve", {200: _READINESS, 503: _READINESS}),
    Infrastructure("get_metrics", "/metrics", "Prometheus text", {200: _TEXT}, "text/plain"),
    Infrastructure(
        "get_jwks",
        "/.well-known/jwks.json",
        "Public keys for access tokens",
        {200: _answer(keys={"type": "array", "items": {"type": "object"}})},
    ),
    Infrastructure("get_openapi", "/openapi.json", "This contract", {200: {"type": "object"}}),
)
