"""The reference at /docs: all of the contract, and nothing from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import httpx
import pytest

from bkendctl.contract import catalogue
from bkendctl.server import reference
from tests.conftest import World

PAGE = reference.html().decode()


class Page(HTMLParser):
    """What a page holds: ids, links, and elements that were opened and not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take an element."""
        given = dict(attrs)
        self.ids += [given["id"] or ""] if "id" in given else []
        self.links += [given[name] or "" for name in ("href", "src") if name in given]
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close it."""
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page() -> Page:
    """The page, read."""
    read = Page()
    read.feed(PAGE)
    return read


@pytest.mark.parametrize("operation", catalogue.operations(), ids=lambda operation: operation.name)
def test_every_operation_is_described(operation: catalogue.Operation) -> None:  # type: ignore[type-arg]
    """Its path, its fields and every code it may answer."""
    found = re.search(rf'<details id="{operation.operation_id}">(.*?)</details>', PAGE, re.DOTALL)
    assert found is not None
    for told in (operation.path, operation.summary, *operation.all_errors):
        assert told.replace("'", "&#x27;") in found[1]


def test_the_page_is_whole(page: Page) -> None:
    """Every element is closed, every id is one, and links within lead somewhere."""
    assert page.open == []
    assert len(set(page.ids)) == len(page.ids)
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)


def test_nothing_comes_from_elsewhere(page: Page) -> None:
    """No address of another server and no script, so the policy can forbid them."""
    assert [link for link in page.links if "//" in link] == []
    assert "<script" not in PAGE
    assert "url(" not in reference.css().decode()


@pytest.mark.parametrize("world", ["http"], indirect=True)
def test_it_is_served_behind_a_strict_policy(world: World) -> None:
    """The page and its style, each with its type; the policy names nothing else."""
    assert world.server is not None
    answer = httpx.get(f"{world.server.url}/docs")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self';")
    style = httpx.get(f"{world.server.url}/docs/reference.css")
    assert (style.status_code, style.headers["content-type"]) == (200, "text/css; charset=utf-8")
