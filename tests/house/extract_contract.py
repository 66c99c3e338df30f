"""Writes contract.json, the part of the REST contract that tests hold the declared operations to.

    python tests/house/extract_contract.py path/to/openapi.yaml

Needs PyYAML. For each operationId: method, path, success status, access, scope, rate class, extension flag,
error codes, request fields with their place, response fields. Objects that answers share stand once.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

CONTRACT_FILE = Path(__file__).with_name("contract.json")
METHODS = ("get", "post", "put", "patch", "delete")
Fields = dict[str, str]


class Extract:
    """Reads one OpenAPI document; schemas collects the objects that fields refer to."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.schemas: dict[str, Fields] = {}

    def resolve(self, node: dict[str, Any]) -> dict[str, Any]:
        """Follow $ref to what it stands for."""
        while "$ref" in node:
            target: Any = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            node = target
        return node

    def fields(self, schema: dict[str, Any]) -> Fields:
        """The fields of an object, of every alternative; the value names the object below, if any."""
        schema = self.resolve(schema)
        found = {name: self.below(inner) for name, inner in schema.get("properties", {}).items()}
        for part in (*schema.get("allOf", ()), *schema.get("oneOf", ()), *schema.get("anyOf", ())):
            found |= self.fields(part)
        return found

    def below(self, schema: dict[str, Any]) -> str:
        """The name of the object that a field or its items are; empty for plain values."""
        schema = schema.get("items", schema)
        name = schema.get("$ref", "").rpartition("/")[2]
        fields = self.fields(schema)
        if not fields:
            return ""
        name = name or "_".join(sorted(fields))
        self.schemas[name] = fields
        return name

    def request(self, operation: dict[str, Any], shared: list[Any]) -> dict[str, str]:
        """Every field of the request and where it travels; a mark behind it: * required."""
        found = {}
        for parameter in map(self.resolve, [*shared, *operation.get("parameters", [])]):
            found[parameter["name"]] = parameter["in"] + ("*" if parameter.get("required") else "")
        content = self.resolve(operation.get("requestBody", {})).get("content", {})
        for media in content.values():
            required = self.required(media["schema"])
            for name in self.fields(media["schema"]):
                found[name] = "body" + ("*" if name in required else "")
        return found

    def required(self, schema: dict[str, Any]) -> set[str]:
        """What an object cannot do without, whichever alternative it is."""
        schema = self.resolve(schema)
        found = set(schema.get("required", ()))
        for part in schema.get("allOf", ()):
            found |= self.required(part)
        if alternatives := schema.get("oneOf"):
            found |= set.intersection(*map(self.required, alternatives))
        return found

    def operation(
        self, method: str, path: str, operation: dict[str, Any], shared: list[Any]
    ) -> dict[str, Any]:
        """One row of contract.json."""
        status, success = next(
            (code, self.resolve(answer)) for code, answer in operation["responses"].items() if code < "400"
        )
        content = success.get("content", {})
        media = content.get("application/json") or content.get("application/x-ndjson", {})
        return {
            "method": method.upper(),
            "path": path,
            "status": int(status),
            "access": operation["x-access"],
            "scope": operation.get("x-required-scope"),
            "rate": operation.get("x-rate-limit", "none"),
            "extension": operation.get("x-extension", False),
            "errors": sorted(error["code"] for error in operation.get("x-error-codes", ())),
            "request": self.request(operation, shared),
            "response": self.fields(media.get("schema", {})),
            "headers": sorted(success.get("headers", {})),
        }


def main(source: str) -> None:
    """Read the contract and write contract.json, one operation a line."""
    document = yaml.safe_load(Path(source).read_text())
    extract = Extract(document)
    operations = {
        operation["operationId"]: extract.operation(method, path, operation, item.get("parameters", []))
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }
    statuses = {entry["code"]: entry["status"] for entry in document["x-error-catalogue"]}
    statuses |= {entry["code"]: entry["status"] for entry in document["x-common-error-codes"]}
    parts = {"statuses": statuses, "schemas": extract.schemas, "operations": operations}
    blocks = []
    for name, rows in parts.items():
        lines = [f"  {json.dumps(key)}: {json.dumps(row)}" for key, row in sorted(rows.items())]
        blocks.append(f"{json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n}")
    CONTRACT_FILE.write_text("{\n" + ",\n".join(blocks) + "\n}\n")


if __name__ == "__main__":
    main(sys.argv[1])
