"""bkendctl api: any endpoint, with the profile's credentials."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
import typer

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun
from bkendctl.cli.tables import KEEP, Column, View
from bkendctl.client.voice import Voice
from bkendctl.contract.catalogue import find, operations
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Access, Operation, Raw

noun = Noun("Any endpoint, with the profile's credentials.")

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
LIST = View(
    columns=(
        Column("Method", "method", KEEP),
        Column("Path", "path", KEEP),
        Column("Access", "access", 8),
        Column("Operation", "operationId", 5),
        Column("Summary", "summary", 2),
    ),
    quiet="path",
    noun="operations",
)


@noun.verb("api")
def api(
    ctx: Context,
    method: Annotated[str, typer.Argument(help="Method; or ls.", metavar="|".join((*METHODS, "ls")))],
    path: Annotated[str, typer.Argument(help="Path, with its query.")] = "",
    raw_field: Annotated[list[str] | None, typer.Option("-f", "--raw-field", help="name=text.")] = None,
    field: Annotated[
        list[str] | None, typer.Option("-F", "--field", help="name=JSON value, or name=@file (- for stdin).")
    ] = None,
    input_: Annotated[
        Path | None, typer.Option("--input", help="File with the JSON body; - for stdin.")
    ] = None,
    paginate: Annotated[bool, typer.Option("--paginate", help="Fetch all pages and join them.")] = False,
    curl: Annotated[
        bool, typer.Option("--curl", help="Print the curl line instead, secrets masked.")
    ] = False,
) -> None:
    """Call any endpoint of the API; ls lists them.

    Fields go into the query of GET and DELETE, into the JSON body of the others. It speaks as the signed-in
    user, without one as the key.

    Example: bkendctl api GET /v1/users?limit=5 --as key --jq '.items[].email'
    """
    if method == "ls":
        ctx.output.show([_row(operation) for operation in operations()], LIST)
        return
    method = method.upper()
    if method not in METHODS or not path.startswith("/"):
        ctx.refuse("api takes a method and a path: bkendctl api GET /v1/auth/me")
    split = urlsplit(path)
    operation, in_path = find(method, split.path)
    query = dict(parse_qsl(split.query, keep_blank_values=True))
    raw = Raw(path=in_path, query=query)
    _add_fields(ctx, raw, method, _given(ctx, raw_field, field), input_)
    if curl:
        sys.stdout.write(_curl_line(ctx, operation, split.path, raw) + "\n")
        return
    if method == "DELETE":
        ctx.confirm_in_prod(f"DELETE {split.path}?")
    if operation.streams:
        _show_lines(ctx, operation, raw)
        return
    answer = _pages(ctx, operation, raw) if paginate else _send(ctx, operation, raw)
    ctx.output.show(answer)


def _row(operation: Operation[Any, Any]) -> dict[str, Any]:
    return {
        "method": operation.method,
        "path": operation.path,
        "access": str(operation.access),
        "operationId": operation.operation_id,
        "scope": operation.scope,
        "summary": operation.summary,
    }


def _given(ctx: Context, raw_fields: list[str] | None, fields: list[str] | None) -> dict[str, Any]:
    """Values of -f as text, of -F as JSON where they are, else as text or the file's content."""
    found: dict[str, Any] = {}
    for text in raw_fields or []:
        name, joined, value = text.partition("=")
        if not joined:
            ctx.refuse(f"-f takes name=text, not {text}.")
        found[name] = value
    for text in fields or []:
        name, joined, value = text.partition("=")
        if not joined:
            ctx.refuse(f"-F takes name=value, not {text}.")
        found[name] = _read(value[1:]) if value.startswith("@") else _typed(value)
    return found


def _typed(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


def _read(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Failure("cli/file", f"{name} cannot be read: {error}.") from None


def _add_fields(ctx: Context, raw: Raw, method: str, given: dict[str, Any], file: Path | None) -> None:
    if file is not None:
        if given:
            ctx.refuse("Only one of --input and fields.")
        try:
            raw.body = json.loads(_read(str(file)))
        except (ValueError, RecursionError):
            raise Failure("common/invalid-parameters", f"{file} is no JSON.") from None
    elif method in ("GET", "DELETE"):
        raw.query |= {
            name: value if isinstance(value, str) else json.dumps(value) for name, value in given.items()
        }
    elif given:
        raw.body = given


def _voice(ctx: Context, operation: Operation[Any, Any]) -> Voice:
    if operation.access in (Access.PUBLIC, Access.GUEST):
        return Voice.GUEST
    if ctx.option("as"):
        return ctx.chosen_voice(Voice.ADMIN)
    return Voice.USER if ctx.speaker.credentials.access_token else Voice.KEY


def _send(ctx: Context, operation: Operation[Any, Any], raw: Raw) -> Any:
    return msgspec.to_builtins(ctx.call(operation, raw, voice=_voice(ctx, operation)))


def _show_lines(ctx: Context, operation: Operation[Any, Any], raw: Raw) -> None:
    """Write a stream as it comes, one document a line."""
    from bkendctl.cli.formats import json_text

    for item in ctx.call(operation, raw, voice=_voice(ctx, operation)):
        body = msgspec.to_builtins(item)
        if ctx.output.jq or ctx.output.quiet:
            ctx.output.show(body)
        else:
            sys.stdout.write(json_text(body, indent=None, ascii_only=True) + "\n")


def _pages(ctx: Context, operation: Operation[Any, Any], raw: Raw) -> Any:
    """Join the items of all pages, by nextCursor where there is one, else by number."""
    answer = _send(ctx, operation, raw)
    if not isinstance(answer, dict) or "items" not in answer:
        return answer
    last = answer
    while True:
        if last.get("nextCursor"):
            raw.query.pop("page", None)
            raw.query["cursor"] = last["nextCursor"]
        elif "nextCursor" not in last and last["pagination"]["page"] < last["pagination"]["totalPages"]:
            raw.query["page"] = str(last["pagination"]["page"] + 1)
        else:
            return answer
        last = _send(ctx, operation, raw)
        answer["items"] += last["items"]


def _curl_line(ctx: Context, operation: Operation[Any, Any], path: str, raw: Raw) -> str:
    """The same request for curl. Keys and tokens are named, not shown."""
    import shlex

    base = ctx.profile.url or "http://127.0.0.1:8787"
    query = f"?{urlencode(raw.query)}" if raw.query else ""
    voice = _voice(ctx, operation)
    parts = ["curl", "-X", operation.method, f"{base}{path}{query}", "-H"]
    parts.append("X-API-Key: sk_****" if voice is Voice.KEY else "X-API-Key: pk_****")
    if voice is Voice.USER:
        parts += ["-H", "Authorization: Bearer ****"]
    if raw.body is not msgspec.UNSET:
        parts += ["-H", "Content-Type: application/json", "-d", json.dumps(_masked(raw.body))]
    return shlex.join(parts)


def _masked(body: Any) -> Any:
    """Hide what a shell's history must not keep."""
    if not isinstance(body, dict):
        return body
    secret = ("password", "token", "secret", "code", "key")
    return {
        name: "****" if any(word in name.lower() for word in secret) else value
        for name, value in body.items()
    }
