"""The reference at /docs: a page made from the OpenAPI document, nothing from elsewhere, no script."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from typing import Any

from bkendctl.contract.errors import ERRORS
from bkendctl.server.openapi import document

Schema = dict[str, Any]

POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Content-Security-Policy of the page: its own style sheet and nothing else."""

_INTRODUCTION = """
<p>Every request under <code>/v1</code> carries an API key in <code>X-API-Key</code>, except where the access
is <code>public</code>. A publishable key (<code>pk_</code>) alone makes a guest; with
<code>Authorization: Bearer</code> and an access token it speaks as that user. A secret key
(<code>sk_</code>) is an admin of its environment.</p>
<p>An error has the body
<code>{"success": false, "error": {"code": …, "message": …, "details": …}}</code>;
<code>details</code> names the fields at fault. 429 and 503 tell in <code>Retry-After</code> how many seconds
to wait; <code>X-RateLimit-Remaining</code> is what the limit leaves. The whole contract as data:
<a href="/openapi.json">openapi.json</a>.</p>
"""


def css() -> bytes:
    """The style sheet."""
    return files("bkendctl.server").joinpath("assets/reference.css").read_bytes()


def html() -> bytes:
    """The page."""
    described = document()
    tags: dict[str, list[str]] = {}
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            tags.setdefault(operation["tags"][0], []).append(_operation(described, method, path, operation))
    contents = "".join(f'<li><a href="#{escape(tag)}">{escape(_title(tag))}</a></li>' for tag in tags)
    sections = "".join(
        f'<section aria-labelledby="{escape(tag)}"><h2 id="{escape(tag)}">{escape(_title(tag))}</h2>'
        f"{''.join(entries)}</section>"
        for tag, entries in tags.items()
    )
    title = escape(described["info"]["title"])
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{title}</title><link rel="stylesheet" href="/docs/reference.css"></head><body>'
        f"<header><h1>{title}</h1><p>Version {escape(described['info']['version'])}</p></header>"
        f'<nav aria-label="Contents"><ul>{contents}</ul></nav><main>{_INTRODUCTION}{sections}</main>'
        "</body></html>"
    ).encode()


def _title(tag: str) -> str:
    words = tag.replace("_", " ")
    return {"mfa": "MFA", "keys": "API keys"}.get(tag, words[:1].upper() + words[1:])


def _operation(described: Schema, method: str, path: str, operation: Schema) -> str:
    facts = [("Access", operation["x-access"]), ("Rate limit", operation.get("x-rate-limit", "none"))]
    if "x-required-scope" in operation:
        facts.append(("Scope", operation["x-required-scope"]))
    if operation.get("x-extension"):
        facts.append(("Extension", "not in bkend's own API"))
    listed = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in facts)
    return (
        f'<details id="{escape(operation["operationId"])}"><summary><b class="{method}">{method.upper()}</b> '
        f"<code>{escape(path)}</code> <span>{escape(operation['summary'])}</span></summary>"
        f'<div><dl class="facts">{listed}</dl>'
        f"{_parameters(operation)}{_body(described, operation)}{_answers(described, operation)}"
        f"{_codes(operation)}<h3>With curl</h3>"
        f"<pre><code>{escape(_curl(method, path, operation))}</code></pre>"
        "</div></details>"
    )


def _parameters(operation: Schema) -> str:
    rows = [
        (each["name"], f"{each['in']}, {_type(each['schema'])}", each["required"])
        for each in operation.get("parameters", ())
    ]
    return _table("Parameters", rows)


def _body(described: Schema, operation: Schema) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    return "".join(_fields(described, "Body", media["schema"]) for media in content.values())


def _answers(described: Schema, operation: Schema) -> str:
    return "".join(
        _fields(described, f"Answer {status}", media["schema"])
        for status, answer in operation["responses"].items()
        if status < "400"
        for media in answer.get("content", {}).values()
    )


def _fields(described: Schema, title: str, schema: Schema) -> str:
    """A table of the fields of an object, or of each of several that it may be."""
    if "anyOf" in schema:
        return "".join(_fields(described, title, each) for each in schema["anyOf"])
    name = schema["$ref"].rpartition("/")[2] if "$ref" in schema else ""
    shape = described["components"]["schemas"][name] if name else schema
    required = shape.get("required", ())
    rows = [(field, _type(each), field in required) for field, each in shape.get("properties", {}).items()]
    return _table(f"{title}: {name}" if name else title, rows)


def _type(schema: Schema) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if "enum" in schema:
        return " | ".join("null" if value is None else str(value) for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    described = [str(schema.get("type", "any"))]
    described += [schema["description"]] if "description" in schema else _limits(schema)
    return ", ".join(described)


def _limits(schema: Schema) -> list[str]:
    names = {"minimum": "from", "maximum": "to", "minLength": "at least", "maxLength": "at most"}
    return [f"{word} {schema[name]}" for name, word in names.items() if name in schema]


def _table(title: str, rows: list[tuple[str, str, bool]]) -> str:
    if not rows:
        return ""
    cells = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(kind)}</td>"
        f"<td>{'required' if required else ''}</td></tr>"
        for name, kind, required in rows
    )
    head = "<tr><th>Name</th><th>What</th><th></th></tr>"
    return f"<h3>{escape(title)}</h3><table><thead>{head}</thead><tbody>{cells}</tbody></table>"


def _codes(operation: Schema) -> str:
    if not operation["x-error-codes"]:
        return ""
    cells = "".join(
        f"<tr><td>{each['status']}</td><td><code>{escape(each['code'])}</code></td>"
        f"<td>{escape(ERRORS[each['code']].message)}</td></tr>"
        for each in operation["x-error-codes"]
    )
    head = "<tr><th>Status</th><th>Code</th><th>Meaning</th></tr>"
    return f"<h3>Errors</h3><table><thead>{head}</thead><tbody>{cells}</tbody></table>"


def _curl(method: str, path: str, operation: Schema) -> str:
    """A line to type, with $URL, $KEY and $TOKEN; required fields show their names."""
    lines = [f'curl -X {method.upper()} "$URL{path}"']
    if operation["x-access"] != "public":
        lines.append('-H "X-API-Key: $KEY"')
    if operation["x-access"] in ("user", "self_or_admin"):
        lines.append('-H "Authorization: Bearer $TOKEN"')
    if content := operation.get("requestBody", {}).get("content"):
        kind, media = next(iter(content.items()))
        lines += [f'-H "Content-Type: {kind}"', _curl_body(media["schema"])]
    return " \\\n  ".join(lines)


def _curl_body(schema: Schema) -> str:
    """The option that sends a body: the fields it must have, else its first one, or a file's bytes."""
    if "properties" not in schema:
        return "--data-binary @FILE"
    wanted = schema.get("required") or list(schema["properties"])[:1]
    fields = ", ".join(f'"{name}": "…"' for name in wanted)
    return f"-d '{{{fields}}}'"
