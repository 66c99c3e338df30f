"""The consent page: who signs in, and what it leads to. Plain HTML, works without a script."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable
from html import escape

from starlette.responses import HTMLResponse

from bkendctl.fake_provider.people import OUTCOMES, SUGGESTED

STYLE = """
:root { color-scheme: light dark; --card: #fff; --ground: #fff7e0; --text: #1d1b16; --quiet: #665f50;
  --line: #8f8776; --edge: #e2d9c2; --note: #8a5a00; font: 16px/1.5 system-ui, sans-serif }
@media (prefers-color-scheme: dark) { :root { --card: #1e1b14; --ground: #14120d; --text: #f0ece2;
  --quiet: #b3ab9a; --line: #837b6b; --edge: #3a3427; --note: #ffc94d } }
* { box-sizing: border-box }
body { margin: 0; padding: 2rem 1rem; background: var(--ground); color: var(--text) }
main { max-width: 26rem; margin: 0 auto; padding: 2rem; background: var(--card);
  border: 1px solid var(--edge); border-radius: .75rem; overflow-wrap: anywhere }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .75rem }
h2 { font-size: 1rem; margin: 1.5rem 0 .5rem }
button + label { margin-top: 1rem }
p { margin: 0 0 1rem }
label { display: block; margin: 0 0 .75rem; font-size: .9rem; font-weight: 600 }
button, input, select { display: block; width: 100%; min-height: 2.75rem; padding: .5rem .75rem;
  border: 1px solid var(--line); border-radius: .5rem; background: var(--card);
  color: inherit; font: inherit }
label > input, label > select { margin: .25rem 0 0; font-size: 1rem; font-weight: 400 }
button { margin: 0 0 .5rem; font-weight: 600; cursor: pointer }
button:hover { border-color: var(--note) }
:focus-visible { outline: 3px solid var(--note); outline-offset: 2px }
.note { padding: .5rem .75rem; border-left: .25rem solid var(--note); color: var(--quiet); font-size: .9rem }
@media (max-width: 30rem) { body { padding: 0; background: var(--card) }
  main { padding: 1.5rem 1.25rem; border: 0; border-radius: 0 } }
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
    choice = f'<label>Outcome <select name="outcome">{outcomes}</select></label>'
    body = f"""
<h1>Fake {provider}</h1>
<p class="note">For development. Nobody is asked for a password here.</p>
<p><b>{escape(client_id)}</b> asks for {escape(", ".join(scopes) or "nothing")}.</p>
<form method="post" aria-labelledby="known"><h2 id="known">Sign in as</h2>{people}{choice}</form>
<form method="post" aria-labelledby="other"><h2 id="other">Or as somebody else</h2>
<label>E-mail <input name="email" type="email" required autocomplete="off"></label>
<label>Name <input name="name" autocomplete="off" maxlength="100"></label>
{choice}
<button>Continue</button></form>
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
