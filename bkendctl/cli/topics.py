"""What `bkendctl help TOPIC` and the manual say beside the commands: exit statuses, variables, files, texts.

Pure text. Tables are the source that everything else (help, man pages) is written from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from textwrap import fill
from typing import NamedTuple

WIDTH = 78
"""Cells of a line; two less than the smallest terminal that is cared for."""

EXIT_STATUSES: dict[int, tuple[str, str]] = {
    0: ("done", "done"),
    1: ("failed", "failed, a fault of the server, or not offered here"),
    2: ("usage", "typed wrongly, or something is missing that may not be asked for"),
    3: ("not signed in", "not signed in, or key, token or sign-in refused"),
    4: ("forbidden", "forbidden to whoever asked"),
    5: ("not found", "not found, or gone"),
    6: ("conflict", "in conflict with what is there"),
    7: ("rate limited or locked", "rate limited or locked; try again later"),
    8: ("network", "no network, timed out, or unavailable"),
    9: ("second factor required", "a second factor is required: --mfa-code"),
    10: ("invalid data", "invalid data"),
    130: ("interrupted", "interrupted, or end of input at a question"),
}
"""Each status in few words and in a line. Never changed: scripts rely on them."""

VARIABLES: dict[str, str] = {
    "BKENDCTL_HOME": "one folder for all local files, instead of the platform's folders",
    "BKENDCTL_PROFILE": "profile to use; --profile goes before it",
    "BKENDCTL_URL": "a server without any profile; stored tokens are never sent to it",
    "BKENDCTL_API_KEY": "API key (pk_ or sk_) that goes before the stored one",
    "BKENDCTL_ACCESS_TOKEN": "access token that goes before the stored one; means --as user",
    "BKENDCTL_PASSWORD": "password, where one would be asked for",
    "BKENDCTL_NEW_PASSWORD": "new password of `password change`",
    "BKENDCTL_MFA_CODE": "code of the app, or a backup code, where one is wanted",
    "BKENDCTL_DATABASE_URL": "database of the core, before the profile's: sqlite:////a/file.db or postgresql://…",
    "BKENDCTL_MASTER_KEY": "32 bytes in base64 that encrypt stored secrets, instead of master.key",
    "BKENDCTL_PUBLIC_URL": "base of the links in mails",
    "BKENDCTL_SMTP_URL": "mail server: smtp://user:pass@host:587?starttls=true",
    "BKENDCTL_PWNED_URL": "range API that knows leaked passwords: https://api.pwnedpasswords.com/range/",
    "BKENDCTL_AVATARS_URL": "bucket for avatars: s3://bucket/prefix?endpoint=https://…&region=…",
    "BKENDCTL_FAKE_PROVIDERS": "base of fake providers that stand in for Google and GitHub in dev",
    "BKENDCTL_STORE": "where credentials are kept: keyring, file or memory",
    "BKENDCTL_OUTPUT": "output format where --output is not given",
    "NO_COLOR": "no colour, when set to anything",
    "COLUMNS": "width of tables, instead of the terminal's",
}

FILES: dict[str, str] = {
    "config.toml": "profiles, and which one is current; may be edited, holds no secret",
    "bkendctl.db": "database of the embedded core (SQLite), with its -wal and -shm",
    "master.key": "key that encrypts secrets in the database; keep a copy of it apart",
    "master.key.next": "its successor, only while db rekey is under way",
    "credentials.json": "keys and tokens, where no keyring holds them",
    "store.json": "which credential store was chosen",
    "agreed.PROFILE.json": "fingerprints of keys found to be of the profile's environment",
    "recent.PROFILE.json": "what the last lists showed (e-mails, ids), offered on TAB for a week",
}
"""In BKENDCTL_HOME, else in the platform's folders for configuration (config.toml) and data (the others)."""


class Topic(NamedTuple):
    """summary: one line for the list; text: made when it is asked for."""

    summary: str
    text: Callable[[], str]


def _table(rows: Mapping[str, str] | Iterable[tuple[str, str]]) -> str:
    """Lay out terms and their meanings, long meanings under themselves."""
    pairs = list(rows.items() if isinstance(rows, Mapping) else rows)
    width = max(len(term) for term, _ in pairs) + 2
    indent = " " * (width + 2)
    return "\n".join(
        fill(
            meaning,
            WIDTH,
            initial_indent=f"  {term:<{width}}",
            subsequent_indent=indent,
            break_on_hyphens=False,
            break_long_words=False,
        )
        for term, meaning in pairs
    )


