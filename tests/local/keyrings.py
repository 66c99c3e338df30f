"""Keyrings as foreign programs might be: real keyring backends, chosen by PYTHON_KEYRING_BACKEND.

They run in the child process that bkendctl asks; RING names the JSON file in which they keep their entries.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import threading
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError, PasswordSetError


class Working(KeyringBackend):
    """Keeps entries like Windows does: at most 2560 bytes of UTF-16 each."""

    priority = 9

    def _entries(self) -> dict[str, str]:
        ring = Path(os.environ["RING"])
        return json.loads(ring.read_text()) if ring.exists() else {}

    def get_password(self, service: str, username: str) -> str | None:
        return self._entries().get(f"{service}|{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        if len(password.encode("utf-16-le")) > 2560:
            raise PasswordSetError("too long")
        entries = {**self._entries(), f"{service}|{username}": password}
        Path(os.environ["RING"]).write_text(json.dumps(entries))

    def delete_password(self, service: str, username: str) -> None:
        entries = self._entries()
        if entries.pop(f"{service}|{username}", None) is None:
            raise PasswordDeleteError("no such entry")
        Path(os.environ["RING"]).write_text(json.dumps(entries))


class Other(Working):
    """Another keyring that works."""


class Chatty(Working):
    """Prints to stdout and leaves a thread behind that never ends."""

    def get_password(self, service: str, username: str) -> str | None:
        sys.stdout.write('{"backend": "mine", "value": "nonsense"}\n')
        os.write(1, b"more nonsense\n")
        threading.Thread(target=threading.Event().wait).start()
        return super().get_password(service, username)


class Locked(Working):
    """The user dismissed the prompt; the message carries what must not be shown."""

    def get_password(self, service: str, username: str) -> str | None:
        raise KeyringLocked("canary-secret")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise KeyringLocked(f"canary-secret {password}")


class Hanging(Working):
    """Never answers, and holds the GIL meanwhile, as a native library may."""

    def get_password(self, service: str, username: str) -> str | None:
        ctypes.PyDLL(None).sleep(600)
        return None

    def set_password(self, service: str, username: str, password: str) -> None:
        ctypes.PyDLL(None).sleep(600)


class Forgetful(Working):
    """Accepts everything and gives nothing back."""

    def set_password(self, service: str, username: str, password: str) -> None:
        pass


class Refusing(Working):
    """Fails with an error that is none of keyring's."""

    def get_password(self, service: str, username: str) -> str | None:
        raise ZeroDivisionError("canary-secret")


class Moody(Working):
    """Works on one day and not on the next: MOOD names the class above it behaves like."""

    def get_password(self, service: str, username: str) -> str | None:
        kind: type[KeyringBackend] = globals()[os.environ["MOOD"]]
        return kind.get_password(self, service, username)


class DyingAtHead(Working):
    """Dies when the head of a second value is about to be written."""

    def set_password(self, service: str, username: str, password: str) -> None:
        if username.endswith("/head") and f"{service}|{username}" in self._entries():
            os._exit(9)
        super().set_password(service, username, password)


class PlaintextKeyring(Working):
    """Anybody can read it."""
