"""What BROWSER names in tests: opens a page, signs in with what ANSWERS says, writes where it ended."""

from __future__ import annotations

import os
import sys
from urllib.parse import urlsplit

from tests.server.browsing import Browser

url = sys.argv[1]
parts = urlsplit(url)
browser = Browser(f"{parts.scheme}://{parts.netloc}")
page = browser.open(f"{parts.path}?{parts.query}")
if os.environ["ANSWERS"] == "cancel":
    location = next(link for link in page.links if "access_denied" in link)
else:
    email, password = os.environ["ANSWERS"].split()
    location = browser.press(page, email=email, password=password).headers["location"]
ended = browser.client.get(location, follow_redirects=True)
sys.stderr.write(f"{ended.url} {ended.text}\n")
