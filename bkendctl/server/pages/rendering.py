"""Makes HTML of what a page gives: templates, and the headers that keep others out of it."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import Response

from bkendctl.core.call import Cookie
from bkendctl.server import outgoing
from bkendctl.server.outgoing import BUSY_SECONDS
from bkendctl.server.pages.visit import Outcome, Sent, Shown, Visit

STYLE = "/pages/page.css"
COOKIE_SECONDS = 3600

_PRIVATE = {"cache-control": "no-store", "referrer-policy": "no-referrer"}
_PAGE = _PRIVATE | {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",  # for browsers that do not know frame-ancestors
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=()",
    "x-robots-tag": "noindex",
}


def policy(*targets: str) -> str:
    """Content-Security-Policy of a page: one style sheet, no script; targets: where its forms may end.

    A browser holds form-action against the redirect that answers a form, too.
    """
    ends = " ".join(("'self'", *targets))
    return (
        f"default-src 'none'; style-src 'self'; form-action {ends}; base-uri 'none'; frame-ancestors 'none'"
    )


def respond(visit: Visit, outcome: Outcome, *, secure: bool) -> Response:
    """Make the answer. secure: whether cookies may travel over TLS alone."""
    if isinstance(outcome, Sent):
        response = Response(status_code=outcome.status, headers=_PRIVATE | {"location": outcome.location})
    else:
        headers = _PAGE | {"content-security-policy": policy(*outcome.targets)}
        failure = outcome.failure
        if failure is not None and failure.status in (429, 503):
            headers["retry-after"] = str(failure.retry_after or BUSY_SECONDS)
        if failure is not None and failure.status == 401:
            headers["www-authenticate"] = "Bearer"  # RFC 9110, section 11.6.1
        html = _templates().get_template(f"{outcome.template}.html")
        text = html.render(
            t=visit.language,
            language=visit.language.tag,
            project=visit.project,
            style=STYLE,
            problem=_problem(visit, outcome),
            **outcome.values,
        )
        response = Response(text, outcome.status, headers, "text/html")
    kept = [Cookie(name, value, COOKIE_SECONDS, secure) for name, value in visit.kept.items()]
    for cookie in (*kept, *(visit.call.cookies if visit.call is not None else ())):
        response.headers.append("set-cookie", outgoing.cookie(cookie).decode())
    return response


def _problem(visit: Visit, shown: Shown) -> str:
    if shown.says:
        return visit.language(shown.says)
    return visit.language.error(shown.failure) if shown.failure is not None else ""


@cache
def style() -> bytes:
    """The style sheet of all pages."""
    return files("bkendctl.server").joinpath("assets/page.css").read_bytes()


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("bkendctl.server.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
