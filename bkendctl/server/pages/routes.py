"""Where the pages are, and how a request gets to one: read, done in a thread, written as HTML."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bkendctl.contract import (
    accounts,
    hosted,
    invitations,
    magic_links,
    oauth,
    password_resets,
    verifications,
)
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Operation
from bkendctl.core import invitations as core_invitations
from bkendctl.core import mailbox
from bkendctl.core.pages import returning
from bkendctl.core.runtime import Core
from bkendctl.server import incoming, outgoing
from bkendctl.server.note import Note
from bkendctl.server.operations import source_of
from bkendctl.server.pages import links, magic, provider, rendering, signing_in
from bkendctl.server.pages.visit import Outcome, Visit
from bkendctl.server.pools import Pool, Pools

FORM_FIELDS = 32

Act = Callable[[Visit], Outcome]


class Page(NamedTuple):
    """show answers GET, act POST; act asks for operation, which decides in which threads it runs.

    calls_out: whether show asks somebody else over the network.
    """

    path: str
    show: Act | None
    act: Act | None
    operation: Operation[Any, Any]
    calls_out: bool = False


CONFIRM_SIGN_UP = accounts.CONFIRM_SIGN_UP
PAGES = (
    Page("/sign-up/confirm", None, links.confirm_sign_up, CONFIRM_SIGN_UP),
    Page(mailbox.VERIFY.page, links.show_verification, links.verify, verifications.CONFIRM),
    Page(mailbox.RESET.page, links.show_reset, links.reset, password_resets.CONFIRM),
    Page(core_invitations.PAGE, links.show_invitation, links.answer_invitation, invitations.ACCEPT),
    Page(magic_links.PAGE, magic.show, magic.sign_in, magic_links.COMPLETE),
    Page(hosted.PAGE, signing_in.show, signing_in.act, accounts.SIGN_IN),
    Page(f"{hosted.PAGE}/{{provider}}", provider.begin, None, oauth.PROVIDERS, calls_out=True),
    Page("/link/{provider}", provider.begin_link, None, oauth.PROVIDERS, calls_out=True),
)


class Pages:
    """The routes of the pages. body_seconds: how long a form may take to arrive."""

    def __init__(self, core: Core, pools: Pools, *, body_seconds: float = incoming.BODY_SECONDS) -> None:
        self.core = core
        self.pools = pools
        self._body_seconds = body_seconds

    def routes(self, operations: ASGIApp) -> list[Route]:
        """All of them. operations: what answers the link of a sign-up confirmation where no page does."""
        return [
            Route(rendering.STYLE, _style),
            Route(CONFIRM_SIGN_UP.path, _Confirmation(self, operations)),
            Route(oauth.COMPLETE_REDIRECT.path, _Return(self, operations)),
            *(Route(page.path, self._endpoint(page), methods=_methods(page)) for page in PAGES),
        ]

    def _endpoint(self, page: Page) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            request.scope["note"].route = page.path
            if request.method == "POST" and page.act is not None:
                return await self.answer(request, page.act, self.pools.of(page.operation, self.core))
            assert page.show is not None
            pool = self.pools.calling if page.calls_out else self.pools.reading
            return await self.answer(request, page.show, pool)

        return endpoint

    async def answer(self, request: Request, act: Act, pool: Pool, *, as_page: bool = True) -> Response:
        """Let a page act. as_page: whether a refusal is told to a person, not to a program."""
        scope = request.scope
        headers = incoming.headers_of(scope)
        visit = Visit(self.core, source_of(scope), headers)
        note: Note = scope["note"]
        try:
            visit.path = request.path_params
            visit.query = fields_of(scope["query_string"])
            visit.form = await self._form(request, headers)
            outcome = await pool.run(partial(act, visit))
        except Failure as failure:
            outcome = links.refused(visit, failure)
        if visit.call is not None:
            note.take(visit.call)
        told = outcome.failure
        note.code = told.code if told is not None else None
        if told is not None and not as_page:
            return _as_api(told, visit)
        return rendering.respond(visit, outcome, secure=scope["scheme"] == "https")

    async def _form(self, request: Request, headers: dict[str, str]) -> dict[str, str]:
        if request.method != "POST":
            return {}
        text = await incoming.form(headers, request.receive, self._body_seconds)
        return fields_of(text)


class _Confirmation:
    """The link of a sign-up confirmation: a page, a redirect, or the API's answer (decision 57)."""

    def __init__(self, pages: Pages, operations: ASGIApp) -> None:
        self._pages = pages
        self._operations = operations

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        is_browser = "text/html" in request.headers.get("accept", "")
        is_ours = request.method == "GET" and scope["raw_path"].decode("ascii") == CONFIRM_SIGN_UP.path
        pools = self._pages.pools
        if is_ours and "callbackUrl" in request.query_params:
            pool = pools.of(CONFIRM_SIGN_UP, self._pages.core)
            response = await self._pages.answer(request, links.redirect_sign_up, pool, as_page=is_browser)
        elif is_ours and is_browser:
            response = await self._pages.answer(request, links.show_sign_up, pools.reading)
        else:
            await self._operations(scope, receive, send)
            return
        await response(scope, receive, send)


class _Return:
    """A provider's redirect: of a browser that the hosted page sent there, else the API's (decision 132)."""

    def __init__(self, pages: Pages, operations: ASGIApp) -> None:
        self._pages = pages
        self._operations = operations

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        state = request.query_params.get("state", "")
        is_ours = request.method == "GET" and "x-api-key" not in request.headers
        if not (is_ours and returning(self._pages.core, state)):
            await self._operations(scope, receive, send)
            return
        response = await self._pages.answer(request, provider.back, self._pages.pools.calling)
        await response(scope, receive, send)


def fields_of(text: bytes) -> dict[str, str]:
    """Names and values of a query or form, of repeated names the last. common/invalid-parameters."""
    try:
        pairs = parse_qsl(
            text.decode("latin-1"), keep_blank_values=True, errors="replace", max_num_fields=FORM_FIELDS
        )
    except ValueError:
        raise Failure("common/invalid-parameters") from None
    return dict(pairs)


def _as_api(failure: Failure, visit: Visit) -> Response:
    answer = outgoing.refused(failure, visit.call)
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    return Response(answer.body, answer.status, headers)


def _methods(page: Page) -> list[str]:
    return [method for method, does in (("GET", page.show), ("POST", page.act)) if does is not None]


async def _style(_request: Request) -> Response:
    """The style sheet."""
    headers = {"cache-control": "no-cache", "x-content-type-options": "nosniff"}
    return Response(rendering.style(), headers=headers, media_type="text/css")
