"""A real Chromium, one for all tests of a worker, and a context of its own for each; none, and they skip."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright

from tests.browser.listening import Listener
from tests.conftest import World

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SECONDS = 20.0

Open = Callable[..., Page]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip("no Chromium is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def app() -> Iterator[Listener]:
    """What waits on this machine for the browser to come back."""
    yield (listener := Listener())
    listener.close()


@pytest.fixture
def open_page(world: World, chromium: Browser, app: Listener) -> Iterator[Open]:
    """Open a window on a path of the server; what is not offered to open_page is a browser's default.

    foreign: pages of others, by their URLs, with {} for the path's. also: another server that it may ask. In
    the end no window has asked anybody else, or complained, save of what was refused.
    """
    server = world.server
    assert server is not None
    world.core.public_url = server.url  # where mailed links lead
    complaints: list[str] = []

    def watch(context: BrowserContext) -> None:
        context.set_default_timeout(SECONDS * 1000)
        context.on("request", lambda request: asked.append(request.url))
        context.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))

    asked: list[str] = []
    elsewhere: set[str] = set()
    with ExitStack() as stack:

        def open_(path: str, *, foreign: dict[str, str] | None = None, also: str = "", **how: Any) -> Page:
            elsewhere.update({also} - {""})
            context = stack.enter_context(chromium.new_context(**({"java_script_enabled": False} | how)))
            watch(context)
            for url, html in (foreign or {}).items():
                elsewhere.add(url)
                show = partial(Route.fulfill, content_type="text/html", body=html.format(server.url + path))
                context.route(url, show)
            page = context.new_page()
            page.goto(server.url + path)
            return page

        yield open_
    ours = (f"{server.url}/", app.url, *elsewhere)
    assert [url for url in asked if not url.startswith(ours)] == []
    refusals = ("status of 4", "frame-ancestors", "chrome-error")
    assert [text for text in complaints if not any(each in text for each in refusals)] == []
