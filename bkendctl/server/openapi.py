"""The OpenAPI 3.1 document, made from contract/ and infrastructure.py. Nothing is declared here twice."""

from __future__ import annotations

from types import UnionType
from typing import Any, get_args

import msgspec
from msgspec import Struct

from bkendctl import __version__
from bkendctl.contract.catalogue import operations
from bkendctl.contract.errors import ERRORS
from bkendctl.contract.operation import Access, Empty, File, Operation, placement
from bkendctl.server.infrastructure import ROUTES, Infrastructure

Schema = dict[str, Any]
_REF = "#/components/schemas/{name}"
_ERROR: Schema = {
    "type": "object",
    "required": ["success", "error"],
    "properties": {
        "success": {"const": False},
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "details": {
                    "type": "object",
                    "additionalProperties": {"type": "array", "items": {"type": "string"}},
                },
            },
        },
    },
}
_HEADERS: dict[str, tuple[str, Schema]] = {
    "X-RateLimit-Limit": ("Requests allowed in the window.", {"type": "integer", "minimum": 0}),
    "X-RateLimit-Remaining": ("Requests left in the window.", {"type": "integer", "minimum": 0}),
    "X-Dev-Clock-Offset": ("Seconds a dev environment's clock is moved by.", {"type": "integer"}),
    "X-Request-Id": ("Names this request in the server's log.", {"type": "string"}),
    "Retry-After": ("Seconds to wait.", {"type": "integer", "minimum": 1}),
}
_KEY: Schema = {"apiKey": []}
_USER: Schema = {"apiKey": [], "bearerAuth": []}


def document(server_url: str | None = None) -> Schema:
    """Make the document; server_url becomes its only server."""
    declared = operations()
    shapes = {shape for operation in declared for shape in (operation.request, *_shapes(operation.response))}
    ordered = sorted(shapes, key=lambda shape: (shape.__module__, str(shape)))
    refs, components = msgspec.json.schema_components(ordered, ref_template=_REF)
    schema_of = dict(zip(ordered, refs, strict=True))
    paths: dict[str, Schema] = {}
    for operation in declared:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _entry(
            operation, schema_of, components
        )
    for route in ROUTES:
        paths.setdefault(route.path, {})["get"] = _infrastructure(route)
    made: Schema = {
        "openapi": "3.1.0",
        "info": {"title": "bkendctl authentication API", "version": __version__},
        "paths": paths,
        "components": {
            "securitySchemes": {
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "bearerAuth": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            },
            "headers": {
                name: {"description": text, "schema": schema} for name, (text, schema) in _HEADERS.items()
            },
            "schemas": {**components, "Error": _ERROR},
        },
    }
    if server_url is not None:
        made["servers"] = [{"url": server_url}]
    return made


def _shapes(response: Any) -> tuple[type[Struct], ...]:
    """The Structs of a response: msgspec cannot describe a union of untagged ones, so each goes alone."""
    return get_args(response) if isinstance(response, UnionType) else (response,)


def _entry(operation: Operation[Any, Any], schema_of: dict[Any, Schema], components: Schema) -> Schema:
    codes = sorted((ERRORS[code].status, code) for code in operation.all_errors)
    entry: Schema = {
        "operationId": operation.operation_id,
        "tags": [operation.name.partition(".")[0]],
        "summary": operation.summary,
        "x-access": operation.access.value,
        "x-rate-limit": operation.rate.value,
        "security": _security(operation.access),
        **_request(operation, schema_of, components),
        "responses": _success(operation, schema_of) | _refusals(codes),
        "x-error-codes": [{"status": status, "code": code} for status, code in codes],
    }
    if operation.scope is not None:
        entry["x-required-scope"] = operation.scope
    if operation.extension:
        entry["x-extension"] = True
    return entry


def _security(access: Access) -> list[Schema]:
    """The kinds of credentials that may be enough; which key it takes stands in x-access."""
    if access is Access.PUBLIC:
        return []
    if access is Access.USER:
        return [_USER]
    return [_KEY] if access is Access.GUEST else [_KEY, _USER]


def _request(operation: Operation[Any, Any], schema_of: dict[Any, Schema], components: Schema) -> Schema:
    shape = components[schema_of[operation.request]["$ref"].rpartition("/")[2]]
    required, body = set(shape.get("required", ())), {}
    parameters = []
    for name, place in placement(operation).items():
        where, _, header = place.partition(":")
        if where == "file":
            continue
        if where == "body":
            body[name] = shape["properties"][name]
        else:
            parameters.append(
                {
                    "name": header or name,
                    "in": where,
                    "required": where == "path" or name in required,
                    "schema": shape["properties"][name],
                }
            )
    found: Schema = {"parameters": parameters} if parameters else {}
    if operation.file_bytes:
        found["requestBody"] = {"required": True, "content": _files(operation)}
    if body:
        needed = sorted(required & set(body))
        schema = {"type": "object", "properties": body, **({"required": needed} if needed else {})}
        content = {"application/json": {"schema": schema}}
        found["requestBody"] = {"required": bool(needed), "content": content}
    return found


def _success(operation: Operation[Any, Any], schema_of: dict[Any, Schema]) -> Schema:
    answer: Schema = {
        "description": "Done.",
        "headers": {
            name: {"$ref": f"#/components/headers/{name}"} for name in _HEADERS if name != "Retry-After"
        },
    }
    if operation.response is File:
        answer["content"] = _files(operation)
    elif operation.status != 204 and not (operation.status // 100 == 3 and operation.response is Empty):
        schemas = [schema_of[shape] for shape in _shapes(operation.response)]
        schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
        if operation.streams:
            answer["description"] = (
                "One document a line; a fault on the way ends the stream with an Error line."
            )
        media = "application/x-ndjson" if operation.streams else "application/json"
        answer["content"] = {media: {"schema": schema}}
    answers = {str(operation.status): answer}
    if operation.redirects:
        location = {"description": "Where to.", "schema": {"type": "string", "format": "uri"}}
        answers["302"] = {
            "description": f"For {operation.redirects}.",
            "headers": {"Location": {"required": True, **location}},
        }
    return answers


def _files(operation: Operation[Any, Any]) -> Schema:
    return {media: {"schema": {"type": "string", "format": "binary"}} for media in operation.media}


def _refusals(codes: list[tuple[int, str]]) -> Schema:
    """One answer for each status, naming its codes with what they mean."""
    content = {"application/json": {"schema": {"$ref": _REF.format(name="Error")}}}
    found: Schema = {}
    for status in sorted({status for status, _ in codes}):
        meanings = [f"{code}: {ERRORS[code].message}" for at, code in codes if at == status]
        found[str(status)] = {"description": "\n".join(meanings), "content": content}
        if status in (429, 503):
            found[str(status)]["headers"] = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
    return found


def _infrastructure(route: Infrastructure) -> Schema:
    return {
        "operationId": route.operation_id,
        "tags": ["infrastructure"],
        "summary": route.summary,
        "x-access": Access.PUBLIC.value,
        "x-extension": True,
        "security": [],
        "responses": {
            str(status): {
                "description": "Done." if status == 200 else "Not yet, or no longer.",
                "content": {route.media: {"schema": schema}},
            }
            for status, schema in route.answers.items()
        },
        "x-error-codes": [],
    }
