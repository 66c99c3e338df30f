"""Operation: one thing that can be asked of bkend, declared once for the terminal, the core and HTTP.

Also the field-placement rule: which part of a request travels in the path, the query, a header or the body.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from enum import StrEnum
from functools import cache
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from bkendctl.contract.errors import Failure

RequestT = TypeVar("RequestT", bound=Struct)
ResponseT = TypeVar("ResponseT")


class Access(StrEnum):
    """Who may call an operation (x-access-values of the contract)."""

    PUBLIC = "public"
    GUEST = "guest"
    OPTIONAL_USER = "optional_user"
    USER = "user"
    SELF_OR_ADMIN = "self_or_admin"
    ADMIN = "admin"
    MEMBER_OR_ADMIN = "member_or_admin"
    MANAGER_OR_ADMIN = "manager_or_admin"


class RateClass(StrEnum):
    """Which counter an operation feeds (x-rate-limit-classes of the contract)."""

    NONE = "none"
    DEFAULT = "default"
    LOGIN = "login"
    CODE = "code"


class Body(Struct, rename="camel"):
    """Ancestor of every request and response: camelCase on the wire."""

    @classmethod
    def by_choice(cls, given: dict[str, Any]) -> dict[str, bool]:
        """For fields that hang on what others say: by wire name, whether it is needed; else it is ignored.

        given: the fields without fault, by attribute.
        """
        del given
        return {}


class Change(Body):
    """Ancestor of an object within a change: it names something (minProperties 1)."""

    def __post_init__(self) -> None:
        if all(getattr(self, name) is UNSET for name in self.__struct_fields__):
            raise ValueError(NOTHING_NAMED)


NOTHING_NAMED = "name at least one field to change"


class Empty(Body, kw_only=True):
    """A request or answer without fields."""


class Message(Body, kw_only=True):
    """An answer that is only text for people."""

    message: str


class File(Struct, frozen=True):
    """A file as it travels, in place of JSON. seconds: how long whoever fetched it may keep it."""

    content: bytes
    content_type: str
    seconds: int = 0


class Operation(Struct, Generic[RequestT, ResponseT], frozen=True, kw_only=True, eq=False):
    """Declaration of one operation.

    name: noun.verb, as in `bkendctl noun verb`. errors: the codes of its own, beyond those that key, token,
    access, rate class and validation bring along. scope: table:operation a scoped key must hold.
    dev_only: offered in environments of type dev alone, 404 elsewhere before any role check.
    any_signed_in: the handler decides about signed-in users other than the one in the path.
    takes_key: open to the public, and a key that comes along has to be good and names the environment.
    writes: set for a GET that changes something all the same, as the link of a mail does.
    tries: it runs as if it changed something and takes all of it back, so it is not audited.
    redirects: when a browser is sent on with 302 instead of getting the answer; empty where it never is.
    streams: the answer is any number of responses, each as it comes; over HTTP a line of JSON each. A fault
    on the way is the last line, an error body.
    media: of which types a file may be that it takes (a field of type File) or gives (a response of File).
    file_bytes: as much as one may have that it takes, too_large: the code for one with more.
    """

    name: str
    operation_id: str
    method: str
    path: str
    summary: str
    access: Access
    request: type[RequestT]
    response: type[ResponseT]
    errors: tuple[str, ...] = ()
    status: int = 200
    rate: RateClass = RateClass.DEFAULT
    scope: str | None = None
    extension: bool = False
    dev_only: bool = False
    any_signed_in: bool = False
    takes_key: bool = False
    writes: bool = False
    tries: bool = False
    redirects: str = ""
    streams: bool = False
    media: tuple[str, ...] = ()
    file_bytes: int = 0
    too_large: str = "common/payload-too-large"

    @property
    def under_users(self) -> bool:
        """Whether a missing JWT answers user/unauthorized instead of auth/unauthorized."""
        return self.path.startswith("/v1/users")

    @property
    def forbidden(self) -> str:
        """The 403 of callers without the role."""
        return "user/forbidden" if self.under_users else "auth/forbidden"

    @property
    def changes(self) -> bool:
        """Whether the operation may write."""
        return self.writes or self.method != "GET"

    @property
    def all_errors(self) -> tuple[str, ...]:
        """Every code the operation may answer, sorted: its own and those its declaration brings."""
        codes = set(self.errors)
        if self.access is not Access.PUBLIC or self.takes_key:
            codes |= {
                "auth/invalid-token",
                "auth/invalid-token-format",
                "auth/token-expired",
                "auth/token-revoked",
            }
        if self.access is not Access.PUBLIC:
            codes.add("auth/unauthorized")
        if self.access not in (Access.PUBLIC, Access.GUEST):
            codes.add("auth/user-not-found")
            if self.under_users:
                codes.add("user/unauthorized")
        if self.access in (Access.SELF_OR_ADMIN, Access.ADMIN, Access.MANAGER_OR_ADMIN):
            codes.add(self.forbidden)
        if self.dev_only:
            codes.add("common/not-found")
        if self.scope is not None:
            codes.add("data/scope-insufficient")
        if self.request is not Empty:
            codes.add("common/invalid-parameters")
        if self.rate is not RateClass.NONE:
            codes.add("auth/too-many-requests")
        if self.rate is RateClass.LOGIN:
            codes.add("auth/too-many-login-attempts")
        if self.rate is RateClass.CODE:
            codes.add("auth/too-many-code-requests")
        return tuple(sorted(codes))


class Raw(Struct, kw_only=True):
    """A request as it travels, undecoded: texts from path, query and headers, builtins in the body.

    body is UNSET when none was sent; of an operation that takes a file, file is it. told: hears how many
    bytes of that were sent, and of how many. fault: why the body could not be read, told when the request is
    judged.
    """

    path: dict[str, str] = {}
    query: dict[str, str] = {}
    headers: dict[str, str] = {}
    body: Any = UNSET
    file: File | UnsetType = UNSET
    told: Callable[[int, int], None] | None = None
    fault: Failure | None = None


_PLACEHOLDER = re.compile(r"\{([^}]+)\}")


def header_of(field_type: Any) -> str | None:
    """The header a field is declared to travel in: Annotated[..., Meta(extra={"header": NAME})]."""
    return next(_extra_of(field_type, "header"), None)


def _extra_of(field_type: Any, name: str) -> Iterator[str]:
    for meta in getattr(field_type, "__metadata__", ()):
        if meta.extra and name in meta.extra:
            yield str(meta.extra[name])
    for member in getattr(field_type, "__args__", ()):
        if not isinstance(member, str):
            yield from _extra_of(member, name)


@cache
def placement(operation: Operation[Any, Any]) -> dict[str, str]:
    """Where each field of the request travels, by wire name: path, query, body, file or header:NAME.

    Fields named in the path template go there, declared headers there, all else into the query of GET and
    DELETE and into the body of the other methods; Meta(extra={"place": "query"}) says otherwise. A File is
    the content itself, which is no JSON then: place file.
    """
    in_path = set(_PLACEHOLDER.findall(operation.path))
    elsewhere = "query" if operation.method in ("GET", "DELETE") else "body"
    places = {}
    for field in msgspec.structs.fields(operation.request):
        header = header_of(field.type)
        if field.encode_name in in_path:
            places[field.encode_name] = "path"
        elif field.type is File:
            places[field.encode_name] = "file"
        elif given := next(_extra_of(field.type, "place"), None):
            places[field.encode_name] = given
        else:
            places[field.encode_name] = f"header:{header.lower()}" if header else elsewhere
    return places


def place(operation: Operation[Any, Any], request: Struct) -> Raw:
    """Take a request apart as it travels; what is null or UNSET in path, query or header is not sent."""
    raw = Raw()
    for name, value in msgspec.to_builtins(request, builtin_types=(bytes,)).items():
        where = placement(operation)[name]
        if where == "file":
            raw.file = File(**value)
        elif where == "body":
            raw.body = {name: value} if raw.body is UNSET else raw.body | {name: value}
        elif value is not None:
            text = ("true" if value else "false") if isinstance(value, bool) else str(value)
            if where == "path":
                raw.path[name] = text
            elif where == "query":
                raw.query[name] = text
            else:
                raw.headers[where.removeprefix("header:")] = text
    return raw


def url_path(operation: Operation[Any, Any], raw: Raw) -> str:
    """The path with its placeholders filled in, each percent-encoded."""
    from urllib.parse import quote

    return _PLACEHOLDER.sub(lambda hit: quote(raw.path[hit[1]], safe=""), operation.path)
