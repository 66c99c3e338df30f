"""bkendctl fake-provider: a Google and a GitHub for development, and consenting there without a browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import parse_qsl, urlsplit

import typer

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun
from bkendctl.cli.prompt import code_or_stdin
from bkendctl.cli.tables import Column, View
from bkendctl.contract.errors import Failure

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from bkendctl.server.serving import Listening

noun = Noun("A fake Google and GitHub for development.")

PORT = 8788
TIMEOUT_SECONDS = 40
"""Longer than what is slow on purpose."""
BACK = View(
    columns=(
        Column("Code", "code", optional=True),
        Column("State", "state", optional=True),
        Column("Error", "error", optional=True),
        Column("Redirect", "location"),
    ),
    quiet="code",
)


@noun.verb("serve")
def serve(
    ctx: Context,
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.", min=0, max=65535)] = PORT,
    person: Annotated[
        str | None,
        typer.Option("--person", help="Who consents to everything, without a page.", metavar="EMAIL"),
    ] = None,
    redirect_uri: Annotated[
        list[str] | None,
        typer.Option(help="A registered one; with none any of this machine.", metavar="URL"),
    ] = None,
) -> None:
    """Serve both on this machine, until Ctrl-C.

    With BKENDCTL_FAKE_PROVIDERS set to its address, dev environments of `serve` and of an embedded core
    sign in there. Its consent page lets a person be anybody, or fail as a provider may fail.

    Example: bkendctl fake-provider serve --person alice@example.com
    """
    from bkendctl.server.serving import Listening, run

    place: dict[str, str] = {}

    def started(bound: Listening) -> None:
        place["url"] = bound.url
        ctx.say.done(f"fake providers at {bound.url}; Ctrl-C ends them")
        ctx.say.note(f"export BKENDCTL_FAKE_PROVIDERS={bound.url}")

    run(Listening("127.0.0.1", port, 1), partial(_app, place, person, redirect_uri or []), started)


def _app(place: dict[str, str], person: str | None, redirect_uris: list[str]) -> ASGIApp:
    from bkendctl.fake_provider.app import FakeProviders

    return FakeProviders(place["url"], redirect_uris=tuple(redirect_uris), as_email=person).app()


@noun.verb("consent")
def consent(
    ctx: Context,
    url: Annotated[str, typer.Argument(help="Authorization URL; - reads it from stdin.", metavar="URL")],
    person: Annotated[
        str, typer.Option("--person", help="Who consents.", metavar="EMAIL")
    ] = "alice@example.com",
    outcome: Annotated[
        str, typer.Option(help="What it leads to, as on the page: denied, unverified …", metavar="OUTCOME")
    ] = "granted",
) -> None:
    """Consent there without a browser.

    Gives what the redirect brings, with -q the code alone. The redirect is not followed.

    Example: bkendctl fake-provider consent URL --person bob@example.com -q
    """
    import httpx

    try:
        answer = httpx.post(
            code_or_stdin(url, option="URL"),
            data={"email": person, "outcome": outcome},
            timeout=TIMEOUT_SECONDS,
            trust_env=False,
        )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Failure("cli/network", f"The provider cannot be reached: {error}") from None
    location = answer.headers.get("location")
    if answer.status_code != 303 or location is None:
        message = f"The provider answers {answer.status_code} instead of a redirect."
        raise Failure("cli/unexpected-answer", message, hint="bkendctl fake-provider serve")
    back: dict[str, Any] = dict(parse_qsl(urlsplit(location).query)) | {"location": location}
    ctx.show({name: back.get(name) for name in ("code", "state", "error", "location")}, BACK)


@contextmanager
def running() -> Iterator[str]:
    """Serve both in a thread on a free port; gives their base."""
    import socket
    import threading

    import uvicorn

    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen()
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        config = uvicorn.Config(
            _app({"url": url}, None, []), interface="asgi3", lifespan="off", log_config=None, access_log=False
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([bound],), daemon=True)
        thread.start()
        try:
            yield url
        finally:
            server.should_exit = True
            thread.join()
