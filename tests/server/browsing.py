"""A browser as far as HTTP goes: cookies, forms as they are on a page, no redirect followed."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import httpx

HTML = {"accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}


class Form:
    """A form of a page: where it goes and what it sends as it is."""

    def __init__(self, method: str, action: str) -> None:
        self.method = method
        self.action = action
        self.fields: dict[str, str] = {}
        self.buttons: list[tuple[str, str]] = []


class Page(HTMLParser):
    """An answer, read. text: what a person sees, in one line."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.answer = answer
        self.status = answer.status_code
        self.headers = answer.headers
        self.language = ""
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.labels: set[str] = set()
        self.ids: list[str] = []
        self.alerts = 0
        self._texts: list[str] = []
        self.feed(answer.text)
        self.text = " ".join(" ".join(self._texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take what matters of an element."""
        given = {name: value or "" for name, value in attrs}
        self.ids += [given["id"]] if "id" in given else []
        self.alerts += given.get("role") == "alert"
        if tag == "html":
            self.language = given.get("lang", "")
        if tag == "form":
            self.forms.append(Form(given["method"], given["action"]))
        if tag == "input" and "name" in given:
            self.forms[-1].fields[given["name"]] = given.get("value", "")
        if tag == "button":
            self.forms[-1].buttons.append((given.get("name", ""), given.get("value", "")))
        if tag == "label":
            self.labels.add(given["for"])
        self.links += [given[name] for name in ("href", "src") if name in given]

    def handle_data(self, data: str) -> None:
        """Take text."""
        self._texts.append(data)

    @property
    def form(self) -> Form:
        """The one form of the page."""
        (form,) = self.forms
        return form


class Browser:
    """Keeps cookies between requests; headers of its own may be given."""

    def __init__(self, url: str, **headers: str) -> None:
        self.client = httpx.Client(base_url=url, headers=HTML | headers, timeout=60)

    def open(self, path: str) -> Page:
        """Follow a link."""
        return Page(self.client.get(path))

    def press(self, page: Page, button: tuple[str, str] | None = None, **typed: str) -> Page:
        """Fill in the form of a page and press a button, by default the first."""
        form = page.form
        name, value = button or form.buttons[0]
        fields: dict[str, Any] = form.fields | typed | ({name: value} if name else {})
        return Page(self.client.post(form.action, data=fields))

    def close(self) -> None:
        """Close its connections."""
        self.client.close()
