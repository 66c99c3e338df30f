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
if page.status == 302:  # on to a provider, and back
    consent = httpx.post(page.headers["location"], data={"email": email}, trust_env=False)
    location = browser.client.get(consent.headers["location"]).headers["location"]
elif os.environ["ANSWERS"] == "cancel":
    location = next(link for link in page.links if "access_denied" in link)
else:
    email, password = os.environ["ANSWERS"].split()
    location = browser.press(page, email=email, password=password).headers["location"]
ended = browser.client.get(location, follow_redirects=True)
sys.stderr.write(f"{ended.url} {ended.text}\n")