def _environment() -> str:
    return f"""Variables that bkendctl reads. An option on the command line goes before them.

{_table(VARIABLES)}

Files, all 0600 in 0700 folders, in BKENDCTL_HOME or the platform's folders:

{_table(FILES)}

Passwords, keys and tokens never come from an argument: other users of the
machine could read them, and shells keep a history."""


def _exit_codes() -> str:
    from bkendctl.contract.errors import ERRORS, Failure

    codes: dict[int, list[str]] = {}
    for code in sorted(ERRORS):
        codes.setdefault(Failure(code).exit_status, []).append(code)
    rows = [
        (str(status), meaning + (f": {', '.join(codes[status])}" if status in codes else ""))
        for status, (_, meaning) in EXIT_STATUSES.items()
    ]
    return f"""Each exit status, and the error codes that end with it. They never change.

{_table(rows)}

Another code of a server ends with the status of its HTTP status."""


def _output() -> str:
    from bkendctl.cli.render import FORMATS

    meanings = {
        "table": "for people: tables and cards, times relative; columns without room are left out",
        "json": "one document, exactly the API's body; lists with their pagination; times in UTC",
        "yaml": "the same as YAML",
        "csv": "the rows of a list, or the one row of an object, with a header",
    }
    return f"""Results go to stdout, everything else (questions, notes, errors) to stderr.

-o, --output FORMAT, before or after the verb; else BKENDCTL_OUTPUT, else table:

{_table((name, meanings[name]) for name in FORMATS)}

-q, --quiet prints the identifier or the secret alone, one a line. --jq EXPR
filters the JSON and prints texts without quotes.

An error is `error: what happened [code]` and what to type next. With -o json
it is the API's error body, with error.hint added.

Colour and width follow the terminal; a pipe gets plain text, 80 columns wide.
Hidden and commanding characters in texts of users are written out (\\x1b).

Examples:
  bkendctl users list -o json --jq '.items[].email'
  bkendctl keys create --type secret --name ci -q
  bkendctl users list -o csv"""


def _auth() -> str:
    return """Who a command speaks as:

  guest  signup, login, invitations accept and reject: the publishable key
  user   the commands of the own account: the signed-in user
  admin  users, invitations, keys, mail, audit, clock: the secret key when the
         profile has one, else the signed-in user

--as user and --as key decide otherwise; --debug names the caller of each
request. BKENDCTL_ACCESS_TOKEN means --as user.

`bkendctl init` issues the first keys. With its secret key the first admin is
made: bkendctl users set-role EMAIL admin. Lost keys: bkendctl init --new-keys.

`login` and `signup` keep the tokens in the credential store. An expired access
token is renewed by itself; `token print` gives one that works to other tools.
Where a second factor is on, `login` asks for its code. With --no-input, or
without a terminal, it ends with exit status 9; give --mfa-code.

Credentials go by: environment (BKENDCTL_API_KEY, BKENDCTL_ACCESS_TOKEN), then
the store. The store is the system's keyring where one works, else
credentials.json. BKENDCTL_STORE decides; memory keeps nothing for later."""


def _profiles() -> str:
    return """A profile says where commands go, to an embedded core (a database of this
machine) or to a server, and under its name credentials are kept.

Which one: --profile, else BKENDCTL_URL (a server without a profile), else
BKENDCTL_PROFILE, else the current one.

Examples:
  bkendctl init
  bkendctl profiles add prod --url https://auth.example.com --api-key-stdin <key
  bkendctl profiles list
  bkendctl profiles use default
  bkendctl users list --profile prod

config.toml holds the profiles. It may be edited, and holds no secret. Removing
a profile forgets its credentials; its database stays where it is."""


TOPICS: dict[str, Topic] = {
    "environment": Topic("Variables and files.", _environment),
    "exit-codes": Topic("Exit statuses, and the error codes behind them.", _exit_codes),
    "output": Topic("Tables, JSON, YAML, CSV, -q and --jq.", _output),
    "auth": Topic("Who a command speaks as, and with which credentials.", _auth),
    "profiles": Topic("Where commands go.", _profiles),
}
