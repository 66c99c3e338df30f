"""The consent page: who signs in, and what it leads to. Plain HTML, works without a script."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable
from html import escape

from starlette.responses import HTMLResponse

from bkendctl.fake_provider.people import OUTCOMES, SUGGESTED

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { margin: 0 auto; max-width: 26rem; padding: 2rem 1rem }
h1 { font-size: 1.4rem; margin: 0 0 .25rem }
p { margin: .25rem 0 1rem }
button, input, select { font: inherit; width: 100%; box-sizing: border-box; padding: .6rem .75rem }
button, input, select { margin: .25rem 0 }
button { cursor: pointer; text-align: left }
fieldset { border: 1px solid GrayText; border-radius: .5rem; margin: 1rem 0; padding: .75rem 1rem }
.note { border-left: .25rem solid Highlight; padding-left: .75rem }
"""
_HASH = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
# Without form-action: what is posted ends at the client, wherever that is.
HEADERS = {
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def page(provider: str, client_id: str, scopes: Iterable[str]) -> HTMLResponse:
    """Ask who signs in."""
    people = "\n".join(
        f'<button name="email" value="{escape(email)}">{escape(email)}</button>' for email in SUGGESTED
    )
    outcomes = "".join(
        f'<option value="{name}">{name}: {escape(meaning)}</option>' for name, meaning in OUTCOMES.items()
    )
    choice = f'<label>Then <select name="outcome">{outcomes}</select></label>'
    body = f"""
<h1>Fake {provider}</h1>
<p class="note">For development. Nobody is asked for a password here.</p>
<p><b>{escape(client_id)}</b> asks for {escape(", ".join(scopes) or "nothing")}.</p>
<form method="post"><fieldset><legend>Sign in as</legend>{choice}{people}</fieldset></form>
<form method="post"><fieldset><legend>Somebody else</legend>
<label>E-mail <input name="email" type="email" required autocomplete="off"></label>
<label>Name <input name="name" autocomplete="off" maxlength="100"></label>
{choice}
<button>Continue</button></fieldset></form>
"""
    return _html(f"Fake {provider}", body)


def refusal(provider: str, why: str) -> HTMLResponse:
    """Say what is wrong with a request that must not be answered by a redirect."""
    return _html(f"Fake {provider}", f"<h1>Fake {provider} refuses</h1><p>{escape(why)}</p>", status=400)


def _html(title: str, body: str, status: int = 200) -> HTMLResponse:
    head = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>{STYLE}</style></head>
"""
    return HTMLResponse(f"{head}<body><main>{body}</main></body></html>", status, HEADERS)
