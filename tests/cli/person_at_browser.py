"""What BROWSER names in tests: opens a page, signs in with what ANSWERS says, writes where it ended."""

from __future__ import annotations

import os
import sys
from urllib.parse import urlsplit

import httpx

from tests.server.browsing import Browser

url = sys.argv[1]
parts = urlsplit(url)
browser = Browser(f"{parts.scheme}://{parts.netloc}")
page = browser.open(f"{parts.path}?{parts.query}")
email = os.environ["ANSWERS"].split()[0]


def by_provider(address: str) -> str:
    """Consent at a provider; where our own callback sends the browser."""
    consent = httpx.post(address, data={"email": email}, trust_env=False)
    return browser.client.get(consent.headers["location"]).headers["location"]


if page.status == 302:
    location = by_provider(page.headers["location"])
elif os.environ["ANSWERS"] == "cancel":
    location = next(link for link in page.links if "access_denied" in link)
else:
    signed_in = browser.press(page, email=email, password=os.environ["ANSWERS"].split()[1])
    if signed_in.status == 200:
        go_on = next(link for link in signed_in.links if link.startswith("/link/"))
        location = by_provider(browser.open(go_on).headers["location"])
    else:
        location = signed_in.headers["location"]
ended = browser.client.get(location, follow_redirects=True)
sys.stderr.write(f"{ended.url} {ended.text}\n")
