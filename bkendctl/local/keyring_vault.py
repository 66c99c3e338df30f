"""Credentials in the system's keyring, asked for through a child process that may hang for our sake.

A thread would not do: a backend may block while it holds the GIL, and could still write an old token after
we had given up on it. A child can be killed, and only it pays for importing keyring.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from typing import Any

from bkendctl.contract.errors import Failure
from bkendctl.local.paths import Paths
from bkendctl.local.vaults import Entry

ANSWER_SECONDS = 3
"""How long a keyring may take for one request."""
_START_SECONDS = 30
"""How long the child may take to start on a busy machine; after that it is ended from outside."""

_START = (
    "import json,sys; request=json.load(sys.stdin); sys.path[:]=request['path'];"
    "from bkendctl.local.keyring_child import main; main(request)"
)

_REASONS = {
    "NoKeyringError": "there is none on this system",
    "KeyringLocked": "it is locked",
    "InitError": "it could not be opened",
    "PasswordSetError": "it refused to store",
    "PasswordDeleteError": "it refused to delete",
    "Damaged": "it did not give back what was stored",
}


class NoAnswer(Exception):
    """The keyring did not do it. reason: continues "it cannot be used: "; error: what the child called it."""

    def __init__(self, reason: str, error: str = "") -> None:
        self.reason = reason
        self.error = error
        super().__init__(reason)


class KeyringVault:
    """Keeps each profile's credentials in the keyring, apart from those of every other home folder.

    home_id: random, from the store's file; with the folder's path it keeps copies of a folder apart too.
    backend: the class that proved to work; another one would look empty, so it is refused.
    """

    def __init__(self, paths: Paths, home_id: str, backend: str) -> None:
        self._prefix = _prefix(paths, home_id)
        self._backend = backend

    @property
    def name(self) -> str:
        return f"keyring ({short_name(self._backend)})"

    def read(self, profile: str) -> Entry | None:
        value = self._ask({"do": "read"}, profile)
        if value is None:
            return None
        try:
            entry = json.loads(value)
        except (ValueError, RecursionError):
            entry = None
        if not isinstance(entry, dict):
            raise self._damaged(profile)
        return entry

    def write(self, profile: str, entry: Entry | None) -> None:
        """Replace the profile's object. After cli/store-unavailable the old or the new one stands, whole."""
        self._ask({"do": "write", "value": None if entry is None else json.dumps(entry)}, profile)

    def _ask(self, request: dict[str, Any], profile: str) -> str | None:
        try:
            return _answer({**request, "key": f"{self._prefix}/{profile}", "backend": self._backend})[1]
        except NoAnswer as error:
            if error.error == "Damaged":
                raise self._damaged(profile) from None
            raise Failure(
                "cli/store-unavailable",
                f"Credentials are in the {self.name}, which cannot be used: {error.reason}.",
                hint="unlock it and try again; BKENDCTL_STORE=file signs in without it",
            ) from None

    def _damaged(self, profile: str) -> Failure:
        return Failure(
            "cli/store-damaged",
            f'The entries of profile "{profile}" in the {self.name} cannot be read; they were left alone.',
            hint="delete the bkendctl entries there, then: bkendctl login",
        )


def probe(paths: Paths, home_id: str) -> str:
    """Set, get back and delete a canary; return the class of the backend that did. Raises NoAnswer."""
    return _answer({"do": "probe", "key": _prefix(paths, home_id), "backend": None})[0]


def short_name(backend: str) -> str:
    """Say for people which keyring it is: keyring.backends.SecretService.Keyring is SecretService."""
    module, _, kind = backend.rpartition(".")
    return module.rpartition(".")[2] if kind == "Keyring" and module else kind


def _prefix(paths: Paths, home_id: str) -> str:
    return hashlib.sha256(f"{home_id}\0{paths.data_dir}".encode()).hexdigest()[:16]


def _answer(request: dict[str, Any]) -> tuple[str, str | None]:
    """Return the backend's class and the value. Raises NoAnswer(words, name of the error)."""
    asked = json.dumps({**request, "seconds": ANSWER_SECONDS, "path": sys.path})
    # The keyring needs the session's variables, not our secrets.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BKENDCTL_")}
    began = time.monotonic()
    try:
        # -I: no module of the current folder or of PYTHONSTARTUP's likes; sys.path is handed over instead.
        # A session of its own: no terminal a backend could ask a pass phrase on, and Ctrl-C ends us first.
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-I", "-c", _START],
            input=asked,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_START_SECONDS,
            env=environment,
            start_new_session=True,
            encoding="utf-8",
            check=False,
        )
        reply = json.loads(done.stdout) if done.stdout else {"error": "died"}
    except subprocess.TimeoutExpired:
        reply = {"error": "died"}
    except (OSError, ValueError) as error:
        raise NoAnswer(f"asking it failed ({type(error).__name__})") from None
    name = reply.get("error")
    if name is None:
        return reply["backend"], reply["value"]
    if name == "died" and time.monotonic() - began >= ANSWER_SECONDS:
        raise NoAnswer(f"it did not answer within {ANSWER_SECONDS} s", name)
    if name == "OtherBackend":
        raise NoAnswer(f"this system's keyring is {short_name(reply['backend'])} now", name)
    raise NoAnswer(_REASONS.get(name, f"it failed ({name})"), name)
