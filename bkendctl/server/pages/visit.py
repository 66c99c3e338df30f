"""Visit: one request of a browser on its way through a page, and what the page gives back."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode, urlsplit

from msgspec import Struct

from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Operation, Raw
from bkendctl.core import pages
from bkendctl.core.call import Call, Source
from bkendctl.core.dispatch import answer
from bkendctl.core.randomness import new_token
from bkendctl.core.runtime import Core
from bkendctl.server.pages.languages import Language, accepted, of_locale

COOKIE = "bkendctl-page"
_COOKIE_VALUE = re.compile(r"[A-Za-z0-9_-]{43}")


class Shown(Struct, kw_only=True):
    """A page to show. says: key of what is told in place of the failure's own text.

    targets: origins beyond this server that its forms may end at.
    """

    template: str
    values: dict[str, Any] = {}
    status: int = 200
    failure: Failure | None = None
    says: str = ""
    targets: tuple[str, ...] = ()


class Sent(Struct):
    """A browser sent elsewhere; 303 turns a POST into a GET."""

    location: str
    status: int = 303
    failure: Failure | None = None


Outcome = Shown | Sent


class Visit:
    """path, query and form: as they were sent. browser: what its cookie calls it.

    kept: cookies that it is given.
    """

    def __init__(self, core: Core, source: Source, headers: dict[str, str]) -> None:
        self.core = core
        self.path: dict[str, str] = {}
        self.query: dict[str, str] = {}
        self.form: dict[str, str] = {}
        self.language: Language = accepted(headers.get("accept-language", ""))
        self.call: Call | None = None
        self.cookies = source.cookies
        self.kept: dict[str, str] = {}
        self._source = source
        found = source.cookies.get(COOKIE, "")
        self.has_cookie = bool(_COOKIE_VALUE.fullmatch(found))
        self.browser = found if self.has_cookie else new_token(core.randomness)

    @property
    def fields(self) -> dict[str, str]:
        """Of the form that was posted, else of the query."""
        return self.form or self.query

    def field(self, name: str) -> str:
        """A field as it was typed, empty where it is missing."""
        return self.fields.get(name, "")

    def begin(self, operation: Operation[Any, Any]) -> Call:
        """Begin the call that the page makes."""
        self.call = Call(self.core, operation, self._source)
        return self.call

    def keep_browser(self) -> None:
        """Let the browser be known again."""
        self.kept[COOKIE] = self.browser

    def speak(self, locale: str | None) -> None:
        """Speak the language of a user, where it is one of ours."""
        self.language = of_locale(locale) or self.language

    def ask(self, call: Call, path: dict[str, str] | None = None, /, **body: Any) -> Any:
        """Do the operation of a call with these fields of its body; Failure when it is refused."""
        return answer(call, Raw(path=path or {}, body=body))

    def look_up(self, call: Call, path: dict[str, str] | None = None, /, **query: str) -> Any:
        """As ask, for an operation that takes a query."""
        return answer(call, Raw(path=path or {}, query=query))

    @property
    def project(self) -> str:
        """The service the page speaks for, empty while that is not known."""
        return "" if self.call is None else pages.project_of(self.call)


def with_query(url: str, **query: str) -> str:
    """A URL with more in its query; what it has stays where it is."""
    parts = urlsplit(url)
    return parts._replace(query="&".join(filter(None, (parts.query, urlencode(query))))).geturl()
